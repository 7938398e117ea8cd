// Cache lines of operands, asked for before they are needed.
#pragma once

#include <cstdint>

#include "../core/config.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Elements of a cache line.
template <class T>
inline constexpr std::int64_t elements_of_line = 64 / std::int64_t{sizeof(T)};

/// Asks for n elements. Inlined, as its callers have to be, because g++ drops calls of functions
/// that do nothing but prefetch.
template <class T>
TILEBIT_ALWAYS_INLINE void fetch_lines(const T* from, std::int64_t n) noexcept {
  for (std::int64_t j = 0; j < n; j += elements_of_line<T>) TILEBIT_PREFETCH(from + j);
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
