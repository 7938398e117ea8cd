// SpMM of one panel of columns, for every instruction set: included by simd.hpp behind the lanes of
// the set.
//
// A panel is `vectors` registers wide, of which the last may be partly used; b and out point to its
// first column. Sums stay in registers until a row of C is finished.

/// Vectors of the widest panel.
template <class View>
inline constexpr std::int64_t widest = widest_row;
template <class T, class I>
inline constexpr std::int64_t widest<grouped_view<T, I>> = widest_block;

/// Stores the sums of row i; T is their type.
template <class T, int Vectors, class Places>
TILEBIT_ALWAYS_INLINE void store_row(const typename lanes<T>::reg (&sums)[Vectors], std::int64_t i,
                                     const Places& places, const panel_output<T>& out) {
  using v = lanes<T>;
  typename v::reg s[Vectors];
  T* const c = out.c + (i - out.first_row) * out.c_ld;
  TILEBIT_UNROLL
  for (int j = 0; j < Vectors; ++j) s[j] = sums[j];
  if (out.alpha != T{1}) {
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) s[j] = v::mul(v::broadcast(&out.alpha), s[j]);
  }
  if (out.beta != T{}) {
    const T* const c0 = out.c0 + (i - out.first_row) * out.c0_ld;
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) {
      s[j] = v::fma(v::broadcast(&out.beta), places.load(c0, j), s[j]);
    }
  }
  for (int k = 0; k < out.steps; ++k) {
    const auto& step = out.step[static_cast<std::size_t>(k)];
    if (step.what == panel_step<T>::kind::relu) {
      TILEBIT_UNROLL
      for (int j = 0; j < Vectors; ++j) s[j] = v::relu(s[j]);
      continue;
    }
    const auto value = v::broadcast(step.values + i);
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) {
      s[j] = step.what == panel_step<T>::kind::bias ? v::add(s[j], value) : v::mul(s[j], value);
    }
  }
  if (out.streams) {
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) v::stream(c + v::count * j, s[j]);
    return;
  }
  TILEBIT_UNROLL
  for (int j = 0; j < Vectors; ++j) places.store(c, j, s[j]);
}

/// Rows [first, last_row) of sums, as C wants them.
template <int Vectors, bool Part = false, class T>
void finish_rows(const T* sums, std::int64_t lds, std::int64_t first, std::int64_t last_row,
                 std::int64_t width, const panel_output<T>& out) noexcept {
  using v = lanes<T>;
  if constexpr (Vectors == 1 && !Part) {
    if (width < v::count) return finish_rows<1, true>(sums, lds, first, last_row, width, out);
  }
  const vector_places<T, Vectors, Part> places(sums, width, false);
  for (std::int64_t i = first; i < last_row; ++i) {
    typename v::reg s[Vectors];
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) s[j] = places.load(sums + i * lds, j);
    store_row<T, Vectors>(s, i, places, out);
  }
}

/// Asks for rows [first, last) of C or of the addend, as far as there are any.
template <class T, int Vectors>
TILEBIT_ALWAYS_INLINE void fetch_output(std::int64_t first, std::int64_t last,
                                        const panel_output<T>& out) {
  for (std::int64_t i = first; i < std::min(last, out.rows); ++i) {
    fetch_lines(out.fetched + (i - out.first_row) * out.fetched_ld, Vectors * lanes<T>::count);
  }
}

/// Are entries of A asked for ahead? Where they come from the third-level cache or from memory the
/// processor does not bring them in time by itself: 4096 x 4096 at 50% with 16 columns becomes 1.3
/// times as fast, in float as in low precision; small matrices would lose 1.03 (Zen 4).
template <class View>
bool asks_ahead(const View& a, std::size_t near_bytes = std::size_t{4} << 20) noexcept {
  return a.values().size_bytes() + a.col_indices().size_bytes() > near_bytes;
}
inline constexpr std::ptrdiff_t bytes_ahead = 2048; ///< half of it where rows share columns

// Kernels exist twice. Ahead: entries of A are asked for while what stands before them is
// multiplied and, where `rows` says so, the rows of B that they name.

/// Where rows of A from first on, or blocks of them, end that ask for rows of B: those behind it do
/// not have so many columns behind them. The entries of a row, or of a block, begin at
/// offsets[row]; there are `all`.
template <bool Ahead, class O, class T>
std::int64_t end_of_fetching(const O* offsets, std::int64_t first, std::int64_t last,
                             std::int64_t all, const panel_output<T>& out) noexcept {
  if (!Ahead || !out.fetches_b) return first;
  while (last > first && static_cast<std::int64_t>(offsets[last]) + columns_ahead > all) --last;
  return last;
}

/// Asks for the panel of the rows of B of so many columns, which are columns_ahead behind `col`.
template <int Vectors, int Columns, class T, class I>
TILEBIT_ALWAYS_INLINE void fetch_rows_of_b(const I* col, const T* first_row, std::int64_t ldb) {
  constexpr std::int64_t width = Vectors * lanes<T>::count;
  TILEBIT_UNROLL
  for (int k = 0; k < Columns; ++k) {
    const T* const row = first_row + row_of_b(col[columns_ahead + k]) * ldb;
    TILEBIT_UNROLL
    for (std::int64_t j = 0; j < width; j += elements_of_line<T>) TILEBIT_PREFETCH_L2(row + j);
  }
}

/// Adds the entries of the next column, which lie in the rows of the pattern.
template <unsigned Pattern, class T, class I, int Vectors, class Places>
TILEBIT_ALWAYS_INLINE void add_column(const I*& col, const T*& value, std::int64_t ldb,
                                      const Places& places,
                                      typename lanes<T>::reg (&sums)[4][Vectors]) {
  using v = lanes<T>;
  const std::int64_t row = static_cast<std::int64_t>(*col++) * ldb;
  typename v::data x[Vectors];
  TILEBIT_UNROLL
  for (int j = 0; j < Vectors; ++j) x[j] = places.load_b(row, j);
  TILEBIT_UNROLL
  for (unsigned r = 0; r < 4; ++r) {
    if ((Pattern >> r & 1U) == 0) continue;
    const auto a = v::broadcast(value++);
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) sums[r][j] = v::fma(a, x[j], sums[r][j]);
  }
}

/// Adds the n columns of a pattern.
template <unsigned Pattern, bool Ahead, class T, class I, int Vectors, int Separate, class Places>
TILEBIT_ALWAYS_INLINE void add_pattern(std::uint32_t n, const I*& col, const T*& value, bool rows,
                                       const T* b, std::int64_t ldb, const Places& places,
                                       typename lanes<T>::reg (&sums)[Separate][4][Vectors]) {
  for (; n >= Separate; n -= Separate) {
    if constexpr (Ahead) {
      TILEBIT_PREFETCH(reinterpret_cast<const char*>(value) + bytes_ahead);
      TILEBIT_PREFETCH(reinterpret_cast<const char*>(col) + bytes_ahead / 2);
      if (rows) fetch_rows_of_b<Vectors, Separate>(col, b, ldb);
    }
    TILEBIT_UNROLL
    for (int s = 0; s < Separate; ++s) {
      add_column<Pattern, T, I, Vectors>(col, value, ldb, places, sums[s]);
    }
  }
  if constexpr (Separate > 1) {
    for (; n > 0; --n) {
      if (Ahead && rows) fetch_rows_of_b<Vectors, 1>(col, b, ldb);
      add_column<Pattern, T, I, Vectors>(col, value, ldb, places, sums[0]);
    }
  }
}

/// Adds the columns of all patterns.
template <bool Ahead, class T, class I, int Vectors, int Separate, class Places,
          unsigned... Patterns>
TILEBIT_ALWAYS_INLINE void add_patterns(patterns_less_one<Patterns...>,
                                        const std::uint32_t* counts, const I*& col,
                                        const T*& value, bool rows, const T* b, std::int64_t ldb,
                                        const Places& places,
                                        typename lanes<T>::reg (&sums)[Separate][4][Vectors]) {
  (add_pattern<Patterns + 1, Ahead, T, I, Vectors, Separate>(counts[Patterns], col, value, rows, b,
                                                             ldb, places, sums),
   ...);
}

template <class T, int Vectors, int Separate>
TILEBIT_ALWAYS_INLINE void start_block(typename lanes<T>::reg (&sums)[Separate][4][Vectors]) {
  TILEBIT_UNROLL
  for (int s = 0; s < Separate; ++s) {
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) {
      TILEBIT_UNROLL
      for (int j = 0; j < Vectors; ++j) sums[s][r][j] = lanes<T>::zero();
    }
  }
}

/// Stores rows 4 k to 4 k + 3, as far as C has them.
template <class T, int Vectors, int Separate, class Places>
TILEBIT_ALWAYS_INLINE void store_block(typename lanes<T>::reg (&sums)[Separate][4][Vectors],
                                       std::int64_t k, const Places& places,
                                       const panel_output<accumulator_t<T>>& out) {
  TILEBIT_UNROLL
  for (int s = 1; s < Separate; ++s) {
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) {
      TILEBIT_UNROLL
      for (int j = 0; j < Vectors; ++j) {
        sums[0][r][j] = lanes<T>::add(sums[0][r][j], sums[s][r][j]);
      }
    }
  }
  TILEBIT_UNROLL
  for (int r = 0; r < 4; ++r) {
    if (4 * k + r < out.rows)
      store_row<accumulator_t<T>, Vectors>(sums[0][r], 4 * k + r, places, out);
  }
}

/// Entries one after the other, columns and values apart.
template <class T, class I>
struct entry_arrays {
  const I* at_column;
  const T* at_value;

  const I* columns() const noexcept { return at_column; }
  std::int64_t column() const noexcept { return static_cast<std::int64_t>(*at_column); }
  const T* value() const noexcept { return at_value; }
  void next() noexcept {
    ++at_column;
    ++at_value;
  }
  TILEBIT_ALWAYS_INLINE void fetch_ahead() const noexcept {
    TILEBIT_PREFETCH(reinterpret_cast<const char*>(at_value) + bytes_ahead);
    TILEBIT_PREFETCH(reinterpret_cast<const char*>(at_column) + bytes_ahead);
  }
};

/// Adds the next entry of a row.
template <class T, int Vectors, class Entries, class Places>
TILEBIT_ALWAYS_INLINE void add_entry(Entries& entries, std::int64_t ldb, const Places& places,
                                     typename lanes<T>::reg (&sums)[Vectors]) {
  using v = lanes<T>;
  const auto a = v::broadcast(entries.value());
  const std::int64_t row = entries.column() * ldb;
  TILEBIT_UNROLL
  for (int j = 0; j < Vectors; ++j) sums[j] = v::fma(a, places.load_b(row, j), sums[j]);
  entries.next();
}

/// Adds the next n entries, of one row, to its sums in turns; their total is in the first one.
template <bool Ahead, class T, int Vectors, int Separate, class Entries, class Places>
TILEBIT_ALWAYS_INLINE void add_row(std::int64_t n, Entries& entries, bool rows, const T* b,
                                   std::int64_t ldb, const Places& places,
                                   typename lanes<T>::reg (&sums)[Separate][Vectors]) {
  for (; n >= Separate; n -= Separate) {
    if constexpr (Ahead) {
      entries.fetch_ahead();
      if (rows) fetch_rows_of_b<Vectors, Separate>(entries.columns(), b, ldb);
    }
    TILEBIT_UNROLL
    for (int s = 0; s < Separate; ++s) add_entry<T, Vectors>(entries, ldb, places, sums[s]);
  }
  for (; n > 0; --n) {
    if (Ahead && rows) fetch_rows_of_b<Vectors, 1>(entries.columns(), b, ldb);
    add_entry<T, Vectors>(entries, ldb, places, sums[0]);
  }
  TILEBIT_UNROLL
  for (int s = 1; s < Separate; ++s) {
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) sums[0][j] = lanes<T>::add(sums[0][j], sums[s][j]);
  }
}

/// Row i, which has the next n entries.
template <class T, int Vectors, bool Ahead, class Entries, class Places>
TILEBIT_ALWAYS_INLINE void multiply_row(std::int64_t n, Entries& entries, bool rows, const T* b,
                                        std::int64_t ldb, const Places& places,
                                        std::int64_t i, const panel_output<accumulator_t<T>>& out) {
  using v = lanes<T>;
  constexpr int separate = Vectors == 1 ? 4 : 2;
  typename v::reg sums[separate][Vectors];
  TILEBIT_UNROLL
  for (int s = 0; s < separate; ++s) {
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) sums[s][j] = v::zero();
  }
  add_row<Ahead, T, Vectors, separate>(n, entries, rows, b, ldb, places, sums);
  store_row<accumulator_t<T>, Vectors>(sums[0], i, places, out);
}

/// Rows 4 k to 4 k + 3, as far as C has them, one after the other.
template <class T, int Vectors, bool Ahead, class Entries, class Places>
TILEBIT_ALWAYS_INLINE void multiply_rows_of_block(const std::uint32_t (&n)[4], Entries entries,
                                                  bool rows, const T* b, std::int64_t ldb,
                                                  const Places& places, std::int64_t k,
                                                  const panel_output<accumulator_t<T>>& out) {
  if constexpr (Vectors <= 2) { // a loop of its own for each row: up to 1.1 times as fast
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) {
      if (4 * k + r >= out.rows) break;
      multiply_row<T, Vectors, Ahead>(n[r], entries, rows, b, ldb, places, 4 * k + r, out);
    }
  } else {
    for (int r = 0; r < 4 && 4 * k + r < out.rows; ++r) {
      multiply_row<T, Vectors, Ahead>(n[r], entries, rows, b, ldb, places, 4 * k + r, out);
    }
  }
}

/// Rows [first, last_row) of CSR.
template <int Vectors, bool Ahead = false, bool Part = false, class T, class I, class O>
void spmm_rows(const csr_view<const T, I, O>& a, std::int64_t first, std::int64_t last_row,
               const T* b, std::int64_t ldb, std::int64_t width,
               const panel_output<accumulator_t<T>>& out) noexcept {
  if constexpr (!Ahead) {
    if (out.fetches_b || asks_ahead(a)) {
      return spmm_rows<Vectors, true>(a, first, last_row, b, ldb, width, out);
    }
  }
  if constexpr (Vectors == 1 && !Part) {
    if (width < lanes<T>::count) {
      return spmm_rows<1, Ahead, true>(a, first, last_row, b, ldb, width, out);
    }
  }
  const std::int64_t fetching =
      end_of_fetching<Ahead>(a.row_offsets().data(), first, last_row, a.nnz(), out);
  const vector_places<T, Vectors, Part> places(b, width, out.whole_b);
  const O* const offsets = a.row_offsets().data();
  for (std::int64_t i = first; i < last_row; ++i) {
    // Rows are short next to blocks: not of the next one, but of that behind it.
    if (out.fetched != nullptr) fetch_output<accumulator_t<T>, Vectors>(i + 2, i + 3, out);
    entry_arrays<T, I> entries{a.col_indices().data() + offsets[i], a.values().data() + offsets[i]};
    multiply_row<T, Vectors, Ahead>(static_cast<std::int64_t>(offsets[i + 1] - offsets[i]), entries,
                                    i < fetching, b, ldb, places, i, out);
  }
}

/// Is there no column in which two rows of a block have entries?
inline bool shares_no_column(const std::uint32_t* n) noexcept {
  return (n[2] | n[4] | n[5] | n[6] | n[8] | n[9] | n[10] | n[11] | n[12] | n[13] | n[14]) == 0;
}

/// Blocks of grouped rows from k on, as long as their rows share no column; returns the first whose
/// rows do. A function of its own, because loops over short rows need the registers.
template <int Vectors, bool Ahead, class T, class I, class Places>
TILEBIT_NOINLINE std::int64_t
spmm_unshared_blocks(const grouped_view<const T, I>& a, std::int64_t k, std::int64_t last_block,
                     std::int64_t fetching, const T* b, std::int64_t ldb,
                     const Places& places,
                     const panel_output<accumulator_t<T>>& out) noexcept {
  const I* const cols = a.col_indices().data();
  const T* const values = a.values().data();
  const std::int64_t* const column_offsets = a.column_offsets().data();
  const std::int64_t* const value_offsets = a.value_offsets().data();
  const std::uint32_t* const counts = a.pattern_counts().data();
  for (; k < last_block && shares_no_column(counts + 15 * k); ++k) {
    const std::uint32_t* const n = counts + 15 * k;
    const std::uint32_t in_row[4] = {n[0], n[1], n[3], n[7]};
    const entry_arrays<T, I> entries{cols + column_offsets[k], values + value_offsets[k]};
    multiply_rows_of_block<T, Vectors, Ahead>(in_row, entries, k < fetching, b, ldb, places, k,
                                              out);
  }
  return k;
}

/// Blocks [first, last_block) of grouped rows.
template <int Vectors, bool Ahead = false, bool Part = false, class T, class I>
void spmm_rows(const grouped_view<const T, I>& a, std::int64_t first, std::int64_t last_block,
               const T* b, std::int64_t ldb, std::int64_t width,
               const panel_output<accumulator_t<T>>& out) noexcept {
  if constexpr (!Ahead) {
    if (out.fetches_b || asks_ahead(a)) {
      return spmm_rows<Vectors, true>(a, first, last_block, b, ldb, width, out);
    }
  }
  if constexpr (Vectors == 1 && !Part) {
    if (width < lanes<T>::count) {
      return spmm_rows<1, Ahead, true>(a, first, last_block, b, ldb, width, out);
    }
  }
  const std::int64_t fetching = end_of_fetching<Ahead>(
      a.column_offsets().data(), first, last_block, detail::length(a.col_indices()), out);
  // Loops of a pattern are short: with four sums each their ends cost more than waiting (1.0
  // to 1.1).
  constexpr int separate = std::min(separate_sums(Vectors), 2);
  const vector_places<T, Vectors, Part> places(b, width, out.whole_b);
  for (std::int64_t k = first; k < last_block; ++k) {
    const std::uint32_t* n = a.pattern_counts().data() + 15 * k;
    if (shares_no_column(n)) {
      k = spmm_unshared_blocks<Vectors, Ahead>(a, k, last_block, fetching, b, ldb, places, out);
      if (k == last_block) return;
      n = a.pattern_counts().data() + 15 * k;
    }
    if (out.fetched != nullptr) fetch_output<accumulator_t<T>, Vectors>(4 * k + 4, 4 * k + 8, out);
    const I* col = a.col_indices().data() + a.column_offsets()[at(k)];
    const T* value = a.values().data() + a.value_offsets()[at(k)];
    typename lanes<T>::reg sums[separate][4][Vectors];
    start_block<T, Vectors, separate>(sums);
    add_patterns<Ahead, T, I, Vectors, separate>(all_patterns, n, col, value, k < fetching, b, ldb,
                                                 places, sums);
    store_block<T, Vectors, separate>(sums, k, places, out);
  }
}
