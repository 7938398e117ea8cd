// SpMV of slices, for every instruction set: included by simd.hpp behind dot_row.

/// Sums of nothing. A function of its own: inlined, it costs other slices up to 5%.
template <class T>
TILEBIT_NOINLINE void store_empty_rows(std::int64_t row, std::int64_t n,
                                       const vector_update<T>& out) noexcept {
  out.prepare(row, row + n);
}

/// Slices [first, last), columns as with_columns hands them over. Far: steps are asked for ahead,
/// because they come from memory; that is 1.1 to 1.25 times as fast then, and up to 1.07 times as
/// slow where they come from caches (Zen 4).
template <bool Far, class C, class T, class I>
void multiply_slices(const C* all_cols, const sliced_view<const T, I>& a, std::int64_t first,
                     std::int64_t last, const T* x_of_all,
                     const vector_update<T>& update) noexcept {
  const vector_update<T> out = update; // a copy, which no store to z can change
  const std::int64_t* offsets = a.slice_offsets().data();
  const std::int64_t* slice_rows = a.slice_rows().data();
  const I* order = a.row_order().data();
  const std::int32_t* lengths = a.row_lengths().data();
  const bool overwrite = out.alpha == T{1} && out.beta == T{};
  for (std::int64_t s = first; s < last; ++s) {
    const T* values = a.values().data() + offsets[s];
    const C* cols = all_cols + offsets[s];
    const T* const x = x_of_all + a.column_base(s);
    const std::int64_t row0 = slice_rows[s];
    const std::int64_t rows = slice_rows[s + 1] - row0;
    if (rows == 1) {
      const std::int64_t n = offsets[s + 1] - offsets[s];
      const auto row = static_cast<std::int64_t>(order[row0]);
      if (n == 0) {
        store_empty_rows(row, lengths[row0], update);
      } else {
        store_row(out, row, dot_row(values, cols, n, x));
      }
      continue;
    }
    lane_sums<T> sums;
    std::int32_t step = 0;
    if (rows == 16) {
      const std::int32_t whole = lengths[row0 + 15];
      for (; step < whole; ++step) {
        if constexpr (Far) {
          prefetch_sixteen(values);
          prefetch_sixteen(cols);
        }
        sums.add(values, cols, x);
        values += 16;
        cols += 16;
      }
    }
    const slice_lengths ends(lengths + row0, rows);
    for (const std::int32_t longest = lengths[row0]; step < longest; ++step) {
      const std::int64_t n = ends.longer_than(step);
      sums.add_first(n, values, cols, x);
      values += n;
      cols += n;
    }
    const I* const to = order + row0;
    if (overwrite && rows == 16 && follow_each_other(to)) {
      sums.store(out.z + to[0]);
      continue;
    }
    T totals[16];
    sums.store(totals);
    if (overwrite && rows == 16) {
      for (int r = 0; r < 16; ++r) out.z[to[r]] = totals[r];
    } else if (rows == 16 && follow_each_other(to)) {
      store_rows(out, to[0], 16, totals);
    } else {
      for (std::int64_t r = 0; r < rows; ++r) {
        store_row(out, static_cast<std::int64_t>(to[r]), totals[r]);
      }
    }
  }
}

template <class T, class I>
void spmv_sliced(const sliced_view<const T, I>& a, std::int64_t first, std::int64_t last,
                 const T* x, const vector_update<T>& update) noexcept {
  a.with_columns([&](const auto* cols) {
    constexpr std::int64_t entry = sizeof(T) + sizeof(*cols);
    if (detail::comes_from_far(a.nnz() * entry)) {
      multiply_slices<true>(cols, a, first, last, x, update);
    } else {
      multiply_slices<false>(cols, a, first, last, x, update);
    }
  });
}
