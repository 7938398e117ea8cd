// SpMM of grouped rows whose columns are shared by pairs of rows at most, with one panel: included
// by simd.hpp behind spmm_panel.inc.hpp.
//
// Two rows of sums leave registers for panels of twice as many vectors as four do. Sums start from
// the addend where it has factor 1, as those of all slabs but the first do.

/// Adds n columns, each with an entry in the upper row (Rows = 1), the lower one (2) or both (3).
template <unsigned Rows, class T, class I, int Vectors, class Places>
TILEBIT_ALWAYS_INLINE void add_columns(std::uint32_t n, const I*& col, const T*& value,
                                       std::int64_t ldb, const Places& places,
                                       typename lanes<T>::reg (&sums)[2][Vectors]) {
  using v = lanes<T>;
  for (; n > 0; --n) {
    const std::int64_t row = static_cast<std::int64_t>(*col++) * ldb;
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
}

/// Rows i and i + 1, as far as C has them, with so many columns in the upper one, in the lower one
/// and in both. `starts`: from the addend, which `out` then does not name.
template <int Vectors, class T, class I, class Places>
TILEBIT_ALWAYS_INLINE void multiply_pair(std::uint32_t upper, std::uint32_t lower,
                                         std::uint32_t both, const I*& col, const T*& value,
                                         std::int64_t ldb, const Places& places, std::int64_t i,
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
  add_columns<1, T, I, Vectors>(upper, col, value, ldb, places, sums);
  add_columns<2, T, I, Vectors>(lower, col, value, ldb, places, sums);
  add_columns<3, T, I, Vectors>(both, col, value, ldb, places, sums);
  TILEBIT_UNROLL
  for (int r = 0; r < 2; ++r) {
    if (i + r < out.rows) store_row<T, Vectors>(sums[r], i + r, places, out);
  }
}

/// Blocks [first, last_block), all in pairs.
template <int Vectors, bool Part = false, class T, class I>
void spmm_pairs(const grouped_view<const T, I>& a, std::int64_t first, std::int64_t last_block,
                const T* b, std::int64_t ldb, std::int64_t width,
                const panel_output<T>& out) noexcept {
  if constexpr (Vectors == 1 && !Part) {
    if (width < lanes<T>::count) {
      return spmm_pairs<1, true>(a, first, last_block, b, ldb, width, out);
    }
  }
  const vector_places<T, Vectors, Part> places(b, width, out.whole_b);
  const bool starts = out.alpha == T{1} && out.beta == T{1};
  panel_output<T> to = out;
  if (starts) to.beta = T{};
  const I* col = a.col_indices().data() + a.column_offsets()[at(first)];
  const T* value = a.values().data() + a.value_offsets()[at(first)];
  for (std::int64_t k = first; k < last_block; ++k) {
    const std::uint32_t* const n = a.pattern_counts().data() + 15 * k;
    if (out.fetched != nullptr) fetch_output<T, Vectors>(4 * k + 4, 4 * k + 8, out);
    multiply_pair<Vectors>(n[0], n[1], n[2], col, value, ldb, places, 4 * k, starts, to);
    if (4 * k + 2 < to.rows) {
      multiply_pair<Vectors>(n[3], n[7], n[11], col, value, ldb, places, 4 * k + 2, starts, to);
    }
  }
}
