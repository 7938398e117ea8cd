// SpMV of CSR rows by gathers: included by simd.hpp behind the vocabulary.

/// The product of a row of few entries, one after the other. Written with intrinsics, because a
/// compiler that vectorises the plain loop makes it slower than it was.
template <class I>
double dot_short_row(const double* values, const I* cols, std::int64_t n,
                     const double* x) noexcept {
  __m128d sum = _mm_setzero_pd();
  for (std::int64_t k = 0; k < n; ++k) {
    sum = _mm_fmadd_sd(_mm_load_sd(values + k), _mm_load_sd(x + cols[k]), sum);
  }
  return _mm_cvtsd_f64(sum);
}
template <class I>
float dot_short_row(const float* values, const I* cols, std::int64_t n, const float* x) noexcept {
  __m128 sum = _mm_setzero_ps();
  for (std::int64_t k = 0; k < n; ++k) {
    sum = _mm_fmadd_ss(_mm_load_ss(values + k), _mm_load_ss(x + cols[k]), sum);
  }
  return _mm_cvtss_f32(sum);
}

/// The product of one row of n entries with x. Two sums take turns, because one would wait for its
/// own multiply-add.
template <class T, class I>
T dot_row(const T* values, const I* cols, std::int64_t n, const T* x) noexcept {
  constexpr std::int64_t width = row_sum<T>::width;
  row_sum<T> sums;
  row_sum<T> others;
  std::int64_t k = 0;
  for (; k + 2 * width <= n; k += 2 * width) {
    sums.add(values + k, cols + k, x);
    others.add(values + k + width, cols + k + width, x);
  }
  if (k + width <= n) {
    sums.add(values + k, cols + k, x);
    k += width;
  }
  if (k < n) others.add_first(n - k, values + k, cols + k, x);
  sums.add(others);
  return sums.total();
}

/// Rows [first, last). Short rows go entry by entry: gathering and adding up lanes costs more.
template <class T, class I, class O>
void spmv_csr(const csr_view<const T, I, O>& a, std::int64_t first, std::int64_t last, const T* x,
              const vector_update<T>& update) noexcept {
  const vector_update<T> out = update; // a copy, which no store to z can change
  constexpr std::int64_t gathered_row = detail::gathered_row(sizeof(T));
  const O* offsets = a.row_offsets().data();
  const I* cols = a.col_indices().data();
  const T* values = a.values().data();
  const bool overwrite = out.alpha == T{1} && out.beta == T{};
  for (std::int64_t i = first; i < last; ++i) {
    const auto k = static_cast<std::int64_t>(offsets[i]);
    const std::int64_t n = static_cast<std::int64_t>(offsets[i + 1]) - k;
    const T sum = n < gathered_row ? dot_short_row(values + k, cols + k, n, x)
                                   : dot_row(values + k, cols + k, n, x);
    if (overwrite) {
      out.z[i] = sum;
    } else {
      out.store(i, sum);
    }
  }
}
