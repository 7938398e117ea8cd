// The read bandwidth of one thread, measured for working sets that live in different caches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "measure.hpp"

namespace bench {

struct bandwidth_point {
  double bytes = 0;
  double bytes_per_second = 0;
};

/// The sum of n words, n a multiple of 64: reads as fast as one thread can.
std::uint64_t read_words(const std::uint64_t* data, std::size_t n);

/// Sums an array of each size; from the L1 cache to main memory.
std::vector<bandwidth_point> measure_bandwidth(const timing_options& options);

/// The bandwidth at the smallest measured size that holds `bytes`.
double bandwidth_for(const std::vector<bandwidth_point>& points, double bytes);

} // namespace bench
