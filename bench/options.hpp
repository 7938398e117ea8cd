// The options of programs whose runs can be summarised.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "measure.hpp"

namespace bench {

struct run_options {
  std::vector<std::string> summarize;
  std::string json;
  std::string commit = "unknown";

  void add_to(CLI::App& app, timing_options& timing) {
    app.add_option("--repetitions", timing.repetitions, "timed repetitions")
        ->check(CLI::Range(2, 1000));
    app.add_option("--min-time", timing.min_seconds, "seconds of each")->check(CLI::PositiveNumber);
    app.add_option("--summarize", summarize,
                   "measure nothing: medians over earlier runs, from their JSON files");
    app.add_option("--json", json, "also write the figures to this file");
    app.add_option("--commit", commit, "shown as the version that is measured");
  }
};

} // namespace bench
