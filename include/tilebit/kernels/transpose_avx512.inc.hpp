// Transposed copies with AVX-512, squares of 64 bytes a side: included by simd.hpp.

/// Transposes 4 x 4 quarters of registers: quarter q of `to[apart * k]` is quarter k of u[q].
inline void transpose_quarters(const __m512i (&u)[4], __m512i* to, int apart) noexcept {
  const __m512i a = _mm512_shuffle_i64x2(u[0], u[1], 0x44);
  const __m512i b = _mm512_shuffle_i64x2(u[2], u[3], 0x44);
  const __m512i c = _mm512_shuffle_i64x2(u[0], u[1], 0xee);
  const __m512i d = _mm512_shuffle_i64x2(u[2], u[3], 0xee);
  to[0] = _mm512_shuffle_i64x2(a, b, 0x88);
  to[apart] = _mm512_shuffle_i64x2(a, b, 0xdd);
  to[2 * apart] = _mm512_shuffle_i64x2(c, d, 0x88);
  to[3 * apart] = _mm512_shuffle_i64x2(c, d, 0xdd);
}

inline void transpose_square(__m512i (&r)[16]) noexcept {
  __m512i t[16];
  TILEBIT_UNROLL
  for (int k = 0; k < 16; k += 4) {
    const __m512i a = _mm512_unpacklo_epi32(r[k], r[k + 1]);
    const __m512i b = _mm512_unpackhi_epi32(r[k], r[k + 1]);
    const __m512i c = _mm512_unpacklo_epi32(r[k + 2], r[k + 3]);
    const __m512i d = _mm512_unpackhi_epi32(r[k + 2], r[k + 3]);
    t[k] = _mm512_unpacklo_epi64(a, c);
    t[k + 1] = _mm512_unpackhi_epi64(a, c);
    t[k + 2] = _mm512_unpacklo_epi64(b, d);
    t[k + 3] = _mm512_unpackhi_epi64(b, d);
  }
  TILEBIT_UNROLL
  for (int k = 0; k < 4; ++k) {
    transpose_quarters({t[k], t[4 + k], t[8 + k], t[12 + k]}, r + k, 4);
  }
}
inline void transpose_square(__m512i (&r)[8]) noexcept {
  __m512i t[8];
  TILEBIT_UNROLL
  for (int k = 0; k < 8; k += 2) {
    t[k] = _mm512_unpacklo_epi64(r[k], r[k + 1]);
    t[k + 1] = _mm512_unpackhi_epi64(r[k], r[k + 1]);
  }
  TILEBIT_UNROLL
  for (int k = 0; k < 2; ++k) {
    transpose_quarters({t[k], t[2 + k], t[4 + k], t[6 + k]}, r + k, 2);
  }
}

/// The first n elements of so many bytes; n is at most those of a register.
template <int Bytes>
__m512i load_first(const void* from, std::int64_t n) noexcept {
  if constexpr (Bytes == 4) {
    return _mm512_maskz_loadu_epi32(static_cast<__mmask16>((1U << n) - 1), from);
  } else {
    return _mm512_maskz_loadu_epi64(static_cast<__mmask8>((1U << n) - 1), from);
  }
}
template <int Bytes>
void store_first(void* to, std::int64_t n, __m512i x) noexcept {
  if constexpr (Bytes == 4) {
    _mm512_mask_storeu_epi32(to, static_cast<__mmask16>((1U << n) - 1), x);
  } else {
    _mm512_mask_storeu_epi64(to, static_cast<__mmask8>((1U << n) - 1), x);
  }
}

/// Element (i, j) of `to` becomes element (j, i) of `from`, i < m, j < n; elements are of 4 or 8
/// bytes, and rows so many bytes apart. flip is added to each four bytes without carries.
template <int Bytes>
void transpose_elements(const void* from, std::int64_t from_stride, std::int64_t m, std::int64_t n,
                        void* to, std::int64_t to_stride, std::uint32_t flip) noexcept {
  constexpr std::int64_t edge = 64 / Bytes;
  const __m512i flipped = _mm512_set1_epi32(static_cast<int>(flip));
  for (std::int64_t i = 0; i < m; i += edge) {
    const std::int64_t rows = std::min(edge, m - i);
    for (std::int64_t j = 0; j < n; j += edge) {
      const std::int64_t cols = std::min(edge, n - j);
      const auto* const source =
          static_cast<const unsigned char*>(from) + j * from_stride + i * Bytes;
      auto* const target = static_cast<unsigned char*>(to) + i * to_stride + j * Bytes;
      __m512i r[edge];
      TILEBIT_UNROLL
      for (std::int64_t k = 0; k < edge; ++k) {
        r[k] = flipped;
        if (k >= cols) continue;
        r[k] = _mm512_xor_si512(load_first<Bytes>(source + k * from_stride, rows), flipped);
      }
      transpose_square(r);
      TILEBIT_UNROLL
      for (std::int64_t k = 0; k < edge; ++k) {
        if (k < rows) store_first<Bytes>(target + k * to_stride, cols, r[k]);
      }
    }
  }
}

template <class T>
void transposed_copy(const T* from, std::int64_t from_ld, std::int64_t m, std::int64_t n, T* to,
                     std::int64_t to_ld) noexcept {
  constexpr std::int64_t bytes{sizeof(T)};
  transpose_elements<bytes>(from, bytes * from_ld, m, n, to, bytes * to_ld, 0);
}
