// The elements of a tile in the lanes of their bits, by expanding loads: included by simd.hpp
// before the vocabulary of AVX-512. Nothing but the elements is read; lanes without a bit are zero.

inline __m512 expand(__mmask16 mask, unsigned, const float* e) noexcept {
  return _mm512_maskz_expandloadu_ps(mask, e);
}
inline __m512d expand(__mmask8 mask, unsigned, const double* e) noexcept {
  return _mm512_maskz_expandloadu_pd(mask, e);
}
/// Words that are no numbers.
template <class T>
  requires(sizeof(T) == 4)
__m512i expand_words(__mmask16 mask, unsigned, const T* e) noexcept {
  return _mm512_maskz_expandloadu_epi32(mask, e);
}
