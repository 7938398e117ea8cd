// As expand_avx512.inc.hpp for processors that are slow to expand (7 cycles on Zen 4, where a
// permutation takes 1): a lane takes the element whose number is the count of bits below its own.

/// Bits below each of 16 lanes, of 8 lanes.
inline __m512i counts_in_16(unsigned bits) noexcept {
  const __m512i below = _mm512_setr_epi32(0, 0x1, 0x3, 0x7, 0xf, 0x1f, 0x3f, 0x7f, 0xff, 0x1ff,
                                          0x3ff, 0x7ff, 0xfff, 0x1fff, 0x3fff, 0x7fff);
  return _mm512_popcnt_epi32(_mm512_and_si512(_mm512_set1_epi32(static_cast<int>(bits)), below));
}
inline __m512i counts_in_8(unsigned bits) noexcept {
  return _mm512_cvtepu8_epi64(_mm_loadl_epi64(
      reinterpret_cast<const __m128i*>(kernels_data::row_tables::ranks.entries + bits)));
}
/// A mask of as many lanes as there are bits.
inline unsigned lanes_of(unsigned bits) noexcept {
  return _bzhi_u32(0xffffU, static_cast<unsigned>(std::popcount(bits)));
}

inline __m512 expand(__mmask16 mask, unsigned bits, const float* e) noexcept {
  const __m512 packed = _mm512_maskz_loadu_ps(static_cast<__mmask16>(lanes_of(bits)), e);
  return _mm512_maskz_permutexvar_ps(mask, counts_in_16(bits), packed);
}
inline __m512d expand(__mmask8 mask, unsigned bits, const double* e) noexcept {
  const __m512d packed = _mm512_maskz_loadu_pd(static_cast<__mmask8>(lanes_of(bits)), e);
  return _mm512_maskz_permutexvar_pd(mask, counts_in_8(bits), packed);
}
template <class T>
  requires(sizeof(T) == 4)
__m512i expand_words(__mmask16 mask, unsigned bits, const T* e) noexcept {
  const __m512i packed = _mm512_maskz_loadu_epi32(static_cast<__mmask16>(lanes_of(bits)), e);
  return _mm512_maskz_permutexvar_epi32(mask, counts_in_16(bits), packed);
}
