// SpMV of bitmap tile rows [first, last), for every instruction set: included by simd.hpp behind
// the vocabulary.

/// Tiles that may be added as they are: all, or where that reads 16 elements from each tile's first
/// one on, those in front of the last 16 elements.
template <class T, class I>
std::int64_t tiles_to_add(const bitmap_view<const T, I>& a) noexcept {
  const auto bitmaps = a.bitmaps();
  auto tiles = static_cast<std::int64_t>(bitmaps.size());
  if constexpr (tile_accumulator<T>::reads_ahead) {
    for (std::int64_t behind = 0; tiles > 0 && behind < 16; --tiles) {
      behind += std::popcount(unsigned{bitmaps[at(tiles - 1)]});
    }
  }
  return tiles;
}

/// The sums of the tiles [k, end) of one tile row, whose elements begin at e; moves e to their end.
/// Tile may be full_tile where all of them are full, which gives the same bits.
/// In long rows two accumulators take turns, because one would wait for its own multiply-add; in
/// short ones adding the two up costs more. Inlined, because most tile rows are as short as the
/// call would be long.
template <bool Far, class Tile, class T, class I>
TILEBIT_ALWAYS_INLINE tile_accumulator<T> add_tiles(const std::uint16_t* bitmaps, const I* cols,
                                                    std::int64_t k, std::int64_t end, const T*& e,
                                                    const T* x) noexcept {
  constexpr std::int64_t long_row = 16;
  tile_accumulator<T> sums;
  const T* from = e;
  const auto add = [&](tile_accumulator<T>& to, std::int64_t t) {
    const Tile tile(bitmaps[t], from);
    to.add(tile, x + 4 * static_cast<std::int64_t>(cols[t]));
    from = tile.end;
  };
  if (end - k >= long_row) {
    tile_accumulator<T> others;
    for (; k + 1 < end; k += 2) {
      if constexpr (Far) {
        prefetch_elements(from);
        prefetch_elements(from + 64 / sizeof(T));
      }
      add(sums, k);
      add(others, k + 1);
    }
    sums.add(others);
  }
  for (; k < end; ++k) {
    if constexpr (Far) prefetch_elements(from);
    add(sums, k);
  }
  e = from;
  return sums;
}

/// x for the tiles of the last tile column, which may reach over the matrix's edge: 0 behind it.
template <class T>
struct edge_of_x {
  T values[4] = {};

  edge_of_x(std::int64_t cols, const T* x) noexcept {
    for (std::int64_t j = cols & ~std::int64_t{3}; j < cols; ++j) values[j & 3] = x[j];
  }
};

/// Tile rows [first, last), all of whose tiles may be added as they are. Far: elements are fetched
/// ahead, because they come from far away. Tile: full_tile where all tiles are full.
template <bool Far, class Tile, class T, class I>
void multiply_tile_rows(const bitmap_view<const T, I>& a, std::int64_t first, std::int64_t last,
                        const T* x, const vector_update<T>& update) noexcept {
  constexpr bool full = std::is_same_v<Tile, typename tile_accumulator<T>::full_tile>;
  const vector_update<T> out = update; // a copy, which no store to z can change
  constexpr std::int64_t group = tile_accumulator<T>::group;
  const std::int64_t* offsets = a.tile_row_offsets().data();
  const std::uint16_t* bitmaps = a.bitmaps().data();
  const I* cols = a.tile_cols().data();
  const T* e = a.elements().data() + a.element_offsets()[at(first)];
  const std::int64_t whole_cols = a.cols() / 4; // tile columns that lie inside
  const edge_of_x<T> edge(a.cols(), x);
  const bool overwrite = out.alpha == T{1} && out.beta == T{};

  for (std::int64_t tr = first; tr < last; tr += group) {
    tile_accumulator<T> sums[group];
    for (std::int64_t g = 0; g < group && tr + g < last; ++g) {
      const std::int64_t k = offsets[tr + g];
      const std::int64_t end = offsets[tr + g + 1];
      // Only the last tile can reach over the matrix's edge, and no full one does.
      const bool at_edge =
          !full && k < end && static_cast<std::int64_t>(cols[end - 1]) == whole_cols;
      sums[g] = add_tiles<Far, Tile>(bitmaps, cols, k, end - (at_edge ? 1 : 0), e, x);
      if (at_edge) {
        const Tile last_one(bitmaps[end - 1], e);
        sums[g].add(last_one, edge.values);
        e = last_one.end;
      }
    }
    const std::int64_t rows_left = (last < a.tile_rows() ? 4 * last : a.rows()) - 4 * tr;
    if (overwrite && rows_left >= 4 * group) {
      tile_accumulator<T>::rows(sums, out.z + 4 * tr);
    } else {
      T totals[4 * group];
      tile_accumulator<T>::rows(sums, totals);
      store_rows(out, 4 * tr, std::min(4 * group, rows_left), totals);
    }
  }
}

/// The same for a matrix of nearly full tiles: rows that have full tiles alone do not expand them.
/// Asking each row costs short ones up to a tenth, so that others are not asked.
template <class T, class I>
void multiply_full_tile_rows(const bitmap_view<const T, I>& a, std::int64_t first,
                             std::int64_t last, const T* x,
                             const vector_update<T>& update) noexcept {
  using tile = typename tile_accumulator<T>::tile;
  using full_tile = typename tile_accumulator<T>::full_tile;
  for (std::int64_t tr = first; tr < last;) {
    const bool full = has_full_tiles(a, tr);
    std::int64_t end = tr + 1;
    while (end < last && has_full_tiles(a, end) == full) ++end;
    (full ? &multiply_tile_rows<always_far, full_tile, T, I>
          : &multiply_tile_rows<always_far, tile, T, I>)(a, tr, end, x, update);
    tr = end;
  }
}

template <class T, class I>
void spmv_bitmap(const bitmap_view<const T, I>& a, std::int64_t first, std::int64_t last,
                 const T* x, const vector_update<T>& update) noexcept {
  std::int64_t inner = last;
  const std::int64_t to_add = tiles_to_add(a);
  while (inner > first && a.tile_row_offsets()[at(inner)] > to_add) --inner;
  const bool far = detail::comes_from_far(a.nnz() * static_cast<std::int64_t>(sizeof(T)));
  const bool full = detail::nearly_full(stored_tile_rows<T, I>(a).fill());
  using tile = typename tile_accumulator<T>::tile;
  tile_rows_kernel<T, I>* const kernel =
      full  ? &multiply_full_tile_rows<T, I>
      : far ? &multiply_tile_rows<true, tile, T, I>
            : &multiply_tile_rows<always_far, tile, T, I>;
  kernel(a, first, inner, x, update);
  if (inner < last) multiply_last_tile_rows<T, I>(kernel, a, inner, last, to_add, x, update);
}
