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

/// Collects tiles from entries that come in final order: by tile column, then by bit.
/// The number of tiles is only known at the end, so that columns and bitmaps go to buffers for the
/// worst case first.
template <class I>
class tile_collector {
public:
  explicit tile_collector(std::size_t nnz)
      : tile_cols_(std::make_unique_for_overwrite<I[]>(nnz)),
        bitmaps_(std::make_unique_for_overwrite<std::uint16_t[]>(nnz)) {}

  std::size_t size() const noexcept { return tiles_; }

  /// One more entry, of the tile row of the last one or of a new one. Without branches, because
  /// whether an entry opens a tile cannot be predicted.
  void add(I tile_col, unsigned bit, bool same_tile_row) noexcept {
    const bool same = same_tile_row & (tile_col == last_);
    tiles_ += !same;
    bitmap_ = (same ? bitmap_ : 0U) | (1U << bit);
    tile_cols_[tiles_ - 1] = tile_col;
    bitmaps_[tiles_ - 1] = static_cast<std::uint16_t>(bitmap_);
    last_ = tile_col;
  }

  template <class T>
  void finish(bitmap_arrays<T, I>& out) const {
    out.tile_cols.assign(tile_cols_.get(), tile_cols_.get() + tiles_);
    out.bitmaps.assign(bitmaps_.get(), bitmaps_.get() + tiles_);
  }

private:
  std::unique_ptr<I[]> tile_cols_;
  std::unique_ptr<std::uint16_t[]> bitmaps_;
  std::size_t tiles_ = 0;
  I last_{};
  unsigned bitmap_ = 0;
};

/// Four rows of entries, in final order, as words that sort like (tile column, bit):
/// tile column << 34 | bit << 30 | position of the entry behind the first one of the tile row.
class tile_row_merger {
public:
  static constexpr int position_bits = 30;
  static constexpr std::uint64_t position_mask = (std::uint64_t{1} << position_bits) - 1;
  static constexpr std::uint64_t end = ~std::uint64_t{0}; ///< larger than any word

  /// Whether the words hold such columns and positions; true for every matrix with 32-bit columns.
  static bool fits(std::int64_t n_cols, std::int64_t longest) noexcept {
    return n_cols <= (std::int64_t{1} << 32) && longest <= static_cast<std::int64_t>(position_mask);
  }

  explicit tile_row_merger(std::size_t longest) : words_(longest + 4), halves_(2 * longest + 4) {}

  /// Calls emit(word) for the entries of rows offsets[0..4] in order. The merges have no branch but
  /// their loops: each step moves the smaller head, and a run ends with a word larger than all.
  template <class I, class Emit>
  void merge(const I* cols, const std::size_t (&offsets)[5], Emit&& emit) {
    std::uint64_t* word = words_.data();
    const std::uint64_t* run[4];
    for (std::uint64_t r = 0; r < 4; ++r) {
      run[r] = word;
      for (std::size_t k = offsets[r]; k < offsets[r + 1]; ++k) {
        const auto col = static_cast<std::uint64_t>(cols[k]);
        *word++ = (col >> 2) << (position_bits + 4) | (4 * r + (col & 3)) << position_bits |
                  static_cast<std::uint64_t>(k - offsets[0]);
      }
      *word++ = end;
    }
    // Both pairs in one loop: two independent chains of loads and compares.
    const std::size_t n = std::max(offsets[2] - offsets[0], offsets[4] - offsets[2]);
    std::uint64_t* const upper = halves_.data();
    std::uint64_t* const lower = upper + n + 1;
    for (std::size_t k = 0; k < n; ++k) {
      upper[k] = take_smaller(run[0], run[1]);
      lower[k] = take_smaller(run[2], run[3]);
    }
    upper[n] = lower[n] = end;
    const std::uint64_t* a = upper;
    const std::uint64_t* b = lower;
    for (std::size_t k = offsets[0]; k < offsets[4]; ++k) emit(take_smaller(a, b));
  }

private:
  /// The smaller of two heads; a head at `end` stays, so that a finished run can be asked again.
  static std::uint64_t take_smaller(const std::uint64_t*& a, const std::uint64_t*& b) noexcept {
    const std::uint64_t x = *a;
    const std::uint64_t y = *b;
    const bool first = x < y;
    a += first;
    b += (y < x);
    return first ? x : y;
  }

  std::vector<std::uint64_t> words_;
  std::vector<std::uint64_t> halves_;
};

/// For columns or rows too long for words: the four heads are compared one tile at a time.
template <class T, class I, class Collector>
void merge_wide(const T* values, const I* cols, const std::size_t (&offsets)[5], T* elements,
                Collector& tiles) {
  bool inside = false;
  std::size_t at_[4] = {offsets[0], offsets[1], offsets[2], offsets[3]};
  for (std::size_t left = offsets[4] - offsets[0]; left > 0;) {
    I col = std::numeric_limits<I>::max();
    for (std::size_t r = 0; r < 4; ++r) {
      if (at_[r] < offsets[r + 1]) col = std::min(col, static_cast<I>(cols[at_[r]] / 4));
    }
    for (unsigned r = 0; r < 4; ++r) {
      for (; at_[r] < offsets[r + 1] && cols[at_[r]] / 4 == col; ++at_[r], --left) {
        tiles.add(col, 4 * r + static_cast<unsigned>(cols[at_[r]] % 4), inside);
        inside = true;
        *elements++ = values[at_[r]];
      }
    }
  }
}

/// Row-major entries into tiles, four rows at a time. O(nnz + rows).
template <class T, class I, class O>
bitmap_arrays<T, I> tiles_of_rows(std::span<const T> values, std::span<const O> row_offsets,
                                  std::span<const I> cols, shape s) {
  const std::size_t tile_rows = at(tiles_along(s.rows()));
  const auto offset = [&](std::size_t row) { return at(row_offsets[std::min(row, at(s.rows()))]); };
  std::size_t longest = 0;
  for (std::size_t tr = 0; tr < tile_rows; ++tr) {
    longest = std::max(longest, offset(4 * tr + 4) - offset(4 * tr));
  }
  bitmap_arrays<T, I> out;
  out.elements.resize(values.size());
  out.tile_row_offsets.resize(tile_rows + 1);
  out.element_offsets.resize(tile_rows + 1);
  tile_collector<I> tiles(values.size());
  const bool narrow = tile_row_merger::fits(s.cols(), static_cast<std::int64_t>(longest));
  tile_row_merger merger(narrow ? longest : 0);
  for (std::size_t tr = 0; tr < tile_rows; ++tr) {
    const std::size_t offsets[5] = {offset(4 * tr), offset(4 * tr + 1), offset(4 * tr + 2),
                                    offset(4 * tr + 3), offset(4 * tr + 4)};
    T* element = out.elements.data() + offsets[0];
    if (narrow) {
      bool inside = false;
      const T* const first = values.data() + offsets[0];
      merger.merge(cols.data(), offsets, [&](std::uint64_t word) {
        const std::uint64_t key = word >> tile_row_merger::position_bits;
        tiles.add(static_cast<I>(key >> 4), static_cast<unsigned>(key & 15), inside);
        inside = true;
        *element++ = first[word & tile_row_merger::position_mask];
      });
    } else {
      merge_wide(values.data(), cols.data(), offsets, element, tiles);
    }
    out.tile_row_offsets[tr + 1] = static_cast<std::int64_t>(tiles.size());
    out.element_offsets[tr + 1] = static_cast<std::int64_t>(offsets[4]);
  }
  tiles.finish(out);
  return out;
}

/// Triples in any order into tiles, without a detour over rows. Gives false, and nothing, when
/// there are duplicates: those are summed in row order.
template <class T, class I>
bool tiles_by_buckets(std::span<const T> values, std::span<const I> rows, std::span<const I> cols,
                      shape s, bitmap_arrays<T, I>& out) {
  const std::size_t tile_rows = at(tiles_along(s.rows()));
  out.elements.resize(values.size());
  out.tile_row_offsets.assign(tile_rows + 1, 0);
  out.element_offsets.assign(tile_rows + 1, 0);
  tile_collector<I> tiles(values.size());
  std::size_t last_row = tile_rows;
  std::uint64_t last_key = 0;
  bool duplicate = false;
  std::size_t element = 0;
  sort_by_buckets<tile_order>(
      values, rows, cols, s, false, [&](std::size_t tile_row, std::uint64_t key, const T& value) {
        const bool same_row = tile_row == last_row;
        duplicate |= same_row & (key == last_key);
        tiles.add(static_cast<I>(key >> 4), static_cast<unsigned>(key & 15), same_row);
        last_row = tile_row;
        last_key = key;
        out.elements[element++] = value;
        out.tile_row_offsets[tile_row + 1] = static_cast<std::int64_t>(tiles.size());
        out.element_offsets[tile_row + 1] = static_cast<std::int64_t>(element);
      });
  if (duplicate) return false;
  for (std::size_t i = 1; i <= tile_rows; ++i) { // empty tile rows end where they begin
    out.tile_row_offsets[i] = std::max(out.tile_row_offsets[i], out.tile_row_offsets[i - 1]);
    out.element_offsets[i] = std::max(out.element_offsets[i], out.element_offsets[i - 1]);
  }
  tiles.finish(out);
  return true;
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
