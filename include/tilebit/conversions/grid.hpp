// Bitmap <-> bitmap grid: the elements are the same, tiles gain or lose their coordinates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "../core/array_of.hpp"
#include "../core/numeric.hpp"
#include "../core/shape.hpp"
#include "../formats/bitmap.hpp"
#include "../formats/bitmap_grid.hpp"

namespace tilebit::detail {

/// The nonempty tiles of a grid as the arrays of a bitmap matrix. O(nnz + tiles).
template <class T, class I, class J>
bitmap_arrays<T, I> tiles_of_grid_view(const bitmap_grid_view<const T, J>& a) {
  bitmap_arrays<T, I> out;
  std::size_t nonempty = 0;
  for (const std::uint16_t bitmap : a.bitmaps()) nonempty += bitmap != 0;
  out.bitmaps.reserve(nonempty);
  out.tile_cols.reserve(nonempty);
  out.tile_row_offsets.reserve(at(a.tile_rows()) + 1);
  out.tile_row_offsets.push_back(0);
  const std::size_t width = at(a.tiles_per_row());
  for (std::size_t i = 0; i < at(a.tile_rows()); ++i) {
    for (std::size_t j = 0; j < width; ++j) {
      const std::uint16_t bitmap = a.bitmaps()[i * width + j];
      if (bitmap == 0) continue;
      out.bitmaps.push_back(bitmap);
      out.tile_cols.push_back(static_cast<I>(j));
    }
    out.tile_row_offsets.push_back(length(out.bitmaps));
  }
  out.elements = to_array_of<T>(a.elements());
  out.element_offsets = to_array_of<std::int64_t>(a.element_offsets());
  return out;
}

/// The bitmaps of all tiles, from those of the nonempty ones. O(tiles).
template <class I>
array_of<std::uint16_t>
spread_bitmaps(std::span<const std::uint16_t> bitmaps, std::span<const I> tile_cols,
               std::span<const std::int64_t> tile_row_offsets, const shape& s) {
  array_of<std::uint16_t> all;
  all.resize(at(tiles_of_grid(s)));
  const std::size_t width = at(tiles_along(s.cols()));
  for (std::size_t i = 0; i + 1 < tile_row_offsets.size(); ++i) {
    for (std::size_t k = at(tile_row_offsets[i]); k < at(tile_row_offsets[i + 1]); ++k) {
      all[i * width + at(tile_cols[k])] = bitmaps[k];
    }
  }
  return all;
}

/// The arrays of a bitmap matrix as those of a grid; elements are moved.
template <class T, class I>
grid_arrays<T> grid_of_tiles(bitmap_arrays<T, I>&& b, const shape& s) {
  auto all = spread_bitmaps<I>(b.bitmaps, b.tile_cols, b.tile_row_offsets, s);
  return {std::move(b.elements), std::move(all), std::move(b.element_offsets)};
}

/// A grid or a bitmap matrix copied into the arrays of a grid.
template <class T, class View>
grid_arrays<T> grid_of_view(const View& a) {
  grid_arrays<T> out;
  if constexpr (requires { a.tile_cols(); }) {
    out.bitmaps =
        spread_bitmaps(a.bitmaps(), a.tile_cols(), a.tile_row_offsets(), shape(a.rows(), a.cols()));
  } else {
    out.bitmaps = to_array_of<std::uint16_t>(a.bitmaps());
  }
  out.elements = to_array_of<T>(a.elements());
  out.element_offsets = to_array_of<std::int64_t>(a.element_offsets());
  return out;
}

} // namespace tilebit::detail
