// The sums of a row of few entries with AVX-512: included by simd.hpp behind masks_avx512.inc.hpp
// and quad_sums.inc.hpp.

/// x at the columns of the lowest lanes of half a vector; other lanes are 0 and nothing is read.
template <class I>
__m256 gather_first(__mmask8 mask, const I* cols, const float* x) noexcept {
  if constexpr (sizeof(I) == 4 && std::is_signed_v<I>) {
    return _mm256_mmask_i32gather_ps(_mm256_setzero_ps(), mask,
                                     _mm256_maskz_loadu_epi32(mask, cols), x, 4);
  } else {
    return gather_half(mask, cols, x);
  }
}
template <class I>
__m256d gather_first(__mmask8 mask, const I* cols, const double* x) noexcept {
  const __m256d zero = _mm256_setzero_pd();
  if constexpr (sizeof(I) == 8) {
    return _mm256_mmask_i64gather_pd(zero, mask, _mm256_maskz_loadu_epi64(mask, cols), x, 8);
  } else if constexpr (std::is_signed_v<I>) {
    return _mm256_mmask_i32gather_pd(zero, mask, _mm_maskz_loadu_epi32(mask, cols), x, 8);
  } else {
    const __m256i wide = _mm256_cvtepu32_epi64(_mm_maskz_loadu_epi32(mask, cols));
    return _mm256_mmask_i64gather_pd(zero, mask, wide, x, 8);
  }
}

/// Rows of fewer entries are added up by add_short_row.
template <class T>
inline constexpr std::int64_t long_row =
    detail::costs_of_spmv(sizeof(T), isa::avx512, false).long_row;

/// Rows of fewer entries are added up in quads.
template <class T>
inline constexpr std::int64_t row_above_quads = 0;

/// The products of a row of n < long_row entries with x. Under one mask, because how many entries a
/// row has is what the processor cannot foresee: no loop ends at a place that depends on it.
template <bool Behind, class I>
TILEBIT_ALWAYS_INLINE quad_sum<float> add_short_row(const float* values, const I* cols,
                                                    std::int64_t n, const float* x) noexcept {
  const auto mask = static_cast<__mmask8>(first_lanes(n));
  const __m256 a = _mm256_maskz_loadu_ps(mask, values);
  return quad_sum<float>(
      _mm256_maskz_fmadd_ps(mask, gather_first(mask, cols, x), a, _mm256_setzero_ps()));
}
template <bool Behind, class I>
TILEBIT_ALWAYS_INLINE quad_sum<double> add_short_row(const double* values, const I* cols,
                                                     std::int64_t n, const double* x) noexcept {
  if (n > 4) {
    row_sum<double> sum;
    sum.add_first(n, values, cols, x);
    return sum.in_quad();
  }
  const auto mask = static_cast<__mmask8>(first_lanes(n));
  return quad_sum<double>(_mm256_maskz_fmadd_pd(mask, gather_first(mask, cols, x),
                                                _mm256_maskz_loadu_pd(mask, values),
                                                _mm256_setzero_pd()));
}
