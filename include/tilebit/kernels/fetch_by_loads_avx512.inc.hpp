// As fetch_avx512.inc.hpp for processors with gathers in microcode: on Zen 4 16 elements of x take
// 21 cycles by a gather and 12 by single loads. Expanding loads start from zeros there.

inline __m512 expand(__mmask16 mask, const float* e) noexcept {
  return _mm512_mask_expandloadu_ps(_mm512_castsi512_ps(cleared()), mask, e);
}
inline __m512d expand(__mmask8 mask, const double* e) noexcept {
  return _mm512_mask_expandloadu_pd(_mm512_castsi512_pd(cleared()), mask, e);
}

/// Whether elements are fetched ahead wherever they come from: on Zen 4 that costs 1.03 to 1.08
/// from the third-level cache, and gains up to 1.3 from memory.
inline constexpr bool always_far = false;
/// Whether tile rows share the reduction of their sums: on Zen 4 each alone is faster by 1.1 to 1.3
/// where rows are short.
inline constexpr bool reductions_shared = false;
/// Whether four elements at a time are added to at their columns.
template <class T>
inline constexpr bool scatters_vectors = true;
/// Whether quarters of a vector are stored and read again instead of extracted.
inline constexpr bool reads_quarters = false;
/// Whether rows of B of 8 bytes are gathered.
inline constexpr bool gathers_rows = false;

/// x at 8 and at 16 columns.
template <class I>
__m512d gather(const I* cols, const double* x) noexcept {
  return _mm512_insertf64x4(_mm512_castpd256_pd512(collect(x, four_columns<I>(cols).at)),
                            collect(x, four_columns<I>(cols + 4).at), 1);
}
template <class I>
__m512 gather(const I* cols, const float* x) noexcept {
  const auto eight = [x](const I* from) {
    return _mm256_set_m128(collect(x, four_columns<I>(from + 4).at),
                           collect(x, four_columns<I>(from).at));
  };
  return _mm512_insertf32x8(_mm512_castps256_ps512(eight(cols)), eight(cols + 8), 1);
}
