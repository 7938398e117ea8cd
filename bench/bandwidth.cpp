#include "bandwidth.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

namespace bench {

std::vector<bandwidth_point> measure_bandwidth(const timing_options& options) {
  constexpr std::size_t mib = std::size_t{1} << 20U;
  std::vector<std::size_t> sizes{mib / 32, mib / 2, 4 * mib, 32 * mib, 128 * mib, 512 * mib};
  std::vector<std::uint64_t> data(sizes.back() / sizeof(std::uint64_t), 1);
  std::vector<task> tasks;
  for (const std::size_t size : sizes) {
    tasks.push_back({"read " + std::to_string(size), [&data, size] {
                       std::uint64_t sum = 0; // integers: the compiler may use vectors freely
                       for (std::size_t k = 0; k < size / sizeof(std::uint64_t); ++k)
                         sum += data[k];
                       benchmark::DoNotOptimize(sum);
                     }});
  }
  const auto times = measure(tasks, options);
  std::vector<bandwidth_point> points;
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    const auto bytes = static_cast<double>(sizes[k]);
    points.push_back({bytes, bytes / times[k].seconds});
  }
  return points;
}

double bandwidth_for(const std::vector<bandwidth_point>& points, double bytes) {
  for (const auto& p : points) {
    if (p.bytes >= bytes) return p.bytes_per_second;
  }
  return points.back().bytes_per_second;
}

} // namespace bench
