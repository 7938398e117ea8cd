// Any format -> entries in row-major order (the arrays of CSR), the meeting point of all
// conversions.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/array_of.hpp"
#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "../formats/views.hpp"

namespace tilebit::detail {

template <class O>
void require_offset_fits(std::int64_t nnz) {
  if (std::cmp_greater(nnz, std::numeric_limits<O>::max())) {
    throw_message<std::length_error>({nnz, " entries do not fit ", 8 * sizeof(O), "-bit offsets"});
  }
}

/// COO: sorted; duplicates stay adjacent.
template <class O, class T, class I>
auto row_order(const coo_view<T, I>& a, bool transposed) {
  using V = std::remove_const_t<T>;
  const std::span<const V> values = a.values();
  return transposed ? sort_row_major<V, I, O>(values, a.col_indices(), a.row_indices(),
                                              shape(a.cols(), a.rows()))
                    : sort_row_major<V, I, O>(values, a.row_indices(), a.col_indices(),
                                              shape(a.rows(), a.cols()));
}

/// CSR: copied, or transposed by one counting pass and one scatter.
template <class O, class T, class I, class P>
auto row_order(const csr_view<T, I, P>& a, bool transposed) {
  require_offset_fits<O>(a.nnz());
  ordered_entries<std::remove_const_t<T>, I, O> out;
  out.strict = true;
  const auto offsets = a.row_offsets();
  const auto cols = a.col_indices();
  const auto values = a.values();
  if (!transposed) {
    out.values = to_array_of<std::remove_const_t<T>>(values);
    out.row_offsets = to_array_of<O>(offsets);
    out.col_indices = to_array_of<I>(cols);
    return out;
  }
  out.row_offsets.assign(at(a.cols()) + 1, O{0});
  for (const I j : cols) ++out.row_offsets[at(j)];
  exclusive_scan_in_place(std::span<O>(out.row_offsets));
  out.values.resize_for_overwrite(values.size());
  out.col_indices.resize_for_overwrite(values.size());
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    for (std::size_t k = at(offsets[i]); k < at(offsets[i + 1]); ++k) {
      const std::size_t p = at(out.row_offsets[at(cols[k])]++);
      out.values[p] = values[k];
      out.col_indices[p] = static_cast<I>(i);
    }
  }
  shift_to_begins(out.row_offsets);
  return out;
}

/// The row-major entries of a matrix of shape s, or of its transpose.
template <class O, class T, class I>
ordered_entries<T, I, O> transposed_if(bool transposed, ordered_entries<T, I, O>&& e, shape s) {
  if (!transposed) return std::move(e);
  return row_order<O>(csr_view<const T, I, O>(e.values, e.row_offsets, e.col_indices, s), true);
}

/// Tiles [first_tile(i), first_tile(i + 1)) are tile row i, tile k of it is in tile column
/// tile_col(i, k): per tile row one pass counts the four rows, a second one deals the elements out.
template <class O, class View, class FirstTile, class TileCol>
auto row_order_of_tiles(const View& a, bool transposed, FirstTile&& first_tile,
                        TileCol&& tile_col) {
  require_offset_fits<O>(a.nnz());
  using I = typename View::index_type;
  ordered_entries<typename View::scalar_type, I, O> out;
  out.strict = true;
  out.values.resize_for_overwrite(at(a.nnz()));
  out.col_indices.resize_for_overwrite(at(a.nnz()));
  out.row_offsets.reserve(at(a.rows()) + 1);
  const auto* element = a.elements().data();
  std::size_t position = 0;
  for (std::size_t tr = 0; tr < at(a.tile_rows()); ++tr) {
    const std::size_t first = first_tile(tr);
    const std::size_t last = first_tile(tr + 1);
    std::size_t counts[4] = {};
    for (std::size_t k = first; k < last; ++k) {
      const unsigned bitmap = a.bitmaps()[k];
      for (unsigned r = 0; r < 4; ++r) {
        counts[r] += static_cast<std::size_t>(std::popcount((bitmap >> (4 * r)) & 0xfU));
      }
    }
    std::size_t to[4];
    for (std::size_t r = 0; r < 4; ++r) {
      to[r] = position;
      if (4 * tr + r < at(a.rows())) out.row_offsets.push_back(static_cast<O>(position));
      position += counts[r];
    }
    for (std::size_t k = first; k < last; ++k) {
      const std::int64_t col = 4 * tile_col(tr, k);
      for (unsigned left = a.bitmaps()[k]; left != 0; left &= left - 1) {
        const int bit = std::countr_zero(left);
        const std::size_t p = to[bit / 4]++;
        out.col_indices[p] = static_cast<I>(col + bit % 4);
        out.values[p] = *element++;
      }
    }
  }
  out.row_offsets.push_back(static_cast<O>(position));
  return transposed_if<O>(transposed, std::move(out), shape(a.rows(), a.cols()));
}

template <class O, class T, class I>
auto row_order(const bitmap_view<T, I>& a, bool transposed) {
  return row_order_of_tiles<O>(
      a, transposed, [offsets = a.tile_row_offsets()](std::size_t i) { return at(offsets[i]); },
      [cols = a.tile_cols()](std::size_t, std::size_t k) {
        return static_cast<std::int64_t>(cols[k]);
      });
}

template <class O, class T, class I>
auto row_order(const bitmap_grid_view<T, I>& a, bool transposed) {
  const std::size_t width = at(a.tiles_per_row());
  return row_order_of_tiles<O>(
      a, transposed, [width](std::size_t i) { return i * width; },
      [width](std::size_t i, std::size_t k) { return static_cast<std::int64_t>(k - i * width); });
}

/// Sorts the columns of every row, which come as a few rising runs.
template <class T, class I, class O>
void sort_rows(ordered_entries<T, I, O>& e) {
  std::vector<std::pair<I, T>> row;
  for (std::size_t i = 0; i + 1 < e.row_offsets.size(); ++i) {
    const std::size_t first = at(e.row_offsets[i]);
    const std::size_t last = at(e.row_offsets[i + 1]);
    row.clear();
    for (std::size_t k = first; k < last; ++k) row.emplace_back(e.col_indices[k], e.values[k]);
    std::ranges::sort(row, {}, &std::pair<I, T>::first);
    for (std::size_t k = first; k < last; ++k) {
      e.col_indices[k] = row[k - first].first;
      e.values[k] = row[k - first].second;
    }
  }
}

/// Optimized: the rows of all parts to their places.
template <class O, class T, class I>
ordered_entries<std::remove_const_t<T>, I, O> row_order(const optimized_view<T, I>& a,
                                                        bool transposed) {
  require_offset_fits<O>(a.nnz());
  if constexpr (is_packed_v<std::remove_const_t<T>>) {
    if (a.grid().rows() > 0) return row_order<O>(a.grid(), transposed);
  }
  if (a.csr().rows() > 0) return row_order<O>(a.csr(), transposed);
  if (a.coo().rows() > 0) return row_order<O>(a.coo(), transposed);
  using V = std::remove_const_t<T>;
  ordered_entries<V, I, O> out;
  out.strict = true;
  out.values.resize_for_overwrite(at(a.nnz()));
  out.col_indices.resize_for_overwrite(at(a.nnz()));
  out.row_offsets.assign(at(a.rows()) + 1, O{0});
  const auto tiles = row_order<O>(a.tiles(), false);
  for (std::size_t i = 0; i + 1 < tiles.row_offsets.size(); ++i) {
    out.row_offsets[i] = static_cast<O>(tiles.row_offsets[i + 1] - tiles.row_offsets[i]);
  }
  const auto for_each_other = [&a](auto&& f) {
    for (const unit_range& band : a.diagonal_bands()) {
      for_each_diagonal_entry(a.diagonals(), band.first, band.last, f);
    }
    for_each_sliced_entry(a.sliced(), 0, a.sliced().slices(), f);
    for_each_grouped_entry(a.grouped(), 0, a.grouped().blocks(), f);
  };
  for_each_other([&](std::int64_t i, std::int64_t, const T&) { ++out.row_offsets[at(i)]; });
  exclusive_scan_in_place(std::span<O>(out.row_offsets));
  for (std::size_t i = 0; i + 1 < tiles.row_offsets.size(); ++i) {
    for (std::size_t k = at(tiles.row_offsets[i]); k < at(tiles.row_offsets[i + 1]); ++k) {
      const std::size_t p = at(out.row_offsets[i]++);
      out.values[p] = tiles.values[k];
      out.col_indices[p] = tiles.col_indices[k];
    }
  }
  for_each_other([&](std::int64_t i, std::int64_t j, const T& value) {
    const std::size_t p = at(out.row_offsets[at(i)]++);
    out.values[p] = value;
    out.col_indices[p] = static_cast<I>(j);
  });
  shift_to_begins(out.row_offsets);
  if (a.grouped().nnz() > 0 && !transposed) sort_rows(out); // a transposition sorts by itself
  return transposed_if<O>(transposed, std::move(out), shape(a.rows(), a.cols()));
}

} // namespace tilebit::detail
