// Ranges of rows for threads, cut by stored entries.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/numeric.hpp"

#if TILEBIT_HAS_OPENMP
#include <omp.h>
#endif

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Threads that a policy gives in this translation unit.
inline int thread_count(const execution_policy& policy) noexcept {
#if TILEBIT_HAS_OPENMP
  return policy.count() == execution_policy::all ? omp_get_max_threads() : policy.count();
#else
  static_cast<void>(policy);
  return 1;
#endif
}

/// Offsets of entries per unit: rows of CSR, tile rows of bitmap, slices.
template <class View>
auto entry_offsets(const View& a) noexcept {
  if constexpr (requires { a.element_offsets(); }) {
    return a.element_offsets();
  } else if constexpr (requires { a.slice_offsets(); }) {
    return a.slice_offsets();
  } else {
    return a.row_offsets();
  }
}

/// The first unit at or behind share part/parts of all entries and units that the offsets span.
template <class O>
std::int64_t cut(std::span<const O> offsets, std::int64_t part, std::int64_t parts) noexcept {
  const std::int64_t n = detail::length(offsets) - 1;
  const auto weight = [&](std::int64_t i) {
    return static_cast<double>(offsets[detail::at(i)] - offsets[0]) + static_cast<double>(i);
  };
  const double target = weight(n) * static_cast<double>(part) / static_cast<double>(parts);
  std::int64_t low = 0;
  std::int64_t high = n;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (weight(middle) < target) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return part == parts ? n : low;
}

/// Calls f(first, last) for ranges that cover units [begin, end) of a matrix with these offsets. f
/// computes every row on its own, so that the cuts do not change any result.
template <class O, class F>
void for_each_range(const execution_policy& policy, [[maybe_unused]] std::span<const O> all_offsets,
                    std::int64_t begin, std::int64_t end, F&& f) {
  const int threads = thread_count(policy);
  if (threads <= 1 || end - begin < 2) {
    if (begin < end) f(begin, end);
    return;
  }
#if TILEBIT_HAS_OPENMP
  const int parts =
      4 * threads; // a few per thread, so that one slow core does not hold up the rest
  const std::span<const O> offsets =
      all_offsets.subspan(detail::at(begin), detail::at(end - begin) + 1);
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (int p = 0; p < parts; ++p) {
    const std::int64_t first = cut(offsets, p, parts);
    const std::int64_t last = cut(offsets, p + 1, parts);
    if (first < last) f(begin + first, begin + last);
  }
#endif
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
