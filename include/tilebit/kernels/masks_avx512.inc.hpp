// Masks of AVX-512 and gathers under them: included by simd.hpp before what uses them.

/// The same mask, in a mask register: g++ would take the bits that are counted from there, too,
/// which is slower than counting those that came from memory.
inline __mmask8 in_mask_register(__mmask8 mask) noexcept {
  asm("" : "+Yk"(mask));
  return mask;
}
inline __mmask16 in_mask_register(__mmask16 mask) noexcept {
  asm("" : "+Yk"(mask));
  return mask;
}

/// The bits of a mask, in a general register: where registers run out, g++ 12 stores the one byte
/// of a mask and reads four.
inline unsigned bits_of(unsigned mask) noexcept {
  asm("" : "+r"(mask));
  return mask;
}

/// The lowest n lanes, n < 32.
inline unsigned first_lanes(std::int64_t n) noexcept {
  return (1U << n) - 1;
}

/// x at the columns of the lanes that mask has; other lanes are 0 and nothing is read for them. The
/// columns are loaded under a mask of their own: the same, but constant where all are.
template <class I>
__m512d gather(__mmask8 loaded, __mmask8 mask, const I* cols, const double* x) noexcept {
  const __m512d zero = _mm512_setzero_pd();
  if constexpr (sizeof(I) == 2) {
    const __m256i wide = _mm256_cvtepu16_epi32(_mm_maskz_loadu_epi16(loaded, cols));
    return _mm512_mask_i32gather_pd(zero, mask, wide, x, 8);
  } else if constexpr (sizeof(I) == 8) {
    return _mm512_mask_i64gather_pd(zero, mask, _mm512_maskz_loadu_epi64(loaded, cols), x, 8);
  } else if constexpr (std::is_signed_v<I>) {
    return _mm512_mask_i32gather_pd(zero, mask, _mm256_maskz_loadu_epi32(loaded, cols), x, 8);
  } else {
    const __m512i wide = _mm512_cvtepu32_epi64(_mm256_maskz_loadu_epi32(loaded, cols));
    return _mm512_mask_i64gather_pd(zero, mask, wide, x, 8);
  }
}
template <class I>
__m256 gather_half(__mmask8 mask, const I* cols, const float* x) noexcept {
  __m512i wide;
  if constexpr (sizeof(I) == 8) {
    wide = _mm512_maskz_loadu_epi64(mask, cols);
  } else {
    wide = _mm512_cvtepu32_epi64(_mm256_maskz_loadu_epi32(mask, cols));
  }
  return _mm512_mask_i64gather_ps(_mm256_setzero_ps(), mask, wide, x, 4);
}
template <class I>
__m512 gather(__mmask16 loaded, __mmask16 mask, const I* cols, const float* x) noexcept {
  if constexpr (sizeof(I) == 2) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(loaded, cols));
    return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask, wide, x, 4);
  } else if constexpr (sizeof(I) == 4 && std::is_signed_v<I>) {
    return _mm512_mask_i32gather_ps(_mm512_setzero_ps(), mask,
                                    _mm512_maskz_loadu_epi32(loaded, cols), x, 4);
  } else {
    const __m256 low = gather_half(static_cast<__mmask8>(mask), cols, x);
    const __m256 high = gather_half(static_cast<__mmask8>(mask >> 8), cols + 8, x);
    return _mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
  }
}
