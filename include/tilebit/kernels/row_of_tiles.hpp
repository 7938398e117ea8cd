// One tile row of a matrix of tiles, as the kernels take it that make rows of another form from it.
#pragma once

#include <bit>
#include <cstdint>

#include "../core/config.hpp"
#include "../core/numeric.hpp"
#include "../formats/bitmap.hpp"
#include "../formats/bitmap_grid.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

using detail::accumulator_t;
using detail::at;

/// Tiles with their columns and bitmaps, and their elements one after the other.
template <class T, class I>
struct row_of_tiles {
  const std::uint16_t* bitmaps;
  const I* cols; ///< in tiles
  std::int64_t tiles;
  const T* elements;
  std::int64_t entries;

  /// The first n tiles; O(n) where these are not all.
  row_of_tiles first(std::int64_t n) const noexcept {
    if (n == tiles) return *this;
    std::int64_t bits = 0;
    for (std::int64_t t = 0; t < n; ++t) bits += std::popcount(bitmaps[t]);
    return {bitmaps, cols, n, elements, bits};
  }
  /// What follows the first tiles.
  row_of_tiles without(const row_of_tiles& head) const noexcept {
    return {bitmaps + head.tiles, cols + head.tiles, tiles - head.tiles, elements + head.entries,
            entries - head.entries};
  }
};

/// Where a repacked tile row goes: room for as many words as it has entries, and for as many tiles.
template <class P, class I>
struct repacked {
  P* elements;
  std::uint16_t* bitmaps;
  I* cols;
};

template <class T, class I>
std::int64_t tiles_of(const bitmap_view<const T, I>& a, std::int64_t tr) noexcept {
  return a.tile_row_offsets()[at(tr) + 1] - a.tile_row_offsets()[at(tr)];
}
template <class T, class I>
std::int64_t tiles_of(const bitmap_grid_view<const T, I>& a, std::int64_t) noexcept {
  return a.tiles_per_row();
}

/// Entries of tile rows [first, last).
template <class View>
std::int64_t entries_of(const View& a, std::int64_t first, std::int64_t last) noexcept {
  return a.element_offsets()[at(last)] - a.element_offsets()[at(first)];
}

/// The bitmaps of a tile row.
template <class T, class I>
const std::uint16_t* bitmaps_in(const bitmap_view<const T, I>& a, std::int64_t tr) noexcept {
  return a.bitmaps().data() + a.tile_row_offsets()[at(tr)];
}
template <class T, class I>
const std::uint16_t* bitmaps_in(const bitmap_grid_view<const T, I>& a, std::int64_t tr) noexcept {
  return a.bitmaps().data() + tr * a.tiles_per_row();
}

/// The tile columns of a tile row, or nothing where they are 0, 1, 2, ...
template <class T, class I>
const I* cols_in(const bitmap_view<const T, I>& a, std::int64_t tr) noexcept {
  return a.tile_cols().data() + a.tile_row_offsets()[at(tr)];
}
template <class T, class I>
const I* cols_in(const bitmap_grid_view<const T, I>&, std::int64_t) noexcept {
  return nullptr;
}

template <class View>
const auto* elements_in(const View& a, std::int64_t tr) noexcept {
  return a.elements().data() + a.element_offsets()[at(tr)];
}

/// Has every place of the tiles of a tile row an element?
template <class View>
bool has_full_tiles(const View& a, std::int64_t tr) noexcept {
  return entries_of(a, tr, tr + 1) == 16 * tiles_of(a, tr);
}

/// Tile rows of a bitmap matrix as they stand.
template <class T, class I>
class stored_tile_rows {
public:
  using scalar_type = T;
  using index_type = I;
  using view_type = bitmap_view<const T, I>;
  /// Do the elements of all rows lie where matrix() has them?
  static constexpr bool as_stored = true;

  explicit stored_tile_rows(const view_type& a) noexcept : a_(a) {}

  const view_type& matrix() const noexcept { return a_; }
  std::int64_t cols() const noexcept { return a_.cols(); }
  /// Average entries of a tile.
  double fill() const noexcept {
    return static_cast<double>(a_.nnz()) /
           static_cast<double>(a_.bitmaps().empty() ? 1 : a_.bitmaps().size());
  }
  /// How many entries its rows hold together, or about.
  double entries() const noexcept { return static_cast<double>(a_.nnz()); }
  /// Of the sums of tile rows from tr on.
  const accumulator_t<T>* corrections(std::int64_t) const noexcept { return nullptr; }
  row_of_tiles<T, I> row(std::int64_t tr, int) const noexcept {
    return {bitmaps_in(a_, tr), cols_in(a_, tr), tiles_of(a_, tr), elements_in(a_, tr),
            entries_of(a_, tr, tr + 1)};
  }

private:
  view_type a_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
