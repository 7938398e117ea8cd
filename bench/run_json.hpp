// What the JSON files of the benchmark programs have in common.
#pragma once

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include <tilebit/core/isa.hpp>

#include "machine.hpp"
#include "measure.hpp"

namespace bench {

inline nlohmann::json conditions_json(const timing_options& options, const std::string& commit) {
  return {{"processor", processor_name()},
          {"compiler", compiler_name()},
          {"flags", TILEBIT_BENCH_FLAGS},
          {"isa", tilebit::to_string(tilebit::active_isa())},
          {"threads", 1}, // of the pictures
          {"repetitions", options.repetitions},
          {"commit", commit}};
}

inline void put_times(nlohmann::json& row, const std::map<std::string, timing>& times) {
  for (const auto& [name, t] : times) {
    row["seconds"][name] = t.seconds;
    row["spread"][name] = t.spread;
  }
}

inline std::map<std::string, timing> get_times(const nlohmann::json& row) {
  std::map<std::string, timing> times;
  for (const auto& [name, seconds] : row.at("seconds").items()) {
    times[name].seconds = seconds;
    times[name].spread = row.at("spread").at(name);
  }
  return times;
}

inline void write_json_file(const std::string& path, const nlohmann::json& out) {
  std::ofstream file(path);
  file << out.dump(1) << '\n';
  if (!file) throw std::runtime_error("cannot write " + path);
}

inline nlohmann::json read_json_file(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read " + path);
  return nlohmann::json::parse(file);
}

} // namespace bench
