// What a figure comes to over many matrices: medians, geometric means and extremes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace bench {

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

inline double geometric_mean(const std::vector<double>& values) {
  double logs = 0;
  for (const double value : values) logs += std::log(value);
  return std::exp(logs / static_cast<double>(values.size()));
}

/// Throws unless all runs have results of the same things: same(r, that of the first run).
template <class Run, class Same>
void require_same_results(const std::vector<Run>& runs, Same&& same) {
  const auto& first = runs.front().results;
  for (const Run& run : runs) {
    if (!std::equal(run.results.begin(), run.results.end(), first.begin(), first.end(), same)) {
      throw std::runtime_error("the runs are of different matrices");
    }
  }
}

enum class extreme { least, largest };

/// One line: the geometric mean of values and the extreme one with its name; nothing without
/// values. `of` says what is counted.
inline void print_mean_line(const std::string& what, const std::string& type,
                            const std::vector<std::pair<double, std::string>>& values,
                            extreme shown, const char* of = "matrices") {
  if (values.empty()) return;
  std::vector<double> numbers;
  for (const auto& [value, name] : values) numbers.push_back(value);
  const auto [least, largest] = std::minmax_element(values.begin(), values.end());
  const auto& [value, where] = shown == extreme::least ? *least : *largest;
  std::printf("%-62s %-6s %3zu %s: %6.2f, %s %5.2f (%s)\n", what.c_str(), type.c_str(),
              values.size(), of, geometric_mean(numbers),
              shown == extreme::least ? "least" : "largest", value, where.c_str());
}

} // namespace bench
