// Row-major entries -> the arrays of a bitmap matrix, and dense -> entries or tiles.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/numeric.hpp"
#include "../formats/bitmap_tiles.hpp"
#include "../formats/dense.hpp"
#include "row_order.hpp"
#include "tile_line.hpp"

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

  /// The entries of one tile row, n of them: get(k) gives tile column and bit. Without branches,
  /// because whether an entry opens a tile cannot be predicted; with local variables, because the
  /// stores might otherwise change the members.
  template <class Get>
  void add_tile_row(std::size_t n, Get&& get) {
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

  /// A tile row whose entries each(f) hands out as f(tile column, bit, value), in any order but
  /// twice the same; tile columns are in low..high, elements go to positions first..last-1. Gives
  /// false when two entries share their place.
  template <class T, class Each>
  bool add_line(tile_line& line, std::size_t low, std::size_t high, Each&& each, T* elements,
                std::size_t first, std::size_t last) {
    each([mark = line.mark()](std::size_t tile, std::size_t bit, const T&) { mark(tile, bit); });
    I* const cols = tile_cols_.get() + tiles_;
    std::uint16_t* const bitmaps = bitmaps_.get() + tiles_;
    std::size_t count = 0;
    const std::size_t end = line.sweep(first, low, high, [&](std::size_t tile, unsigned bitmap) {
      cols[count] = static_cast<I>(tile);
      bitmaps[count++] = static_cast<std::uint16_t>(bitmap);
    });
    if (end != last) return false;
    each([place = line.place(), elements](std::size_t tile, std::size_t bit, const T& value) {
      elements[place(tile, bit)] = value;
    });
    line.clear(std::span<const I>(cols, count));
    tiles_ += count;
    return true;
  }

  /// Entries of one tile row by tile column, in any order within a tile. Gives false when two share
  /// their place.
  template <class T, class Entry>
  bool add_by_slots(const Entry* k, const Entry* last, T* elements) {
    T slots[16];
    unsigned duplicate = 0;
    while (k != last) {
      const I tile_col = k->tile_col;
      unsigned bitmap = 0;
      do {
        duplicate |= (bitmap >> k->bit) & 1U;
        bitmap |= 1U << k->bit;
        slots[k->bit] = k->value;
      } while (++k != last && k->tile_col == tile_col);
      add_tile(tile_col, bitmap);
      for (unsigned left = bitmap; left != 0; left &= left - 1) {
        *elements++ = slots[std::countr_zero(left)];
      }
    }
    return duplicate == 0;
  }

  /// A whole tile.
  void add_tile(I tile_col, unsigned bitmap) noexcept {
    tile_cols_[tiles_] = tile_col;
    bitmaps_[tiles_++] = static_cast<std::uint16_t>(bitmap);
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
};

/// Merges two sorted runs of words into out, from both ends at once: two chains of loads and
/// compares that do not wait for each other, without branches but the loop. A word lower than all
/// stands before each run and one higher than all behind it, so that a finished run can be asked
/// again.
class two_way_merge {
public:
  two_way_merge(const std::uint64_t* a, std::size_t n, const std::uint64_t* b, std::size_t m,
                std::uint64_t* out) noexcept
      : a_(a), b_(b), a_end_(a + n), b_end_(b + m), out_(out), out_end_(out + n + m) {}

  std::size_t left() const noexcept { return static_cast<std::size_t>(out_end_ - out_); }

  void take_both() noexcept {
    take_front();
    const std::uint64_t x = a_end_[-1];
    const std::uint64_t y = b_end_[-1];
    const bool from_a = x > y;
    *--out_end_ = from_a ? x : y;
    a_end_ -= from_a;
    b_end_ -= !from_a;
  }
  void take_front() noexcept {
    const std::uint64_t x = *a_;
    const std::uint64_t y = *b_;
    const bool from_a = x < y;
    *out_++ = from_a ? x : y;
    a_ += from_a;
    b_ += !from_a;
  }
  void finish() noexcept {
    while (left() >= 2) take_both();
    if (left() == 1) take_front();
  }

private:
  const std::uint64_t* a_;
  const std::uint64_t* b_;
  const std::uint64_t* a_end_;
  const std::uint64_t* b_end_;
  std::uint64_t* out_;
  std::uint64_t* out_end_;
};

/// Four rows of entries, in final order, as words that sort like (tile column, bit):
/// tile column << 34 | bit << 30 | position of the entry in the tile row, from 1.
class tile_row_merger {
public:
  static constexpr int position_bits = 30;
  static constexpr std::uint64_t position_mask = (std::uint64_t{1} << position_bits) - 1;

  /// Whether the words hold such columns and positions; true for every matrix with 32-bit columns.
  static bool fits(std::int64_t n_cols, std::int64_t longest) noexcept {
    return n_cols <= (std::int64_t{1} << 31) && longest < static_cast<std::int64_t>(position_mask);
  }

  explicit tile_row_merger(std::size_t longest)
      : rows_(longest + 8), pairs_(longest + 4), all_(longest) {}

  /// The words of rows offsets[0..4] in order.
  template <class I>
  std::span<const std::uint64_t> merge(const I* cols, const std::size_t (&offsets)[5]) {
    const std::uint64_t* row[4];
    std::size_t size[4];
    std::uint64_t* word = rows_.data();
    for (std::uint64_t r = 0; r < 4; ++r) {
      *word++ = lowest;
      row[r] = word;
      size[r] = offsets[r + 1] - offsets[r];
      const std::uint64_t position = (r << (position_bits + 2)) + 1 - offsets[0];
      for (std::size_t k = offsets[r]; k < offsets[r + 1]; ++k) {
        // tile column << 4 | row << 2 | column in the tile, as column + 3 * (column rounded down)
        const auto col = static_cast<std::uint64_t>(cols[k]);
        *word++ = ((col + 3 * (col & ~std::uint64_t{3})) << position_bits) + position + k;
      }
      *word++ = highest;
    }
    const std::size_t upper_size = size[0] + size[1];
    const std::size_t lower_size = size[2] + size[3];
    std::uint64_t* const upper = pairs_.data() + 1;
    std::uint64_t* const lower = upper + upper_size + 2;
    upper[-1] = lower[-1] = lowest;
    upper[upper_size] = lower[lower_size] = highest;
    two_way_merge u(row[0], size[0], row[1], size[1], upper);
    two_way_merge l(row[2], size[2], row[3], size[3], lower);
    while (u.left() >= 2 && l.left() >= 2) { // four chains as long as both pairs last
      u.take_both();
      l.take_both();
    }
    u.finish();
    l.finish();
    two_way_merge(upper, upper_size, lower, lower_size, all_.data()).finish();
    return {all_.data(), upper_size + lower_size};
  }

private:
  static constexpr std::uint64_t lowest = 0;
  static constexpr std::uint64_t highest = ~std::uint64_t{0};

  std::vector<std::uint64_t> rows_;
  std::vector<std::uint64_t> pairs_;
  std::vector<std::uint64_t> all_;
};

/// For columns or rows too long for words: the four heads are compared one tile at a time.
template <class T, class I>
void merge_wide(const T* values, const I* cols, const std::size_t (&offsets)[5], T* elements,
                tile_collector<I>& tiles) {
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
  const std::size_t tile_cols = at(tiles_along(s.cols()));
  std::optional<tile_line> line; // not for far more columns than entries: memory is O(nnz)
  if (tile_line::suits(values.size(), tile_cols)) line.emplace(tile_cols);
  const bool narrow = tile_row_merger::fits(s.cols(), static_cast<std::int64_t>(longest));
  tile_row_merger merger(narrow ? longest : 0);
  for (std::size_t tr = 0; tr < tile_rows; ++tr) {
    const std::size_t offsets[5] = {offset(4 * tr), offset(4 * tr + 1), offset(4 * tr + 2),
                                    offset(4 * tr + 3), offset(4 * tr + 4)};
    const std::size_t n = offsets[4] - offsets[0];
    T* const elements = out.elements.data();
    std::size_t low = tile_cols;
    std::size_t high = 0;
    for (std::size_t r = 0; r < 4; ++r) {
      if (offsets[r] == offsets[r + 1]) continue;
      low = std::min(low, at(cols[offsets[r]]) / 4);
      high = std::max(high, at(cols[offsets[r + 1] - 1]) / 4);
    }
    if (n == 0) {
    } else if (line && tile_line::suits(n, high - low + 1)) {
      const auto each = [&](auto&& f) {
        for (std::size_t r = 0; r < 4; ++r) {
          for (std::size_t k = offsets[r]; k < offsets[r + 1]; ++k) {
            f(at(cols[k]) / 4, 4 * r + at(cols[k]) % 4, values[k]);
          }
        }
      };
      tiles.add_line(*line, low, high, each, elements, offsets[0], offsets[4]);
    } else if (narrow) {
      const auto words = merger.merge(cols.data(), offsets);
      const T* const first = values.data() + offsets[0];
      T* const element = elements + offsets[0];
      tiles.add_tile_row(n, [&](std::size_t k) {
        const std::uint64_t word = words[k];
        element[k] = first[(word & tile_row_merger::position_mask) - 1];
        const std::uint64_t key = word >> tile_row_merger::position_bits;
        return std::pair(static_cast<I>(key >> 4), static_cast<unsigned>(key & 15));
      });
    } else {
      merge_wide(values.data(), cols.data(), offsets, elements + offsets[0], tiles);
    }
    out.tile_row_offsets[tr + 1] = static_cast<std::int64_t>(tiles.size());
    out.element_offsets[tr + 1] = static_cast<std::int64_t>(offsets[4]);
  }
  tiles.finish(out);
  return out;
}

/// Triples in any order into tiles without a detour over rows: a stable scatter by tile row, then
/// one line of tiles at a time. Where the matrix is too sparse for that, triples are scattered by
/// tile column first (column-ordered ones need not be), so that a tile's entries stand together and
/// go through 16 slots. Gives false, and nothing, when there are duplicates: those are summed in
/// row order. O(nnz + tile rows).
template <class T, class I>
bool tiles_by_scatter(std::span<const T> values, std::span<const I> rows, std::span<const I> cols,
                      shape s, bool column_ordered, bitmap_arrays<T, I>& out) {
  const std::size_t n = values.size();
  const std::size_t tile_rows = at(tiles_along(s.rows()));
  const std::size_t tile_cols = at(tiles_along(s.cols()));
  const bool by_lines = tile_line::suits(n / tile_rows, tile_cols);
  struct entry {
    T value;
    I tile_col;
    unsigned bit;
  };
  const auto entries = std::make_unique_for_overwrite<entry[]>(n);
  entry* const to = entries.get();
  out.element_offsets.assign(tile_rows + 1, 0);
  const auto scatter = [&](auto&& get) {
    counting_scatter(
        n, std::span(out.element_offsets), [&](std::size_t k) { return at(get(k).row) / 4; },
        [&](std::size_t k, std::size_t p) {
          const triple<T, I> e = get(k);
          to[p] = {e.value, static_cast<I>(e.col / 4),
                   4 * static_cast<unsigned>(e.row % 4) + static_cast<unsigned>(e.col % 4)};
        },
        [&](std::size_t p) { TILEBIT_PREFETCH_WRITE(to + p); });
    shift_to_begins(out.element_offsets);
  };
  if (by_lines || column_ordered) {
    scatter([&](std::size_t k) { return triple<T, I>{values[k], rows[k], cols[k]}; });
  } else {
    const auto sorted = sorted_by_column(values, rows, cols, s.cols(), 2);
    scatter([from = sorted.get()](std::size_t k) -> const triple<T, I>& { return from[k]; });
  }

  out.elements.resize(n);
  out.tile_row_offsets.resize(tile_rows + 1);
  T* const elements = out.elements.data();
  tile_collector<I> tiles(n);
  std::optional<tile_line> line;
  if (by_lines) line.emplace(tile_cols);
  for (std::size_t tr = 0; tr < tile_rows; ++tr) {
    const std::size_t first = at(out.element_offsets[tr]);
    const std::size_t last = at(out.element_offsets[tr + 1]);
    bool unique = true;
    if (line) {
      const auto each = [&](auto&& f) {
        for (const entry* e = to + first; e != to + last; ++e) f(at(e->tile_col), e->bit, e->value);
      };
      unique = tiles.add_line(*line, 0, tile_cols - 1, each, elements, first, last);
    } else {
      unique = tiles.add_by_slots(to + first, to + last, elements + first);
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
