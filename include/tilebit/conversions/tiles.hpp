// Row-major entries or triples -> the arrays of a bitmap matrix, and dense -> entries or tiles.
//
// A tile row takes one of three roads: up to 64 entries are sorted by SIMD where the machine can
// (kernels/short_line.hpp); crowded ones are marked and swept (tile_line.hpp); the rest is merged
// from its four rows (tile_merge.hpp). All give the same arrays.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "../core/array_of.hpp"
#include "../core/config.hpp"
#include "../core/large_pages.hpp"
#include "../core/numeric.hpp"
#include "../formats/bitmap_tiles.hpp"
#include "../formats/dense.hpp"
#include "../kernels/short_line.hpp"
#include "row_order.hpp"
#include "tile_collector.hpp"
#include "tile_line.hpp"
#include "tile_merge.hpp"

namespace tilebit::detail {

/// For columns or rows too long for words: the four heads are compared one tile at a time.
template <class T, class I>
TILEBIT_COLD void merge_wide(const T* values, const I* cols, const std::size_t (&offsets)[5],
                             T* elements, tile_collector<I>& tiles) {
  std::size_t head[4] = {offsets[0], offsets[1], offsets[2], offsets[3]};
  for (std::size_t left = offsets[4] - offsets[0]; left > 0;) {
    I col = std::numeric_limits<I>::max();
    for (std::size_t r = 0; r < 4; ++r) {
      if (head[r] < offsets[r + 1]) col = std::min(col, static_cast<I>(cols[head[r]] / 4));
    }
    unsigned bitmap = 0;
    for (unsigned r = 0; r < 4; ++r) {
      for (; head[r] < offsets[r + 1] && cols[head[r]] / 4 == col; ++head[r], --left) {
        bitmap |= 1U << (4 * r + static_cast<unsigned>(cols[head[r]] % 4));
        *elements++ = values[head[r]];
      }
    }
    tiles.add_tile(col, bitmap);
  }
}

/// Row-major entries into tiles, four rows at a time. O(nnz + rows).
template <class T, class I, class O>
bitmap_arrays<T, I> tiles_of_rows(std::span<const T> values, std::span<const O> row_offsets,
                                  std::span<const I> cols, shape s) {
  const std::size_t tile_rows = at(tiles_along(s.rows()));
  const std::size_t tile_cols = at(tiles_along(s.cols()));
  const auto offset = [&](std::size_t row) { return at(row_offsets[std::min(row, at(s.rows()))]); };
  std::size_t longest = 0;
  for (std::size_t tr = 0; tr < tile_rows; ++tr) {
    longest = std::max(longest, offset(4 * tr + 4) - offset(4 * tr));
  }
  bitmap_arrays<T, I> out;
  out.elements.resize_for_overwrite(values.size());
  out.tile_row_offsets.resize(tile_rows + 1);
  out.element_offsets.resize(tile_rows + 1);
  tile_collector<I> tiles(values.size());
  const bool has_short = kernels::has_short_line(s.cols());
  short_line short_row;
  std::optional<tile_line> line; // not for far more columns than entries: memory is O(nnz)
  if (tile_line::suits(values.size(), tile_cols)) line.emplace(tile_cols);
  const bool narrow = tile_row_merger::fits(s.cols(), static_cast<std::int64_t>(longest));
  tile_row_merger merger(narrow ? longest : 0);

  for (std::size_t tr = 0; tr < tile_rows; ++tr) {
    const std::size_t offsets[5] = {offset(4 * tr), offset(4 * tr + 1), offset(4 * tr + 2),
                                    offset(4 * tr + 3), offset(4 * tr + 4)};
    const std::size_t n = offsets[4] - offsets[0];
    const T* const first = values.data() + offsets[0];
    T* const elements = out.elements.data() + offsets[0];
    std::size_t low = tile_cols;
    std::size_t high = 0;
    const auto is_crowded = [&] {
      for (std::size_t r = 0; r < 4; ++r) {
        if (offsets[r] == offsets[r + 1]) continue;
        low = std::min(low, at(cols[offsets[r]]) / 4);
        high = std::max(high, at(cols[offsets[r + 1] - 1]) / 4);
      }
      return line && tile_line::suits(n, high - low + 1);
    };
    if (n == 0) {
      // nothing to add
    } else if (has_short && n <= short_line::capacity) {
      kernels::keys_of_rows(short_row, cols.data(), offsets);
      tiles.add_short_line(
          short_row, n, [&](std::size_t k) { return first[k]; }, elements);
    } else if (is_crowded()) {
      const auto each = [&](auto&& f) {
        for (std::size_t r = 0; r < 4; ++r) {
          for (std::size_t k = offsets[r]; k < offsets[r + 1]; ++k) {
            f(at(cols[k]) / 4, 4 * r + at(cols[k]) % 4, values[k]);
          }
        }
      };
      tiles.add_line(*line, n, low, high, each, elements);
    } else if (narrow) {
      const auto words = merger.merge(cols.data(), offsets);
      tiles.add_in_order(n, [&](std::size_t k) {
        const std::uint64_t word = words[k];
        elements[k] = first[(word & tile_row_merger::position_mask) - 1];
        const std::uint64_t key = word >> tile_row_merger::position_bits;
        return std::pair(static_cast<I>(key >> 4), static_cast<unsigned>(key & 15));
      });
    } else {
      merge_wide(values.data(), cols.data(), offsets, elements, tiles);
    }
    out.tile_row_offsets[tr + 1] = static_cast<std::int64_t>(tiles.size());
    out.element_offsets[tr + 1] = static_cast<std::int64_t>(offsets[4]);
  }
  tiles.finish(out);
  return out;
}

/// Triples in any order into tiles by a single scatter, for matrices whose tile rows are short or
/// crowded. Gives false, and nothing, for others and when there are duplicates, which are summed in
/// row order. O(nnz + tile rows).
template <class T, class I>
bool tiles_by_scatter(std::span<const T> values, std::span<const I> rows, std::span<const I> cols,
                      shape s, bitmap_arrays<T, I>& out) {
  const std::size_t n = values.size();
  const std::size_t tile_rows = at(tiles_along(s.rows()));
  const std::size_t tile_cols = at(tiles_along(s.cols()));
  const auto tile_row = [&](std::size_t k) { return at(rows[k]) / 4; };
  out.element_offsets.assign(tile_rows + 1, 0);
  const std::span<std::int64_t> next(out.element_offsets);
  count_keys(n, next, tile_row);

  const bool has_short = kernels::has_short_line(s.cols());
  const auto is_short = [&](std::size_t entries) {
    return entries == 0 || (has_short && entries <= short_line::capacity);
  };
  const auto long_rows = static_cast<std::size_t>(
      std::count_if(next.begin(), next.end(), [&](auto c) { return !is_short(at(c)); }));
  // Long ones are swept from end to end: all together, that must not exceed O(nnz).
  if (long_rows > 0 && !tile_line::suits(n / long_rows, tile_cols)) return false;

  struct entry {
    T value;
    I tile_col;
    std::uint32_t bit;
  };
  const scratch_array<entry> entries(n);
  entry* const to = entries.get();
  scatter_counted(
      n, next, tile_row,
      [&](std::size_t k, std::size_t p) {
        to[p] = {values[k], static_cast<I>(cols[k] / 4),
                 4 * static_cast<std::uint32_t>(rows[k] % 4) +
                     static_cast<std::uint32_t>(cols[k] % 4)};
      },
      [&](std::size_t p) { TILEBIT_PREFETCH_WRITE(to + p); });
  shift_to_begins(out.element_offsets);

  out.elements.resize_for_overwrite(n);
  out.tile_row_offsets.resize(tile_rows + 1);
  tile_collector<I> tiles(n);
  short_line short_row;
  std::optional<tile_line> line;
  if (long_rows > 0) line.emplace(tile_cols);
  for (std::size_t tr = 0; tr < tile_rows; ++tr) {
    const std::size_t begin = at(out.element_offsets[tr]);
    const std::size_t count = at(out.element_offsets[tr + 1]) - begin;
    const entry* const e = to + begin;
    T* const elements = out.elements.data() + begin;
    bool unique = true;
    if (count == 0) {
      // nothing to add
    } else if (is_short(count)) {
      for (std::size_t k = 0; k < count; ++k) {
        short_row.keys[k] = static_cast<std::uint32_t>(e[k].tile_col) << 4 | e[k].bit;
      }
      unique = tiles.add_short_line(
          short_row, count, [&](std::size_t k) { return e[k].value; }, elements);
    } else {
      const auto each = [&](auto&& f) {
        for (std::size_t k = 0; k < count; ++k) f(at(e[k].tile_col), e[k].bit, e[k].value);
      };
      unique = tiles.add_line(*line, count, 0, tile_cols - 1, each, elements);
    }
    if (!unique) return false;
    out.tile_row_offsets[tr + 1] = static_cast<std::int64_t>(tiles.size());
  }
  tiles.finish(out);
  return true;
}

/// |x| > threshold; NaN is kept too, because dropping it would hide an error. For 0 this is x != 0.
template <class T>
bool exceeds(const T& x, double threshold) noexcept {
  if constexpr (std::is_integral_v<T>) {
    return std::abs(static_cast<double>(x)) > threshold;
  } else {
    const auto size = std::abs(x);
    return !(static_cast<std::common_type_t<decltype(size), double>>(size) <= threshold);
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
