// SpMM of bitmap tile rows with few columns, for every instruction set: included by simd.hpp behind
// the bodies of SpMV and of panels.
//
// As SpMV, but that a tile is multiplied by all columns once its elements are in their places.

/// Columns of the widest panel: as many as have their sums in registers.
template <class T>
inline constexpr int widest_of_tiles =
    sizeof(typename lanes<T>::reg) == 64 ? 8 : 16 / int{sizeof(T)};

/// The sums of a tile row, one for each column J. They are written out one by one, because g++
/// keeps arrays in memory that a loop has touched before it is unrolled.
template <class T, class Columns>
struct sums_of_columns;
template <class T, int... J>
struct sums_of_columns<T, std::integer_sequence<int, J...>> {
  tile_accumulator<T> of[sizeof...(J)];

  sums_of_columns() noexcept : of{(void(J), tile_accumulator<T>())...} {}

  /// Adds tiles [k, end), whose elements begin at e, times all columns; returns where they end.
  template <class I>
  TILEBIT_ALWAYS_INLINE const T* add(const std::uint16_t* bitmaps, const I* cols, std::int64_t k,
                                     std::int64_t end, const T* e, const T* b,
                                     std::int64_t ldb) noexcept {
    for (; k < end; ++k) {
      prefetch_elements(e);
      const typename tile_accumulator<T>::tile tile(bitmaps[k], e);
      const T* const xs = b + 4 * ldb * static_cast<std::int64_t>(cols[k]);
      (of[J].add(tile, xs + 4 * J), ...);
      e = tile.end;
    }
    return e;
  }
};

/// The last tiles, from `first` on, where 16 elements may be read from each one's first on: copied
/// where kernels do so.
template <class T, bool ReadsAhead>
struct copied_tiles {
  std::int64_t first;
  last_tiles<T> tiles;

  template <class I>
  explicit copied_tiles(const bitmap_view<const T, I>& a) noexcept
      : first(tiles_to_add(a)), tiles(a, first) {}

  /// Where element k of the matrix is, or the first one behind it that is copied.
  const T* from(std::int64_t k) const noexcept {
    return tiles.elements + std::max<std::int64_t>(0, k - tiles.first_element);
  }
};
template <class T>
struct copied_tiles<T, false> {
  template <class View>
  explicit copied_tiles(const View&) noexcept {}
  const T* from(std::int64_t) const noexcept { return nullptr; }
};

/// Tile rows [first, last), times the first `width` of so many columns. The four rows of B for tile
/// column k are at b + 4 k ldb, column by column (tiled_panels.hpp).
template <int Columns, bool Part = true, class T, class I>
void spmm_tiles(const bitmap_view<const T, I>& a, std::int64_t first, std::int64_t last, const T* b,
                std::int64_t ldb, std::int64_t width, const panel_output<T>& out) noexcept {
  using v = lanes<T>;
  using accumulator = tile_accumulator<T>;
  static_assert(Columns <= widest_of_tiles<T> && Columns <= v::count);
  if constexpr (Part && Columns == v::count) {
    if (width == v::count) return spmm_tiles<Columns, false>(a, first, last, b, ldb, width, out);
  }
  const vector_places<T, 1, Part> places(b, width, false);
  const std::int64_t* const offsets = a.tile_row_offsets().data();
  const std::uint16_t* const bitmaps = a.bitmaps().data();
  const I* const cols = a.tile_cols().data();
  const T* e = a.elements().data() + a.element_offsets()[at(first)];
  [[maybe_unused]] const copied_tiles<T, accumulator::reads_ahead> copies(a);
  [[maybe_unused]] const T* copied = copies.from(a.element_offsets()[at(first)]);

  for (std::int64_t tr = first; tr < last; ++tr) {
    if (out.fetched != nullptr) fetch_output<T, 1>(4 * tr + 4, 4 * tr + 8, out);
    sums_of_columns<T, std::make_integer_sequence<int, Columns>> sums;
    const std::int64_t begin = offsets[tr];
    const std::int64_t end = offsets[tr + 1];
    if constexpr (accumulator::reads_ahead) {
      e = sums.add(bitmaps, cols, begin, std::min(end, copies.first), e, b, ldb);
      copied = sums.add(bitmaps, cols, std::max(begin, copies.first), end, copied, b, ldb);
    } else {
      e = sums.add(bitmaps, cols, begin, end, e, b, ldb);
    }
    typename v::reg rows[4];
    accumulator::template rows_of_columns<Columns>(sums.of, rows);
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) {
      const typename v::reg row[1] = {rows[r]};
      if (4 * tr + r < out.rows) store_row<T, 1>(row, 4 * tr + r, places, out);
    }
  }
}
