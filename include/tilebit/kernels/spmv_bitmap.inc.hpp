// SpMV of bitmap tile rows [first, last), for every instruction set: included by simd.hpp behind
// the vocabulary.

/// Adds one tile. Where the instruction set reads 16 elements for each, the last ones of the matrix
/// are copied first, so that nothing behind them is read.
template <class T>
TILEBIT_ALWAYS_INLINE const T* add_tile(unsigned bitmap, const T* e, const T* end, const T* x,
                                        tile_accumulator<T>& sums) noexcept {
  if constexpr (tile_accumulator<T>::reads_ahead) {
    T last[16];
    const T* from = e;
    if (end - e < 16) {
      for (std::int64_t k = 0; k < 16; ++k) last[k] = k < end - e ? e[k] : T{};
      from = last;
    }
    sums.add(bitmap, from, x);
    return e + std::popcount(bitmap);
  }
  return sums.add(bitmap, e, x);
}

/// The sums of the tiles [k, end) of one tile row, whose elements begin at e; moves e to their end.
/// In long rows two accumulators take turns, because one would wait for its own multiply-add; in
/// short ones adding the two up costs more. Inlined, because most tile rows are as short as the
/// call would be long.
template <class T, class I>
TILEBIT_ALWAYS_INLINE tile_accumulator<T> add_tiles(const std::uint16_t* bitmaps, const I* cols,
                                                    std::int64_t k, std::int64_t end, const T*& e,
                                                    const T* elements_end, const T* x) noexcept {
  constexpr std::int64_t long_row = 16;
  const auto add = [&](tile_accumulator<T>& to, std::int64_t tile, const T* from) {
    return add_tile(bitmaps[tile], from, elements_end,
                    x + 4 * static_cast<std::int64_t>(cols[tile]), to);
  };
  tile_accumulator<T> sums;
  const T* from = e;
  if (end - k >= long_row) {
    tile_accumulator<T> others;
    for (; k + 1 < end; k += 2) {
      prefetch_elements(from);
      from = add(sums, k, from);
      from = add(others, k + 1, from);
    }
    sums.add(others);
  }
  for (; k < end; ++k) {
    prefetch_elements(from);
    from = add(sums, k, from);
  }
  e = from;
  return sums;
}

template <class T, class I>
void spmv_bitmap(const bitmap_view<const T, I>& a, std::int64_t first, std::int64_t last,
                 const T* x, const vector_update<T>& update) noexcept {
  const vector_update<T> out = update; // a copy, which no store to z can change
  constexpr std::int64_t group = tile_accumulator<T>::group;
  const std::int64_t* offsets = a.tile_row_offsets().data();
  const std::uint16_t* bitmaps = a.bitmaps().data();
  const I* cols = a.tile_cols().data();
  const T* e = a.elements().data() + a.element_offsets()[at(first)];
  const T* const elements_end = a.elements().data() + a.nnz();
  const std::int64_t whole_cols = a.cols() / 4; // tile columns that lie inside
  T edge[4] = {};
  for (std::int64_t j = 4 * whole_cols; j < a.cols(); ++j) edge[j % 4] = x[j];
  const bool overwrite = out.alpha == T{1} && out.beta == T{};

  for (std::int64_t tr = first; tr < last; tr += group) {
    tile_accumulator<T> sums[group];
    for (std::int64_t g = 0; g < group && tr + g < last; ++g) {
      const std::int64_t k = offsets[tr + g];
      const std::int64_t end = offsets[tr + g + 1];
      // Only the last tile can reach over the matrix's edge.
      const bool at_edge = k < end && static_cast<std::int64_t>(cols[end - 1]) == whole_cols;
      sums[g] = add_tiles(bitmaps, cols, k, end - (at_edge ? 1 : 0), e, elements_end, x);
      if (at_edge) e = add_tile(bitmaps[end - 1], e, elements_end, edge, sums[g]);
    }
    const std::int64_t rows_left = (last < a.tile_rows() ? 4 * last : a.rows()) - 4 * tr;
    if (overwrite && rows_left >= 4 * group) {
      tile_accumulator<T>::rows(sums, out.z + 4 * tr);
    } else {
      T totals[4 * group];
      tile_accumulator<T>::rows(sums, totals);
      for (std::int64_t r = 0; r < 4 * group && r < rows_left; ++r) {
        out.store(4 * tr + r, totals[r]);
      }
    }
  }
}
