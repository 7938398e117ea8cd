// The tiles of a bitmap matrix as the published figure lists them: row, column, index, bitmap.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <ranges>
#include <span>
#include <utility>

#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "../core/shape.hpp"

namespace tilebit {

/// One nonempty 4x4 tile: row and column in tile units, position of its first element, its bitmap.
template <class I>
struct bitmap_tile {
  I row;
  I col;
  std::int64_t index;
  std::uint16_t bitmap;

  friend constexpr bool operator==(const bitmap_tile&, const bitmap_tile&) = default;
};

/// A forward range of bitmap_tile<I> over the compressed arrays; nothing is stored.
template <class I>
class tile_range {
public:
  class iterator {
  public:
    using iterator_concept = std::forward_iterator_tag;
    using iterator_category = std::input_iterator_tag; // operator* gives a value
    using value_type = bitmap_tile<I>;
    using difference_type = std::ptrdiff_t;

    constexpr iterator() noexcept = default;
    constexpr iterator(const tile_range* range, std::size_t tile) noexcept
        : bitmaps_(range->bitmaps_), tile_cols_(range->tile_cols_), offsets_(range->row_offsets_),
          tile_(tile) {
      if (!range->element_offsets_.empty()) index_ = range->element_offsets_.front();
      skip_empty_rows();
    }

    constexpr value_type operator*() const noexcept {
      return {static_cast<I>(row_), tile_cols_[tile_], index_, bitmaps_[tile_]};
    }
    constexpr iterator& operator++() noexcept {
      index_ += std::popcount(bitmaps_[tile_]);
      ++tile_;
      skip_empty_rows();
      return *this;
    }
    constexpr iterator operator++(int) noexcept {
      iterator old = *this;
      ++*this;
      return old;
    }
    friend constexpr bool operator==(const iterator& a, const iterator& b) noexcept {
      return a.tile_ == b.tile_;
    }

  private:
    constexpr void skip_empty_rows() noexcept {
      while (tile_ < bitmaps_.size() && std::cmp_greater_equal(tile_, offsets_[row_ + 1])) ++row_;
    }

    std::span<const std::uint16_t> bitmaps_;
    std::span<const I> tile_cols_;
    std::span<const std::int64_t> offsets_;
    std::size_t tile_ = 0;
    std::size_t row_ = 0;
    std::int64_t index_ = 0;
  };

  constexpr tile_range() noexcept = default;
  constexpr tile_range(std::span<const std::uint16_t> bitmaps, std::span<const I> tile_cols,
                       std::span<const std::int64_t> row_offsets,
                       std::span<const std::int64_t> element_offsets) noexcept
      : bitmaps_(bitmaps), tile_cols_(tile_cols), row_offsets_(row_offsets),
        element_offsets_(element_offsets) {}

  constexpr iterator begin() const noexcept { return {this, 0}; }
  constexpr iterator end() const noexcept { return {this, bitmaps_.size()}; }
  constexpr std::size_t size() const noexcept { return bitmaps_.size(); }
  constexpr bool empty() const noexcept { return bitmaps_.empty(); }

private:
  std::span<const std::uint16_t> bitmaps_;
  std::span<const I> tile_cols_;
  std::span<const std::int64_t> row_offsets_;
  std::span<const std::int64_t> element_offsets_;
};

namespace detail {

/// Throws invalid_matrix for an empty bitmap, or one with bits outside the matrix.
inline void check_tile_bits(unsigned bitmap, std::int64_t tile_row, std::int64_t tile_col,
                            std::int64_t rows, std::int64_t cols, std::int64_t position) {
  const auto where = [&] {
    return message({"bitmap: tile ", position, " at (", tile_row, ", ", tile_col, ")"});
  };
  if (bitmap == 0) throw_invalid(position, {where(), " is empty; only nonempty tiles are stored"});
  const std::int64_t tile_height = rows - 4 * tile_row;
  const std::int64_t tile_width = cols - 4 * tile_col;
  unsigned inside = 0xffff;
  if (tile_height < 4) inside &= (1U << (4 * tile_height)) - 1;
  if (tile_width < 4) inside &= 0x1111U * ((1U << tile_width) - 1);
  if ((bitmap & ~inside) != 0) {
    throw_invalid(position, {where(), " stores entries outside the ", rows, "x", cols, " matrix"});
  }
}

/// How many bits the bitmaps have in all. Bytes of counts are added up for 16 words at a time, a
/// loop that compilers vectorise for any processor; std::popcount would be a call on most.
TILEBIT_NOINLINE inline std::int64_t count_bits(std::span<const std::uint16_t> bitmaps) noexcept {
  constexpr std::size_t words = 16;
  std::int64_t bits = 0;
  std::size_t k = 0;
  for (; k + 4 * words <= bitmaps.size(); k += 4 * words) {
    std::uint64_t chunk[words];
    std::memcpy(chunk, bitmaps.data() + k, sizeof chunk);
    std::uint64_t sixteens[words];
    for (std::size_t w = 0; w < words; ++w) {
      std::uint64_t x = chunk[w];
      x -= (x >> 1) & 0x5555555555555555U;
      x = (x & 0x3333333333333333U) + ((x >> 2) & 0x3333333333333333U);
      x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fU;
      sixteens[w] = x + (x >> 8); // even bytes: the bits of one bitmap
    }
    std::uint64_t sum = 0;
    for (const std::uint64_t x : sixteens) sum += x & 0x00ff00ff00ff00ffU;
    bits += static_cast<std::int64_t>(sum * 0x0001000100010001U >> 48);
  }
  for (; k < bitmaps.size(); ++k) bits += std::popcount(bitmaps[k]);
  return bits;
}

/// The storage of an owning bitmap matrix.
template <class T, class I>
struct bitmap_arrays {
  array_of<T> elements;
  array_of<std::uint16_t> bitmaps;
  array_of<I> tile_cols;
  array_of<std::int64_t> tile_row_offsets;
  array_of<std::int64_t> element_offsets;
};

/// The figure's tables into compressed arrays; what is left to check is validate's. O(tiles +
/// rows).
template <class T, class I, class Tiles>
bitmap_arrays<T, I> compress_tiles(array_of<T>&& elements, const Tiles& tiles, const shape& s) {
  require_fits<I>(s, "bitmap");
  bitmap_arrays<T, I> out;
  const std::size_t tile_rows = at(tiles_along(s.rows()));
  out.tile_row_offsets.reserve(tile_rows + 1);
  out.element_offsets.reserve(tile_rows + 1);
  std::int64_t index = 0;
  for (const bitmap_tile<I> tile : tiles) {
    const std::int64_t k = length(out.bitmaps);
    if (std::cmp_less(tile.row, 0) || std::cmp_greater_equal(tile.row, tile_rows)) {
      throw_invalid(
          k, {"bitmap: tile ", k, " has tile row ", tile.row, ", outside [0, ", tile_rows, ")"});
    }
    if (std::cmp_less(at(tile.row) + 1, out.tile_row_offsets.size())) {
      throw_invalid(k, {"bitmap: tile ", k, " has tile row ", tile.row,
                        " after a larger one; tiles must be sorted by (row, col)"});
    }
    if (tile.index != index) {
      throw_invalid(k, {"bitmap: tile ", k, " has index ", tile.index,
                        ", the popcounts before it sum to ", index});
    }
    for (; out.tile_row_offsets.size() <= at(tile.row);) {
      out.tile_row_offsets.push_back(k);
      out.element_offsets.push_back(index);
    }
    out.tile_cols.push_back(tile.col);
    out.bitmaps.push_back(tile.bitmap);
    index += std::popcount(tile.bitmap);
  }
  while (out.tile_row_offsets.size() <= tile_rows) {
    out.tile_row_offsets.push_back(length(out.bitmaps));
    out.element_offsets.push_back(index);
  }
  if (index != length(elements)) {
    throw_message<dimension_mismatch>(
        {"bitmap: the bitmaps count ", index, " elements, got ", elements.size()});
  }
  out.elements = std::move(elements);
  return out;
}

} // namespace detail
} // namespace tilebit
