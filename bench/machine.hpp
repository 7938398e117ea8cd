// What the measurements ran on.
#pragma once

#include <fstream>
#include <string>

#include <tilebit/core/isa.hpp>

namespace bench {

/// The processor's name as the system gives it.
inline std::string processor_name() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

inline std::string compiler_name() {
#if defined(__clang__)
  return "clang " + std::to_string(__clang_major__) + "." + std::to_string(__clang_minor__);
#else
  return "g++ " + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__);
#endif
}

/// "processor; compiler flags; instruction set; commit".
inline std::string conditions_line(const std::string& commit) {
  return processor_name() + "; " + compiler_name() + " " + TILEBIT_BENCH_FLAGS + "; " +
         std::string(tilebit::to_string(tilebit::active_isa())) + "; commit " + commit;
}

/// Bytes of the last-level cache of the first core as the system gives them; 64 MiB where it gives
/// none.
inline double last_level_cache() {
  double bytes = 0;
  for (int index = 0;; ++index) { // in the order of their levels
    std::ifstream in("/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index) + "/size");
    double size = 0;
    char unit = 'K';
    if (!(in >> size >> unit)) break;
    bytes = size * (unit == 'G' ? 0x1p30 : unit == 'M' ? 0x1p20 : 0x1p10);
  }
  return bytes > 0 ? bytes : 0x1p26;
}

} // namespace bench
