// SpMM of tile rows as chunks of rows (row_chunks.hpp), with one panel: included by simd.hpp behind
// spmm_panel.inc.hpp.

/// Adds the next n entries, which are of one row of a chunk.
template <int Row, bool Ahead, class T, int Vectors, int Separate, class Places>
TILEBIT_ALWAYS_INLINE void add_entries(std::uint32_t n, chunk_entries<T>& entries, bool rows,
                                       const T* b, std::int64_t ldb, const Places& places,
                                       typename lanes<T>::reg (&sums)[Separate][4][Vectors]) {
  for (; n >= Separate; n -= Separate) {
    if (Ahead && rows) fetch_rows_of_b<Vectors, Separate>(entries.columns(), b, ldb);
    TILEBIT_UNROLL
    for (int s = 0; s < Separate; ++s) add_entry<T, Vectors>(entries, ldb, places, sums[s][Row]);
  }
  if constexpr (Separate > 1) {
    for (; n > 0; --n) {
      if (Ahead && rows) fetch_rows_of_b<Vectors, 1>(entries.columns(), b, ldb);
      add_entry<T, Vectors>(entries, ldb, places, sums[0][Row]);
    }
  }
}

/// The same for sums of a row that are in registers meanwhile, and in memory between chunks.
template <bool Ahead, class T, int Vectors, class Places>
TILEBIT_ALWAYS_INLINE void add_to_kept(std::uint32_t n, chunk_entries<T>& entries, bool rows,
                                       const T* b, std::int64_t ldb, const Places& places,
                                       typename lanes<T>::reg (&kept)[Vectors]) {
  using v = lanes<T>;
  typename v::reg sums[2][Vectors]; // one would wait for itself
  TILEBIT_UNROLL
  for (int j = 0; j < Vectors; ++j) {
    sums[0][j] = kept[j];
    sums[1][j] = v::zero();
  }
  add_row<Ahead, T, Vectors, 2>(n, entries, rows, b, ldb, places, sums);
  TILEBIT_UNROLL
  for (int j = 0; j < Vectors; ++j) kept[j] = sums[0][j];
}

/// Adds the chunks of a tile row, whose counts begin at n. Where registers do not hold the sums of
/// four rows, one row after the other adds to its own: with AVX2, twice as many columns so are 1.1
/// to 1.3 times as fast (geometric means of 15 matrices, 32 to 1,024 columns, Zen 3).
template <bool Ahead, class T, int Vectors, int Separate, class Places>
TILEBIT_ALWAYS_INLINE void add_chunks(const std::uint32_t* n, const std::uint32_t* end,
                                      chunk_entries<T> entries, bool rows, const T* b,
                                      std::int64_t ldb, const Places& places,
                                      typename lanes<T>::reg (&sums)[Separate][4][Vectors]) {
  for (; n < end; n += 4) {
    if constexpr (Vectors > widest_block) {
      for (int r = 0; r < 4; ++r) {
        add_to_kept<Ahead, T, Vectors>(n[r], entries, rows, b, ldb, places, sums[0][r]);
      }
    } else {
      add_entries<0, Ahead, T, Vectors, Separate>(n[0], entries, rows, b, ldb, places, sums);
      add_entries<1, Ahead, T, Vectors, Separate>(n[1], entries, rows, b, ldb, places, sums);
      add_entries<2, Ahead, T, Vectors, Separate>(n[2], entries, rows, b, ldb, places, sums);
      add_entries<3, Ahead, T, Vectors, Separate>(n[3], entries, rows, b, ldb, places, sums);
    }
    entries.elements += n[0] + n[1] + n[2] + n[3];
  }
}

/// Tile rows [first, last_row) as chunks.
template <int Vectors, bool Ahead = false, bool Part = false, class T>
void spmm_rows(const row_chunks_view<T>& a, std::int64_t first, std::int64_t last_row, const T* b,
               std::int64_t ldb, std::int64_t width,
               const panel_output<accumulator_t<T>>& out) noexcept {
  if constexpr (!Ahead) {
    if (out.fetches_b) return spmm_rows<Vectors, true>(a, first, last_row, b, ldb, width, out);
  }
  if constexpr (Vectors == 1 && !Part) {
    if (width < lanes<T>::count) {
      return spmm_rows<1, Ahead, true>(a, first, last_row, b, ldb, width, out);
    }
  }
  const std::int64_t* const offsets = a.entry_offsets();
  const std::int64_t fetching =
      end_of_fetching<Ahead>(offsets, first, last_row, offsets[a.tile_rows()], out);
  constexpr int separate = separate_sums(Vectors);
  const vector_places<T, Vectors, Part> places(b, width, out.whole_b);
  for (std::int64_t k = first; k < last_row; ++k) {
    const bool rows = k < fetching;
    if (out.fetched != nullptr) fetch_output<accumulator_t<T>, Vectors>(4 * k + 4, 4 * k + 8, out);
    const std::int64_t begin = a.entry_offsets()[k];
    const chunk_entries<T> entries{a.entries() + begin, a.elements() + begin};
    const std::uint32_t* const n = a.counts() + a.chunk_offsets()[k];
    const std::uint32_t* const end = a.counts() + a.chunk_offsets()[k + 1];
    if (end - n == 4) {
      const std::uint32_t in_row[4] = {n[0], n[1], n[2], n[3]};
      multiply_rows_of_block<T, Vectors, Ahead>(in_row, entries, rows, b, ldb, places, k, out);
      continue;
    }
    typename lanes<T>::reg sums[separate][4][Vectors];
    start_block<T, Vectors, separate>(sums);
    add_chunks<Ahead, T, Vectors, separate>(n, end, entries, rows, b, ldb, places, sums);
    store_block<T, Vectors, separate>(sums, k, places, out);
  }
}
