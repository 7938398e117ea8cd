// z = alpha s + beta y for sums of rows, with one rounding for the last product: included by
// simd.hpp. One row gets the same bits as four.

inline double fused(double a, double b, double c) noexcept {
  return _mm_cvtsd_f64(_mm_fmadd_sd(_mm_set_sd(a), _mm_set_sd(b), _mm_set_sd(c)));
}
inline float fused(float a, float b, float c) noexcept {
  return _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c)));
}

/// Row i, whose sum is s.
template <class T>
TILEBIT_ALWAYS_INLINE void store_row(const vector_update<T>& out, std::int64_t i, T s) noexcept {
  const T p = out.alpha * s;
  out.z[i] = out.beta == T{} ? p : fused(out.beta, out.y[i], p);
}

/// Rows i to i + 3.
TILEBIT_ALWAYS_INLINE void store_four_rows(const vector_update<float>& out, std::int64_t i,
                                           const float* s) noexcept {
  __m128 p = _mm_mul_ps(_mm_set1_ps(out.alpha), _mm_loadu_ps(s));
  if (out.beta != 0) p = _mm_fmadd_ps(_mm_set1_ps(out.beta), _mm_loadu_ps(out.y + i), p);
  _mm_storeu_ps(out.z + i, p);
}
TILEBIT_ALWAYS_INLINE void store_four_rows(const vector_update<double>& out, std::int64_t i,
                                           const double* s) noexcept {
  __m256d p = _mm256_mul_pd(_mm256_set1_pd(out.alpha), _mm256_loadu_pd(s));
  if (out.beta != 0) p = _mm256_fmadd_pd(_mm256_set1_pd(out.beta), _mm256_loadu_pd(out.y + i), p);
  _mm256_storeu_pd(out.z + i, p);
}

/// Rows i to i + n - 1.
template <class T>
TILEBIT_ALWAYS_INLINE void store_rows(const vector_update<T>& out, std::int64_t i, std::int64_t n,
                                      const T* s) noexcept {
  std::int64_t r = 0;
  for (; r + 4 <= n; r += 4) store_four_rows(out, i + r, s + r);
  for (; r < n; ++r) store_row(out, i + r, s[r]);
}
