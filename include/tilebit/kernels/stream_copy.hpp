// Copies that go past the caches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "../core/config.hpp"

#if TILEBIT_X86
#include <immintrin.h>
#endif

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Copies n elements, whole cache lines of `to` past the caches. finish_streams (panel_output.hpp)
/// makes them visible to other threads.
template <class T>
void stream_copy(const T* from_first, std::int64_t n, T* to_first) noexcept {
  auto left = static_cast<std::size_t>(n) * sizeof(T);
  const auto* from = reinterpret_cast<const char*>(from_first);
  auto* to = reinterpret_cast<char*>(to_first);
#if TILEBIT_X86
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(to) % 64;
  if (left >= before + 64) {
    std::memcpy(to, from, before);
    from += before;
    to += before;
    left -= before;
    for (; left >= 64; left -= 64, from += 64, to += 64) {
      for (int quarter = 0; quarter < 64; quarter += 16) {
        _mm_stream_si128(reinterpret_cast<__m128i*>(to + quarter),
                         _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + quarter)));
      }
    }
  }
#endif
  std::memcpy(to, from, left);
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
