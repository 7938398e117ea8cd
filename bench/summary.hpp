// What a figure comes to over many matrices: medians, geometric means and extremes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace bench {

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

enum class extreme { least, largest };

/// One line: the geometric mean of values and the extreme one with its name; nothing without
/// values. `of` says what is counted.
inline void print_mean_line(const std::string& what, const std::string& type,
                            const std::vector<std::pair<double, std::string>>& values,
                            extreme shown, const char* of = "matrices") {
  if (values.empty()) return;
  double logs = 0;
  for (const auto& [value, name] : values) logs += std::log(value);
  const auto [least, largest] = std::minmax_element(values.begin(), values.end());
  const auto& [value, where] = shown == extreme::least ? *least : *largest;
  std::printf("%-62s %-6s %3zu %s: %6.2f, %s %5.2f (%s)\n", what.c_str(), type.c_str(),
              values.size(), of, std::exp(logs / static_cast<double>(values.size())),
              shown == extreme::least ? "least" : "largest", value, where.c_str());
}

} // namespace bench
