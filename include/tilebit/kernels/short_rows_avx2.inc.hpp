// The sums of a row of few entries with AVX2: included by simd.hpp behind quad_sums.inc.hpp.

/// Rows of fewer entries are added up by add_short_row.
template <class T>
inline constexpr std::int64_t long_row =
    detail::costs_of_spmv(sizeof(T), isa::avx2, false).long_row;

/// Rows of fewer entries are added up in quads.
template <class T>
inline constexpr std::int64_t row_above_quads = long_row<T>;

/// The products of a row of n < long_row entries with x; Behind as add_quads has it.
template <bool Behind, class T, class I>
TILEBIT_ALWAYS_INLINE quad_sum<T> add_short_row(const T* values, const I* cols, std::int64_t n,
                                                const T* x) noexcept {
  quad_sum<T> sum;
  add_quads<Behind>(sum, values, cols, n, x);
  return sum;
}
