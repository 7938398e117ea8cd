// The elements of a tile column by column with AVX-512: included by simd.hpp in front of
// group_rows.inc.hpp.

/// As the template in group_rows.inc.hpp, by one or two expanding loads.
template <class T>
  requires(sizeof(T) == 4)
const T* spread_columns(unsigned bitmap, const T* e, T* to) noexcept {
  const __m512i rows = _mm512_maskz_expandloadu_epi32(static_cast<__mmask16>(bitmap), e);
  const __m512i by_column = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  _mm512_storeu_si512(to, _mm512_permutexvar_epi32(by_column, rows));
  return e + std::popcount(bitmap);
}
inline const double* spread_columns(unsigned bitmap, const double* e, double* to) noexcept {
  const unsigned low = bitmap & 0xffU;
  const unsigned high = bitmap >> 8;
  const double* const e1 = e + std::popcount(low);
  const __m512d a = expand(static_cast<__mmask8>(low), e);
  const __m512d b = expand(static_cast<__mmask8>(high), e1);
  const __m512i first = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13);
  const __m512i second = _mm512_setr_epi64(2, 6, 10, 14, 3, 7, 11, 15);
  _mm512_storeu_pd(to, _mm512_permutex2var_pd(a, first, b));
  _mm512_storeu_pd(to + 8, _mm512_permutex2var_pd(a, second, b));
  return e1 + std::popcount(high);
}
