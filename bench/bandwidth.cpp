#include "bandwidth.hpp"

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>

namespace bench {
namespace {

// The compiler makes a version for each instruction set; the widest loads read fastest.
#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target_clones("avx512f", "avx2", "default")))
#endif
std::uint64_t
sum_of(const std::uint64_t* data, std::size_t n) {
  constexpr std::size_t lanes = 64; // several independent vector sums
  std::uint64_t sums[lanes] = {};
  for (std::size_t k = 0; k < n; k += lanes) {
    for (std::size_t lane = 0; lane < lanes; ++lane) sums[lane] += data[k + lane];
  }
  std::uint64_t sum = 0;
  for (const std::uint64_t s : sums) sum += s;
  return sum;
}

} // namespace

std::uint64_t read_words(const std::uint64_t* data, std::size_t n) {
  return sum_of(data, n);
}

std::vector<bandwidth_point> measure_bandwidth(const timing_options& options) {
  constexpr std::size_t mib = std::size_t{1} << 20U;
  std::vector<std::size_t> sizes{mib / 32, mib / 2, 4 * mib, 32 * mib, 128 * mib, 512 * mib};
  std::vector<std::uint64_t> data(sizes.back() / sizeof(std::uint64_t), 1);
  std::vector<task> tasks;
  for (const std::size_t size : sizes) {
    tasks.push_back({"read " + std::to_string(size), [&data, size] {
                       benchmark::DoNotOptimize(sum_of(data.data(), size / sizeof(std::uint64_t)));
                     }});
  }
  const auto times = measure(tasks, options);
  std::vector<bandwidth_point> points;
  for (std::size_t k = 0; k < sizes.size(); ++k) {
    const auto bytes = static_cast<double>(sizes[k]);
    points.push_back({bytes, bytes / times[k].best}); // a ceiling: the best counts
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
