// The sums of one row by gathers: included by simd.hpp behind row_sum and add_short_row.

/// The products of a row of n entries with x, gathered. Two sums take turns, because one would wait
/// for its own multiply-add.
template <class T, class I>
TILEBIT_ALWAYS_INLINE quad_sum<T> add_gathered(const T* values, const I* cols, std::int64_t n,
                                               const T* x) noexcept {
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
  return sums.in_quad();
}

/// The products of a row of n entries with x; Behind as add_short_row has it.
template <bool Behind, class T, class I>
TILEBIT_ALWAYS_INLINE quad_sum<T> add_row(const T* values, const I* cols, std::int64_t n,
                                          const T* x) noexcept {
  return n < long_row<T> ? add_short_row<Behind>(values, cols, n, x)
                         : add_gathered(values, cols, n, x);
}

template <class T, class I>
T dot_row(const T* values, const I* cols, std::int64_t n, const T* x) noexcept {
  return add_gathered(values, cols, n, x).total();
}
