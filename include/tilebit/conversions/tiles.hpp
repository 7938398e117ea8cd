// Row-major entries -> the arrays of a bitmap matrix, and dense -> entries or tiles.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "../core/numeric.hpp"
#include "../formats/bitmap_tiles.hpp"
#include "../formats/dense.hpp"
#include "row_order.hpp"

namespace tilebit::detail {

/// Merges four sorted rows at a time into tiles. One pass, O(nnz + rows); the number of tiles is
/// only known at the end, so that columns and bitmaps are first written to buffers for the worst
/// case.
template <class T, class I, class O>
bitmap_arrays<T, I> tiles_of_rows(std::span<const T> values, std::span<const O> offsets,
                                  std::span<const I> cols, std::int64_t n_rows) {
  const std::size_t tile_rows = at(tiles_along(n_rows));
  bitmap_arrays<T, I> out;
  out.elements.resize(values.size());
  out.tile_row_offsets.resize(tile_rows + 1);
  out.element_offsets.resize(tile_rows + 1);
  const auto tile_cols = std::make_unique_for_overwrite<I[]>(values.size());
  const auto bitmaps = std::make_unique_for_overwrite<std::uint16_t[]>(values.size());
  std::size_t tiles = 0;
  std::size_t element = 0;
  constexpr I none = std::numeric_limits<I>::max(); // larger than any tile column
  for (std::size_t tr = 0; tr < tile_rows; ++tr) {
    std::size_t at_[4];
    std::size_t end[4];
    I tile_col[4];
    for (std::size_t r = 0; r < 4; ++r) {
      const std::size_t row = 4 * tr + r;
      const bool inside = row < at(n_rows);
      at_[r] = inside ? at(offsets[row]) : 0;
      end[r] = inside ? at(offsets[row + 1]) : 0;
      tile_col[r] = at_[r] < end[r] ? static_cast<I>(cols[at_[r]] / 4) : none;
    }
    for (;;) {
      const I col =
          std::min(std::min(tile_col[0], tile_col[1]), std::min(tile_col[2], tile_col[3]));
      if (col == none) break;
      unsigned bitmap = 0;
      for (unsigned r = 0; r < 4; ++r) {
        while (tile_col[r] == col) {
          const std::size_t k = at_[r]++;
          bitmap |= 1U << (4 * r + (static_cast<unsigned>(cols[k]) & 3U));
          out.elements[element++] = values[k];
          tile_col[r] = k + 1 < end[r] ? static_cast<I>(cols[k + 1] / 4) : none;
        }
      }
      tile_cols[tiles] = col;
      bitmaps[tiles++] = static_cast<std::uint16_t>(bitmap);
    }
    out.tile_row_offsets[tr + 1] = static_cast<std::int64_t>(tiles);
    out.element_offsets[tr + 1] = static_cast<std::int64_t>(element);
  }
  out.tile_cols.assign(tile_cols.get(), tile_cols.get() + tiles);
  out.bitmaps.assign(bitmaps.get(), bitmaps.get() + tiles);
  return out;
}

/// |x| > threshold; NaN is kept too, because dropping it would hide an error. For 0 this is x != 0.
template <class T>
bool exceeds(const T& x, double threshold) noexcept {
  if constexpr (is_complex_v<T>) {
    return !(static_cast<double>(std::abs(x)) <= threshold);
  } else if constexpr (std::is_floating_point_v<T>) {
    return !(std::abs(static_cast<std::common_type_t<T, double>>(x)) <= threshold);
  } else {
    return std::abs(static_cast<double>(x)) > threshold;
  }
}

/// The entries of a dense matrix with |x| > threshold, row-major. O(rows * cols).
template <class T, class I, class O, class Layout>
ordered_entries<T, I, O> entries_of_dense(dense_view<const T, Layout> d, double threshold) {
  ordered_entries<T, I, O> out;
  out.strict = true;
  out.row_offsets.reserve(at(d.rows()) + 1);
  out.row_offsets.push_back(0);
  for (std::int64_t i = 0; i < d.rows(); ++i) {
    for (std::int64_t j = 0; j < d.cols(); ++j) {
      if (exceeds(d(i, j), threshold)) {
        out.values.push_back(d(i, j));
        out.col_indices.push_back(static_cast<I>(j));
      }
    }
    require_offset_fits<O>(length(out.values));
    out.row_offsets.push_back(static_cast<O>(out.values.size()));
  }
  return out;
}

/// Dense to tiles directly. O(rows * cols).
template <class T, class I, class Layout>
bitmap_arrays<T, I> tiles_of_dense(dense_view<const T, Layout> d, double threshold) {
  bitmap_arrays<T, I> out;
  out.tile_row_offsets.reserve(at(tiles_along(d.rows())) + 1);
  out.element_offsets.reserve(at(tiles_along(d.rows())) + 1);
  out.tile_row_offsets.push_back(0);
  out.element_offsets.push_back(0);
  for (std::int64_t i = 0; i < d.rows(); i += 4) {
    const std::int64_t height = std::min<std::int64_t>(4, d.rows() - i);
    for (std::int64_t j = 0; j < d.cols(); j += 4) {
      const std::int64_t width = std::min<std::int64_t>(4, d.cols() - j);
      unsigned bitmap = 0;
      for (std::int64_t r = 0; r < height; ++r) {
        for (std::int64_t c = 0; c < width; ++c) {
          if (exceeds(d(i + r, j + c), threshold)) {
            bitmap |= 1U << (4 * r + c);
            out.elements.push_back(d(i + r, j + c));
          }
        }
      }
      if (bitmap != 0) {
        out.tile_cols.push_back(static_cast<I>(j / 4));
        out.bitmaps.push_back(static_cast<std::uint16_t>(bitmap));
      }
    }
    out.tile_row_offsets.push_back(length(out.bitmaps));
    out.element_offsets.push_back(length(out.elements));
  }
  return out;
}

} // namespace tilebit::detail
