// SpMM of grouped rows whose columns are shared by pairs of rows at most, with one panel: included
// by simd.hpp behind spmm_panel.inc.hpp.
//
// Two rows of sums leave registers for panels of twice as many vectors as four do. Sums start from
// the addend where it has factor 1, as those of all slabs but the first do. Ahead: the rows of B
// that columns name are asked for, as by spmm_rows; only matrices in one slab need that, which
// optimize makes in pairs for AVX2 alone.

/// Rows of a panel of B, and whether they are asked for ahead.
template <class T>
struct rows_of_panel {
  const T* first;
  std::int64_t ld;
  bool fetched;
};

/// Adds the next column, with an entry in the upper row (Rows = 1), the lower one (2) or both (3).
template <unsigned Rows, bool Ahead, class T, class I, int Vectors, class Places>
TILEBIT_ALWAYS_INLINE void add_column_of_pair(const I*& col, const T*& value,
                                              const rows_of_panel<T>& b, const Places& places,
                                              typename lanes<T>::reg (&sums)[2][Vectors]) {
  using v = lanes<T>;
  if (Ahead && b.fetched) fetch_rows_of_b<Vectors, 1>(col, b.first, b.ld);
  const std::int64_t row = static_cast<std::int64_t>(*col++) * b.ld;
  if constexpr (Rows == 3) {
    const auto upper = v::broadcast(value);
    const auto lower = v::broadcast(value + 1);
    value += 2;
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) {
      auto x = places.load_b(row, j);
      keep_loaded(x);
      sums[0][j] = v::fma(upper, x, sums[0][j]);
      sums[1][j] = v::fma(lower, x, sums[1][j]);
    }
  } else {
    const auto entry = v::broadcast(value++);
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) {
      sums[Rows - 1][j] = v::fma(entry, places.load_b(row, j), sums[Rows - 1][j]);
    }
  }
}

/// Adds n columns of a kind.
template <unsigned Rows, bool Ahead, class T, class I, int Vectors, class Places>
TILEBIT_ALWAYS_INLINE void add_columns(std::uint32_t n, const I*& col, const T*& value,
                                       const rows_of_panel<T>& b, const Places& places,
                                       typename lanes<T>::reg (&sums)[2][Vectors]) {
  for (; n > 0; --n) add_column_of_pair<Rows, Ahead, T, I, Vectors>(col, value, b, places, sums);
}

/// Adds the columns that rows have for themselves, of one row and of the other in turns: where
/// eight multiply-adds are under way at a time, the sums of one would wait for themselves.
template <bool Ahead, class T, class I, int Vectors, class Places>
TILEBIT_ALWAYS_INLINE void add_in_turns(std::uint32_t upper, std::uint32_t lower, const I*& col,
                                        const T*& value, const rows_of_panel<T>& b,
                                        const Places& places,
                                        typename lanes<T>::reg (&sums)[2][Vectors]) {
  const I* lower_col = col + upper;
  const T* lower_value = value + upper;
  const std::uint32_t both = std::min(upper, lower);
  for (std::uint32_t k = 0; k < both; ++k) {
    add_column_of_pair<1, Ahead, T, I, Vectors>(col, value, b, places, sums);
    add_column_of_pair<2, Ahead, T, I, Vectors>(lower_col, lower_value, b, places, sums);
  }
  add_columns<1, Ahead, T, I, Vectors>(upper - both, col, value, b, places, sums);
  add_columns<2, Ahead, T, I, Vectors>(lower - both, lower_col, lower_value, b, places, sums);
  col = lower_col;
  value = lower_value;
}

/// Rows i and i + 1, as far as C has them, with so many columns in the upper one, in the lower one
/// and in both. `starts`: from the addend, which `out` then does not name.
template <int Vectors, bool Ahead, class T, class I, class Places>
TILEBIT_ALWAYS_INLINE void multiply_pair(std::uint32_t upper, std::uint32_t lower,
                                         std::uint32_t both, const I*& col, const T*& value,
                                         const rows_of_panel<T>& b, const Places& places,
                                         std::int64_t i,
                                         bool starts, const panel_output<T>& out) {
  typename lanes<T>::reg sums[2][Vectors];
  TILEBIT_UNROLL
  for (int r = 0; r < 2; ++r) {
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) sums[r][j] = lanes<T>::zero();
    if (starts && i + r < out.rows) {
      const T* const c0 = out.c0 + (i + r - out.first_row) * out.c0_ld;
      TILEBIT_UNROLL
      for (int j = 0; j < Vectors; ++j) sums[r][j] = places.load(c0, j);
    }
  }
  if constexpr (widest_pair < 8) {
    add_in_turns<Ahead, T, I, Vectors>(upper, lower, col, value, b, places, sums);
  } else {
    add_columns<1, Ahead, T, I, Vectors>(upper, col, value, b, places, sums);
    add_columns<2, Ahead, T, I, Vectors>(lower, col, value, b, places, sums);
  }
  add_columns<3, Ahead, T, I, Vectors>(both, col, value, b, places, sums);
  TILEBIT_UNROLL
  for (int r = 0; r < 2; ++r) {
    if (i + r < out.rows) store_row<T, Vectors>(sums[r], i + r, places, out);
  }
}

/// Blocks [first, last_block), all in pairs.
template <int Vectors, bool Ahead = false, bool Part = false, class T, class I>
void spmm_pairs(const grouped_view<const T, I>& a, std::int64_t first, std::int64_t last_block,
                const T* b, std::int64_t ldb, std::int64_t width,
                const panel_output<T>& out) noexcept {
  if constexpr (!Ahead && widest_pair < 8) {
    if (out.fetches_b) return spmm_pairs<Vectors, true>(a, first, last_block, b, ldb, width, out);
  }
  if constexpr (Vectors == 1 && !Part) {
    if (width < lanes<T>::count) {
      return spmm_pairs<1, Ahead, true>(a, first, last_block, b, ldb, width, out);
    }
  }
  const std::int64_t fetching = end_of_fetching<Ahead>(
      a.column_offsets().data(), first, last_block, detail::length(a.col_indices()), out);
  const vector_places<T, Vectors, Part> places(b, width, out.whole_b);
  const bool starts = out.alpha == T{1} && out.beta == T{1};
  panel_output<T> to = out;
  if (starts) to.beta = T{};
  const I* col = a.col_indices().data() + a.column_offsets()[at(first)];
  const T* value = a.values().data() + a.value_offsets()[at(first)];
  for (std::int64_t k = first; k < last_block; ++k) {
    const std::uint32_t* const n = a.pattern_counts().data() + 15 * k;
    const rows_of_panel<T> rows{b, ldb, k < fetching};
    const std::int64_t i = 4 * k;
    if (out.fetched != nullptr) fetch_output<T, Vectors>(i + 4, i + 8, out);
    multiply_pair<Vectors, Ahead>(n[0], n[1], n[2], col, value, rows, places, i, starts, to);
    if (i + 2 < to.rows) {
      multiply_pair<Vectors, Ahead>(n[3], n[7], n[11], col, value, rows, places, i + 2, starts, to);
    }
  }
}
