// SpMV of CSR rows: included by simd.hpp behind add_row, which adds up one of them.

/// The products of the row between two offsets with x.
template <bool Behind, class T, class I, class O>
TILEBIT_ALWAYS_INLINE quad_sum<T> add_row(const O* offsets, const T* values, const I* cols,
                                          const T* x) noexcept {
  const auto k = static_cast<std::int64_t>(offsets[0]);
  const auto end = static_cast<std::int64_t>(offsets[1]);
  return add_row<Behind>(values + k, cols + k, end - k, x);
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

/// The same where four rows of as many entries load less than any other four: 5, 6, 9, 10, 13, 14.
template <class T, class O>
TILEBIT_ALWAYS_INLINE constexpr std::int64_t equal_length(const O* offsets) noexcept {
  const O n = offsets[1] - offsets[0];
  const bool same = offsets[2] - offsets[1] == n && offsets[3] - offsets[2] == n &&
                    offsets[4] - offsets[3] == n;
  const bool less = n > 4 && n < row_above_quads<T> && (n % 4 == 1 || n % 4 == 2);
  return same && less ? static_cast<std::int64_t>(n) : 0;
}

/// These lengths as bits.
template <class T>
constexpr std::uint32_t equal_lengths() noexcept {
  std::uint32_t lengths = 0;
  for (int n = 0; n < 32; ++n) {
    const int offsets[5] = {0, n, 2 * n, 3 * n, 4 * n};
    if (equal_length<T>(offsets) > 0) lengths |= std::uint32_t{1} << n;
  }
  return lengths;
}

/// The products of four rows of n entries each, n = Rest modulo 4: columns of no other row load x.
/// Added up as those of any row, so that results do not depend on the neighbours.
template <int Rest, class T, class I>
TILEBIT_ALWAYS_INLINE void add_equal_rows(const T* values, const I* cols, std::int64_t n,
                                          const T* x, quad_sum<T> (&sums)[4]) noexcept {
  const std::int64_t whole = n - Rest;
  TILEBIT_UNROLL
  for (int r = 0; r < 4; ++r) {
    quad_sum<T> sum;
    for (std::int64_t k = 0; k < whole; k += 4) sum.add(values + k, cols + k, x);
    sum.template add_exactly<Rest>(values + whole, cols + whole, x);
    sums[r] = sum;
    values += n;
    cols += n;
  }
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

/// Rows [first, last), four of which share the reduction. Equal: most are as equal_length wants
/// them; functions of their own, because each loop needs the registers.
template <bool Equal, class T, class I, class O>
TILEBIT_NOINLINE void multiply_rows(const csr_view<const T, I, O>& a, std::int64_t first,
                                    std::int64_t last, const T* x,
                                    const vector_update<T>& update) noexcept {
  const vector_update<T> out = update; // a copy, which no store to z can change
  const O* offsets = a.row_offsets().data();
  const I* cols = a.col_indices().data();
  const T* values = a.values().data();
  const bool overwrite = out.alpha == T{1} && out.beta == T{};
  const bool tiny_rows = !Equal && a.nnz() < 4 * a.rows(); // may be many
  // The end of a row is read as four entries, of which at least one is the row's.
  std::int64_t inner = last;
  while (inner > first && static_cast<std::int64_t>(offsets[inner]) + 3 > a.nnz()) --inner;
  std::int64_t i = first;
  for (; i + 4 <= inner; i += 4) {
    const O k = offsets[i];
    if (const std::int64_t n = tiny_rows ? one_or_two(offsets + i) : 0; n > 0) {
      if (overwrite) {
        multiply_tiny_rows(values + k, cols + k, n, x, out.z + i);
      } else {
        T totals[4];
        multiply_tiny_rows(values + k, cols + k, n, x, totals);
        store_four_rows(out, i, totals);
      }
      continue;
    }
    quad_sum<T> sums[4];
    if (const std::int64_t n = Equal ? equal_length<T>(offsets + i) : 0; n == 0) {
      TILEBIT_UNROLL
      for (int r = 0; r < 4; ++r) sums[r] = add_row<true>(offsets + i + r, values, cols, x);
    } else if (n % 4 == 1) {
      add_equal_rows<1>(values + k, cols + k, n, x, sums);
    } else {
      add_equal_rows<2>(values + k, cols + k, n, x, sums);
    }
    if (overwrite) {
      quad_sum<T>::totals(sums, out.z + i);
    } else {
      T totals[4];
      quad_sum<T>::totals(sums, totals);
      store_four_rows(out, i, totals);
    }
  }
  for (; i < last; ++i) {
    store_row(out, i, add_row<false>(offsets + i, values, cols, x).total());
  }
}

template <class T, class I, class O>
void spmv_csr(const csr_view<const T, I, O>& a, std::int64_t first, std::int64_t last, const T* x,
              const vector_update<T>& update) noexcept {
  if constexpr (row_above_quads<T> > 0) {
    constexpr std::uint32_t lengths = equal_lengths<T>();
    if (mostly_alike(a.row_offsets().data(), first, last, lengths)) {
      return multiply_rows<true>(a, first, last, x, update);
    }
  }
  multiply_rows<false>(a, first, last, x, update);
}
