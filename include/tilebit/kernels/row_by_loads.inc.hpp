// The sums of one row without gathers: included by simd.hpp behind quad_sums.inc.hpp.

/// Entries from which four sums of a row take turns, because one would wait for its own
/// multiply-add; fewer are added up in quads.
template <class T>
inline constexpr std::int64_t row_above_quads = 16;

/// The products of a row of n entries with x; Behind as add_quads has it.
template <bool Behind, class T, class I>
TILEBIT_ALWAYS_INLINE quad_sum<T> add_row(const T* values, const I* cols, std::int64_t n,
                                          const T* x) noexcept {
  quad_sum<T> sum;
  if (n >= row_above_quads<T>) {
    quad_sum<T> others[3];
    for (; n >= 16; n -= 16) {
      sum.add(values, cols, x);
      TILEBIT_UNROLL
      for (int q = 0; q < 3; ++q) others[q].add(values + 4 * q + 4, cols + 4 * q + 4, x);
      values += 16;
      cols += 16;
    }
    others[0].add(others[2]);
    sum.add(others[1]);
    sum.add(others[0]);
  }
  add_quads<Behind>(sum, values, cols, n, x);
  return sum;
}

template <class T, class I>
T dot_row(const T* values, const I* cols, std::int64_t n, const T* x) noexcept {
  return add_row<false>(values, cols, n, x).total();
}
