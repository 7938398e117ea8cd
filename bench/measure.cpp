#include "measure.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace bench {
namespace {

/// Keeps the aggregates that are asked for and prints nothing.
class collector final : public benchmark::BenchmarkReporter {
public:
  collector(const std::vector<task>& tasks, std::vector<timing>& out) : tasks_(tasks), out_(out) {}

  bool ReportContext(const Context&) override { return true; }

  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Aggregate) continue;
      for (std::size_t k = 0; k < tasks_.size(); ++k) {
        if (run.run_name.function_name != tasks_[k].name) continue;
        if (run.aggregate_name == "median") out_[k].seconds = run.GetAdjustedRealTime() * 1e-9;
        if (run.aggregate_name == "best") out_[k].best = run.GetAdjustedRealTime() * 1e-9;
        if (run.aggregate_name == "cv") out_[k].spread = run.real_accumulated_time;
      }
    }
  }

private:
  const std::vector<task>& tasks_;
  std::vector<timing>& out_;
};

} // namespace

void start_timing(const char* program) {
  static std::string name = program;
  static std::string interleave = "--benchmark_enable_random_interleaving=true";
  std::array<char*, 3> arguments{name.data(), interleave.data(), nullptr};
  int count = 2;
  benchmark::Initialize(&count, arguments.data());
}

std::vector<timing> measure(const std::vector<task>& tasks, const timing_options& options) {
  std::vector<timing> out(tasks.size());
  for (const task& t : tasks) {
    benchmark::RegisterBenchmark(t.name.c_str(),
                                 [&t](benchmark::State& state) {
                                   t.run(); // warm: what stands in the caches is the same for all
                                   for (auto _ : state) t.run();
                                 })
        ->UseRealTime()
        ->ComputeStatistics("best",
                            [](const std::vector<double>& times) {
                              return *std::min_element(times.begin(), times.end());
                            })
        ->Repetitions(options.repetitions)
        ->MinTime(options.min_seconds);
  }
  collector reporter(tasks, out);
  benchmark::RunSpecifiedBenchmarks(&reporter);
  benchmark::ClearRegisteredBenchmarks();
  for (std::size_t k = 0; k < tasks.size(); ++k) {
    if (out[k].seconds <= 0) throw std::runtime_error("no time was measured for " + tasks[k].name);
  }
  return out;
}

} // namespace bench
