// SpMM of one panel with the transpose, for every instruction set: included by simd.hpp behind
// spmm_panel.inc.hpp.
//
// Each entry adds its multiple of a row of B to the row of sums of its column. Rows of B stay in
// registers while the entries of their row, or of four rows, pass by; sums of a column are loaded
// and stored once for all entries that are found in it together. Where C wants something else than
// sums, finish_rows comes afterwards.

/// The first columns of a row of B, or zeros.
template <class T, int Vectors>
TILEBIT_ALWAYS_INLINE void load_row(const T* b, bool there, typename lanes<T>::mask last,
                                    typename lanes<T>::reg (&x)[Vectors]) {
  using v = lanes<T>;
  TILEBIT_UNROLL
  for (int j = 0; j < Vectors; ++j) x[j] = v::zero();
  if (!there) return;
  TILEBIT_UNROLL
  for (int j = 0; j + 1 < Vectors; ++j) x[j] = v::load(b + v::count * j);
  x[Vectors - 1] = v::load(b + v::count * (Vectors - 1), last);
}

/// Adds the next n entries, which are of one row.
template <class T, int Vectors, class Entries>
TILEBIT_ALWAYS_INLINE void scatter_entries(std::int64_t n, Entries& entries,
                                           const typename lanes<T>::reg (&x)[Vectors],
                                           const scattered_panel<T>& to) {
  using v = lanes<T>;
  for (; n > 0; --n, entries.next()) {
    T* const sums = to.sums + entries.column() * to.lds;
    const auto a = v::broadcast(entries.value());
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) {
      v::store(sums + v::count * j, v::fma(a, x[j], v::load(sums + v::count * j)));
    }
  }
}

/// Rows [first, last_row) of CSR.
template <int Vectors, class T, class I, class O>
void spmm_transposed(const csr_view<const T, I, O>& a, std::int64_t first, std::int64_t last_row,
                     const scattered_panel<T>& to) noexcept {
  const auto last = lanes<T>::first(to.width - (Vectors - 1) * lanes<T>::count);
  const O* const offsets = a.row_offsets().data();
  entry_arrays<T, I> entries{a.col_indices().data() + offsets[first],
                             a.values().data() + offsets[first]};
  for (std::int64_t i = first; i < last_row; ++i) {
    if (offsets[i] == offsets[i + 1]) continue;
    typename lanes<T>::reg x[Vectors];
    load_row<T, Vectors>(to.b + i * to.ldb, true, last, x);
    scatter_entries<T, Vectors>(static_cast<std::int64_t>(offsets[i + 1] - offsets[i]), entries, x,
                                to);
  }
}

/// Rows 4 k to 4 k + 3 of B.
template <class T, int Vectors>
TILEBIT_ALWAYS_INLINE void load_block(std::int64_t k, typename lanes<T>::mask last,
                                      typename lanes<T>::reg (&x)[4][Vectors],
                                      const scattered_panel<T>& to) {
  TILEBIT_UNROLL
  for (int r = 0; r < 4; ++r) {
    load_row<T, Vectors>(to.b + (4 * k + r) * to.ldb, 4 * k + r < to.rows, last, x[r]);
  }
}

/// Adds the n columns of a pattern.
template <unsigned Pattern, class T, class I, int Vectors>
TILEBIT_ALWAYS_INLINE void
scatter_pattern(std::uint32_t n, const I*& col, const T*& value,
                const typename lanes<T>::reg (&x)[4][Vectors], const scattered_panel<T>& to) {
  using v = lanes<T>;
  for (; n > 0; --n) {
    T* const sums = to.sums + static_cast<std::int64_t>(*col++) * to.lds;
    typename v::reg s[Vectors];
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) s[j] = v::load(sums + v::count * j);
    TILEBIT_UNROLL
    for (unsigned r = 0; r < 4; ++r) {
      if ((Pattern >> r & 1U) == 0) continue;
      const auto a = v::broadcast(value++);
      TILEBIT_UNROLL
      for (int j = 0; j < Vectors; ++j) s[j] = v::fma(a, x[r][j], s[j]);
    }
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) v::store(sums + v::count * j, s[j]);
  }
}

/// Adds the columns of all patterns.
template <class T, class I, int Vectors, unsigned... Patterns>
TILEBIT_ALWAYS_INLINE void
scatter_patterns(patterns_less_one<Patterns...>, const std::uint32_t* counts, const I* col,
                 const T* value, const typename lanes<T>::reg (&x)[4][Vectors],
                 const scattered_panel<T>& to) {
  (scatter_pattern<Patterns + 1, T, I, Vectors>(counts[Patterns], col, value, x, to), ...);
}

/// Blocks [first, last_block) of grouped rows.
template <int Vectors, class T, class I>
void spmm_transposed(const grouped_view<const T, I>& a, std::int64_t first, std::int64_t last_block,
                     const scattered_panel<T>& to) noexcept {
  const auto last = lanes<T>::first(to.width - (Vectors - 1) * lanes<T>::count);
  for (std::int64_t k = first; k < last_block; ++k) {
    const I* const col = a.col_indices().data() + a.column_offsets()[at(k)];
    const T* const value = a.values().data() + a.value_offsets()[at(k)];
    typename lanes<T>::reg x[4][Vectors];
    load_block<T, Vectors>(k, last, x, to);
    scatter_patterns<T, I, Vectors>(all_patterns, a.pattern_counts().data() + 15 * k, col, value, x,
                                    to);
  }
}

/// Tile rows [first, last_row) as chunks.
template <int Vectors, class T>
void spmm_transposed(const row_chunks_view<T>& a, std::int64_t first, std::int64_t last_row,
                     const scattered_panel<T>& to) noexcept {
  const auto last = lanes<T>::first(to.width - (Vectors - 1) * lanes<T>::count);
  for (std::int64_t k = first; k < last_row; ++k) {
    const std::int64_t begin = a.entry_offsets()[k];
    chunk_entries<T> entries{a.entries() + begin, a.elements() + begin};
    typename lanes<T>::reg x[4][Vectors];
    load_block<T, Vectors>(k, last, x, to);
    const std::uint32_t* const end = a.counts() + a.chunk_offsets()[k + 1];
    for (const std::uint32_t* n = a.counts() + a.chunk_offsets()[k]; n < end; n += 4) {
      TILEBIT_UNROLL
      for (int r = 0; r < 4; ++r) scatter_entries<T, Vectors>(n[r], entries, x[r], to);
      entries.elements += n[0] + n[1] + n[2] + n[3];
    }
  }
}
