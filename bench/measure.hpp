// Timing by Google Benchmark: repetitions in random order, medians and spread from its aggregates.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace bench {

struct task {
  std::string name;
  std::function<void()> run;
};

struct timing {
  double seconds = 0; ///< median of the repetitions
  double best = 0;    ///< the fastest of them
  double spread = 0;  ///< their coefficient of variation
};

struct timing_options {
  int repetitions = 5;
  double min_seconds = 0.02; ///< of each repetition
};

/// Must be called once, first.
void start_timing(const char* program);

/// Runs all tasks interleaved; each runs once untimed before it is timed. One result per task.
/// Throws std::runtime_error when a result is missing.
std::vector<timing> measure(const std::vector<task>& tasks, const timing_options& options);

} // namespace bench
