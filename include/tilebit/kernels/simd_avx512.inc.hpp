// The vocabulary of AVX-512 (F, BW, DQ, VL): included by simd.hpp inside a target region, in the
// namespace of the instruction set. simd_avx2.inc.hpp has the same names.
//
// tile_accumulator<T> sums up the products of tiles with pieces of x, row by row. Lanes that a
// bitmap leaves out are masked in the multiply-add, so that what x holds there never matters; the
// expanding load touches stored elements only. Constructors are written out, because a compiler
// makes implicit ones without the region's instruction set.

template <class T>
struct tile_accumulator;

template <>
struct tile_accumulator<float> {
  __m512 sums; // lane 4 r + c

  tile_accumulator() noexcept : sums(_mm512_setzero_ps()) {}

  /// Adds one tile: its elements from e on, and the four elements of x for its columns.
  void add(unsigned bitmap, const float* e, const float* x) noexcept {
    const auto mask = static_cast<__mmask16>(bitmap);
    const __m512 a = _mm512_maskz_expandloadu_ps(mask, e);
    sums = _mm512_mask3_fmadd_ps(a, _mm512_broadcast_f32x4(_mm_loadu_ps(x)), sums, mask);
  }
  void add(const tile_accumulator& other) noexcept { sums = _mm512_add_ps(sums, other.sums); }
  /// The sums of the four rows.
  void rows(float* to) const noexcept {
    const __m512 pairs = _mm512_add_ps(sums, _mm512_permute_ps(sums, 0xb1));
    const __m512 fours = _mm512_add_ps(pairs, _mm512_permute_ps(pairs, 0x4e));
    _mm_storeu_ps(to, _mm512_castps512_ps128(_mm512_maskz_compress_ps(0x1111, fours)));
  }
};

template <>
struct tile_accumulator<double> {
  __m512d upper; // rows 0 and 1
  __m512d lower; // rows 2 and 3

  tile_accumulator() noexcept : upper(_mm512_setzero_pd()), lower(_mm512_setzero_pd()) {}

  void add(unsigned bitmap, const double* e, const double* x) noexcept {
    const auto m0 = static_cast<__mmask8>(bitmap);
    const auto m1 = static_cast<__mmask8>(bitmap >> 8);
    const __m512d xs = _mm512_broadcast_f64x4(_mm256_loadu_pd(x));
    const __m512d a0 = _mm512_maskz_expandloadu_pd(m0, e);
    const __m512d a1 = _mm512_maskz_expandloadu_pd(m1, e + std::popcount(bitmap & 0xffU));
    upper = _mm512_mask3_fmadd_pd(a0, xs, upper, m0);
    lower = _mm512_mask3_fmadd_pd(a1, xs, lower, m1);
  }
  void add(const tile_accumulator& other) noexcept {
    upper = _mm512_add_pd(upper, other.upper);
    lower = _mm512_add_pd(lower, other.lower);
  }
  void rows(double* to) const noexcept {
    // Lanes of pairs: rows 0 2 0 2 1 3 1 3.
    const __m512d pairs =
        _mm512_add_pd(_mm512_unpacklo_pd(upper, lower), _mm512_unpackhi_pd(upper, lower));
    const __m256d even = _mm512_castpd512_pd256(pairs);
    const __m256d odd = _mm512_extractf64x4_pd(pairs, 1);
    const __m128d r02 = _mm_add_pd(_mm256_castpd256_pd128(even), _mm256_extractf128_pd(even, 1));
    const __m128d r13 = _mm_add_pd(_mm256_castpd256_pd128(odd), _mm256_extractf128_pd(odd, 1));
    _mm_storeu_pd(to, _mm_unpacklo_pd(r02, r13));
    _mm_storeu_pd(to + 2, _mm_unpackhi_pd(r02, r13));
  }
};
