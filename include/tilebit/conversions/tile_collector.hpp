// Collects the tiles of a bitmap matrix, one tile row after the other, by the road that fits the
// row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "../core/array_of.hpp"
#include "../core/large_pages.hpp"
#include "../formats/bitmap_tiles.hpp"
#include "../kernels/short_line.hpp"
#include "tile_line.hpp"

namespace tilebit::detail {

/// The number of tiles is only known at the end, so that columns and bitmaps go to buffers for the
/// worst case first.
template <class I>
class tile_collector {
public:
  explicit tile_collector(std::size_t nnz)
      : tile_cols_(nnz + short_line::slack), bitmaps_(nnz + short_line::slack) {}

  std::size_t size() const noexcept { return tiles_; }

  /// A tile row of n entries that come in final order: get(k) gives tile column and bit. Without
  /// branches, because whether an entry opens a tile cannot be predicted; with local variables,
  /// because the stores might otherwise change the members.
  template <class Get>
  void add_in_order(std::size_t n, Get&& get) {
    I* cols = tile_cols_.get() + tiles_;
    std::uint16_t* bitmaps = bitmaps_.get() + tiles_;
    std::size_t tile = 0; // counts from 1
    I last{};
    unsigned bitmap = 0;
    for (std::size_t k = 0; k < n; ++k) {
      const auto [tile_col, bit] = get(k);
      const bool same = (tile_col == last) & (k != 0);
      tile += !same;
      bitmap = (same ? bitmap : 0U) | (1U << bit);
      cols[tile - 1] = tile_col;
      bitmaps[tile - 1] = static_cast<std::uint16_t>(bitmap);
      last = tile_col;
    }
    tiles_ += tile;
  }

  /// A tile row of n entries, 1 to 64, in any order: line has their keys, value(k) gives the
  /// values. Gives false when two entries share their place.
  template <class T, class Value>
  bool add_short_line(short_line& line, std::size_t n, Value&& value, T* elements) {
    const std::size_t count =
        kernels::sort_short_line(line, n, tile_cols_.get() + tiles_, bitmaps_.get() + tiles_);
    tiles_ += count;
    for (std::size_t k = 0; k < n; ++k) elements[line.places[k]] = value(k);
    return count != 0;
  }

  /// A tile row whose entries each(f) hands out as f(tile column, bit, value), in any order but
  /// twice the same; tile columns are in low..high. Gives false when two entries share their place.
  template <class T, class Each>
  bool add_line(tile_line& line, std::size_t n, std::size_t low, std::size_t high, Each&& each,
                T* elements) {
    each([mark = line.mark()](std::size_t tile, std::size_t bit, const T&) { mark(tile, bit); });
    I* const cols = tile_cols_.get() + tiles_;
    std::uint16_t* const bitmaps = bitmaps_.get() + tiles_;
    std::size_t count = 0;
    const std::size_t found = line.sweep(low, high, [&](std::size_t tile, unsigned bitmap) {
      cols[count] = static_cast<I>(tile);
      bitmaps[count++] = static_cast<std::uint16_t>(bitmap);
    });
    if (found != n) return false;
    each([place = line.place(), elements](std::size_t tile, std::size_t bit, const T& value) {
      elements[place(tile, bit)] = value;
    });
    line.clear(std::span<const I>(cols, count));
    tiles_ += count;
    return true;
  }

  /// A whole tile.
  void add_tile(I tile_col, unsigned bitmap) noexcept {
    tile_cols_.get()[tiles_] = tile_col;
    bitmaps_.get()[tiles_++] = static_cast<std::uint16_t>(bitmap);
  }

  template <class T>
  void finish(bitmap_arrays<T, I>& out) const {
    out.tile_cols = array_of<I>(tile_cols_.get(), tile_cols_.get() + tiles_);
    out.bitmaps = array_of<std::uint16_t>(bitmaps_.get(), bitmaps_.get() + tiles_);
  }

private:
  scratch_array<I> tile_cols_;
  scratch_array<std::uint16_t> bitmaps_;
  std::size_t tiles_ = 0;
};

} // namespace tilebit::detail
