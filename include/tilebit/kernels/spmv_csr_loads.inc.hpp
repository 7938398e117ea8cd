// SpMV of CSR rows without gathers: included by simd.hpp behind loads_avx2.inc.hpp.

/// The products of a row of n entries with x. Behind: its last four entries may be read where there
/// are fewer, because others follow. Four sums take turns in long rows, because one would wait for
/// its own multiply-add.
template <bool Behind, class T, class I>
TILEBIT_ALWAYS_INLINE quad_sum<T> add_row(const T* values, const I* cols, std::int64_t n,
                                          const T* x) noexcept {
  quad_sum<T> sum;
  if (n >= 16) {
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
  for (; n > (Behind ? 4 : 3); n -= 4) {
    sum.add(values, cols, x);
    values += 4;
    cols += 4;
  }
  if (n > 0) [[likely]] {
    if constexpr (Behind) {
      sum.add_of_four(n, values, cols, x);
    } else {
      sum.add_first(n, values, cols, x);
    }
  }
  return sum;
}

/// The same for the row between two offsets.
template <bool Behind, class T, class I, class O>
TILEBIT_ALWAYS_INLINE quad_sum<T> add_row(const O* offsets, const T* values, const I* cols,
                                          const T* x) noexcept {
  const auto k = static_cast<std::int64_t>(offsets[0]);
  const auto end = static_cast<std::int64_t>(offsets[1]);
  return add_row<Behind>(values + k, cols + k, end - k, x);
}

template <class T, class I>
T dot_row(const T* values, const I* cols, std::int64_t n, const T* x) noexcept {
  return add_row<false>(values, cols, n, x).total();
}

/// How many entries each of four rows has, where that is one or two of all of them; otherwise 0.
template <class O>
TILEBIT_ALWAYS_INLINE std::int64_t one_or_two(const O* offsets) noexcept {
  const O all = offsets[4] - offsets[0];
  if (all != 4 && all != 8) return 0;
  const O n = all / 4;
  const bool same = offsets[1] - offsets[0] == n && offsets[2] - offsets[1] == n &&
                    offsets[3] - offsets[2] == n;
  return same ? static_cast<std::int64_t>(n) : 0;
}

/// The products of four rows of one or two entries each, for which nothing but these is loaded.
/// Added up as those of any row, from zero on, so that results do not depend on the neighbours.
template <class T, class I>
TILEBIT_ALWAYS_INLINE void multiply_tiny_rows(const T* values, const I* cols, std::int64_t n,
                                              const T* x, T* to) noexcept {
  quad_sum<T> sums[2];
  sums[0].add(values, cols, x);
  if (n == 1) return sums[0].store(to);
  sums[1].add(values + 4, cols + 4, x);
  quad_sum<T>::totals_of_pairs(sums, to);
}

/// Rows [first, last), four of which share the reduction.
template <class T, class I, class O>
void spmv_csr(const csr_view<const T, I, O>& a, std::int64_t first, std::int64_t last, const T* x,
              const vector_update<T>& update) noexcept {
  const vector_update<T> out = update; // a copy, which no store to z can change
  const O* offsets = a.row_offsets().data();
  const I* cols = a.col_indices().data();
  const T* values = a.values().data();
  const bool overwrite = out.alpha == T{1} && out.beta == T{};
  const bool tiny_rows = a.nnz() < 4 * a.rows(); // may be many
  // The end of a row is read as four entries, of which at least one is the row's.
  std::int64_t inner = last;
  while (inner > first && static_cast<std::int64_t>(offsets[inner]) + 3 > a.nnz()) --inner;
  std::int64_t i = first;
  for (; i + 4 <= inner; i += 4) {
    if (const std::int64_t n = tiny_rows ? one_or_two(offsets + i) : 0; n > 0) {
      const auto k = static_cast<std::int64_t>(offsets[i]);
      if (overwrite) {
        multiply_tiny_rows(values + k, cols + k, n, x, out.z + i);
      } else {
        T totals[4];
        multiply_tiny_rows(values + k, cols + k, n, x, totals);
        for (int r = 0; r < 4; ++r) out.store(i + r, totals[r]);
      }
      continue;
    }
    const quad_sum<T> sums[4] = {add_row<true>(offsets + i, values, cols, x),
                                 add_row<true>(offsets + i + 1, values, cols, x),
                                 add_row<true>(offsets + i + 2, values, cols, x),
                                 add_row<true>(offsets + i + 3, values, cols, x)};
    if (overwrite) {
      quad_sum<T>::totals(sums, out.z + i);
    } else {
      T totals[4];
      quad_sum<T>::totals(sums, totals);
      for (int r = 0; r < 4; ++r) out.store(i + r, totals[r]);
    }
  }
  for (; i < last; ++i) {
    out.store(i, add_row<false>(offsets + i, values, cols, x).total());
  }
}
