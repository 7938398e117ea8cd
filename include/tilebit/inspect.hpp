// analyze(a): sizes, fill and bytes of a matrix in every format; validate(a): the invariants.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "convert.hpp"
#include "core/concepts.hpp"
#include "formats/views.hpp"

namespace tilebit {

/// Bytes that a matrix takes in each format, for its value and index types (offsets are 64-bit).
struct format_bytes {
  std::int64_t coo = 0;    ///< nnz * (sizeof(T) + 2 * sizeof(I))
  std::int64_t csr = 0;    ///< nnz * (sizeof(T) + sizeof(I)) + (rows + 1) * 8
  std::int64_t bitmap = 0; ///< nnz * sizeof(T) + tiles * (sizeof(I) + 2) + (tile rows + 1) * 16
  std::int64_t bitmap_grid = 0; ///< nnz * sizeof(T) + all tiles * 2 + (tile rows + 1) * 8
};

/// What analyze finds out.
struct matrix_statistics {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t nnz = 0;   ///< stored entries, duplicates counted once
  std::int64_t tiles = 0; ///< nonempty 4x4 tiles
  double fill = 0.0;      ///< nnz / tiles, 1 to 16; 0 for a matrix without entries
  std::array<std::int64_t, 17> fill_histogram{}; ///< [k]: tiles with k entries
  format_bytes bytes;
};

/// Sizes, fill and bytes of any sparse matrix or lazy view.
/// Throws: as to_bitmap. Complexity: O(nnz + rows) time; memory of a bitmap matrix unless a is one
/// or a bitmap grid.
template <sparse_matrix A>
matrix_statistics analyze(const A& a) {
  using T = typename A::scalar_type;
  using I = typename A::index_type;
  const auto op = detail::resolve(a);
  if constexpr (!requires { op.base.bitmaps(); }) {
    return analyze(to_bitmap(a));
  } else {
    if (op.transposed) return analyze(to_bitmap(a));
    detail::validate_unless_owning(a, op.base);
    matrix_statistics s;
    s.rows = a.rows();
    s.cols = a.cols();
    s.nnz = a.nnz();
    for (const unsigned bitmap : op.base.bitmaps()) {
      ++s.fill_histogram[static_cast<std::size_t>(std::popcount(bitmap))];
    }
    s.fill_histogram[0] = 0; // empty tiles of a grid
    for (const std::int64_t tiles : s.fill_histogram) s.tiles += tiles;
    if (s.tiles > 0) s.fill = static_cast<double>(s.nnz) / static_cast<double>(s.tiles);
    constexpr std::int64_t value = sizeof(T);
    constexpr std::int64_t column = sizeof(I);
    const std::int64_t tile_rows = detail::tiles_along(s.rows);
    s.bytes.coo = s.nnz * (value + 2 * column);
    s.bytes.csr = s.nnz * (value + column) + (s.rows + 1) * 8;
    s.bytes.bitmap = s.nnz * value + s.tiles * (column + 2) + (tile_rows + 1) * 16;
    s.bytes.bitmap_grid =
        s.nnz * value + tile_rows * detail::tiles_along(s.cols) * 2 + (tile_rows + 1) * 8;
    return s;
  }
}

/// Throws invalid_matrix naming the first broken invariant and its place; for an owning matrix or a
/// view of any format. O(nnz + rows), bitmap and bitmap grid O(tiles).
template <detail::owning_matrix A>
void validate(const A& a) {
  validate(a.view());
}

} // namespace tilebit
