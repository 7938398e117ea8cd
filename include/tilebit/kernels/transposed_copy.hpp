// Transposed copies of dense pieces: columns of B into the rows that kernels read, rows of sums
// into columns of C.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "../core/config.hpp"
#include "../core/isa.hpp"
#include "dispatch.hpp"

#if TILEBIT_X86
#include <immintrin.h>
#endif

namespace tilebit::inline TILEBIT_ABI::kernels {

/// A square of `transposed_edge<T>` elements a side; SSE2 is in every x86-64.
template <class T>
inline constexpr std::int64_t transposed_edge = 1;

template <class T>
void transpose_square(const T* from, std::int64_t, T* to, std::int64_t) noexcept {
  *to = *from;
}

#if TILEBIT_X86
template <class T>
  requires(sizeof(T) == 4)
inline constexpr std::int64_t transposed_edge<T> = 4;
template <>
inline constexpr std::int64_t transposed_edge<double> = 2;

template <class T>
  requires(sizeof(T) == 4)
void transpose_square(const T* from, std::int64_t from_ld, T* to, std::int64_t to_ld) noexcept {
  const auto load = [](const T* p) {
    return _mm_castsi128_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  };
  const auto store = [](T* p, __m128 x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_castps_si128(x));
  };
  __m128 a = load(from);
  __m128 b = load(from + from_ld);
  __m128 c = load(from + 2 * from_ld);
  __m128 d = load(from + 3 * from_ld);
  _MM_TRANSPOSE4_PS(a, b, c, d);
  store(to, a);
  store(to + to_ld, b);
  store(to + 2 * to_ld, c);
  store(to + 3 * to_ld, d);
}
inline void transpose_square(const double* from, std::int64_t from_ld, double* to,
                             std::int64_t to_ld) noexcept {
  const __m128d a = _mm_loadu_pd(from);
  const __m128d b = _mm_loadu_pd(from + from_ld);
  _mm_storeu_pd(to, _mm_unpacklo_pd(a, b));
  _mm_storeu_pd(to + to_ld, _mm_unpackhi_pd(a, b));
}
#endif

/// Squares one by one.
template <class T>
void transpose_squares(const T* from, std::int64_t from_ld, std::int64_t m, std::int64_t n, T* to,
                       std::int64_t to_ld) noexcept {
  constexpr std::int64_t edge = transposed_edge<T>;
  constexpr std::int64_t strip = 64 / std::int64_t{sizeof(T)}; // a cache line of each column
  const std::int64_t whole_n = n - n % edge;
  for (std::int64_t i0 = 0; i0 < m; i0 += strip) {
    const std::int64_t i1 = std::min(i0 + strip, m);
    const std::int64_t whole = i1 - (i1 - i0) % edge;
    for (std::int64_t j = 0; j < whole_n; j += edge) {
      for (std::int64_t i = i0; i < whole; i += edge) {
        transpose_square(from + j * from_ld + i, from_ld, to + i * to_ld + j, to_ld);
      }
      for (std::int64_t i = whole; i < i1; ++i) {
        for (std::int64_t k = j; k < j + edge; ++k) to[i * to_ld + k] = from[k * from_ld + i];
      }
    }
    for (std::int64_t j = whole_n; j < n; ++j) {
      for (std::int64_t i = i0; i < i1; ++i) to[i * to_ld + j] = from[j * from_ld + i];
    }
  }
}

template <class T>
using transpose_function = void(const T* from, std::int64_t from_ld, std::int64_t m, std::int64_t n,
                                T* to, std::int64_t to_ld) noexcept;

template <class T>
struct transpose_table {
  using row = kernel_row<transpose_function<T>>;
  static constexpr std::array rows{row{isa::scalar, "squares", &transpose_squares<T>}};
};
#if TILEBIT_X86 && !defined(TILEBIT_DISABLE_AVX512)
template <class T>
  requires(sizeof(T) == 4 || sizeof(T) == 8)
struct transpose_table<T> {
  using row = kernel_row<transpose_function<T>>;
  static constexpr std::array rows{
      row{isa::avx512, "squares of cache lines", &avx512::transposed_copy<T>},
      row{isa::scalar, "squares", &transpose_squares<T>}};
};
#endif

/// to[i * to_ld + j] = from[j * from_ld + i] for i < m, j < n.
template <class T>
void transposed_copy(const T* from, std::int64_t from_ld, std::int64_t m, std::int64_t n, T* to,
                     std::int64_t to_ld) noexcept {
  select(transpose_table<T>::rows).function(from, from_ld, m, n, to, to_ld);
}

/// The same for words of 4 bytes in rows so many bytes apart, of which bits are flipped; null where
/// there is no kernel for the active instruction set.
using transpose_words_function = void(const void* from, std::int64_t from_stride, std::int64_t m,
                                      std::int64_t n, void* to, std::int64_t to_stride,
                                      std::uint32_t flip) noexcept;
inline transpose_words_function* transpose_words() noexcept {
#if TILEBIT_X86 && !defined(TILEBIT_DISABLE_AVX512)
  if (active_isa() >= isa::avx512) return &avx512::transpose_elements<4>;
#endif
  return nullptr;
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
