// Bitmap grid: the 16-bit map of every 4x4 tile, empty ones too, so that no tile needs coordinates.
// For matrices where nearly no tile is empty, such as weights pruned without structure.
//
//   A 6x8 matrix of 7 entries                  one bitmap per tile, row by row
//       .  a1 .  .  | .  .  .  .                   0x2042  0x8020     bit 4 * r + c: row r, column
//       .  .  a2 .  | .  a4 .  .                   0x0000  0x0081     c of the tile is stored
//       .  .  .  .  | .  .  .  .
//       .  a3 .  .  | .  .  .  a5              elements: a1 a2 a3 | a4 a5 |   | a6 a7
//       ------------+------------
//       .  .  .  .  | a6 .  .  .               element_offsets: 0 5 7
//       .  .  .  .  | .  .  .  a7
//
// The tile in tile row i and tile column j has bitmap i * tiles_per_row() + j. Elements are packed
// tile by tile, in bit order within a tile, as in a bitmap matrix; element_offsets says where those
// of each tile row begin, so that work can start at any of them.
//
// Invariants: ceil(rows / 4) * ceil(cols / 4) bitmaps; ceil(rows / 4) + 1 offsets, the first 0,
// each the one before plus the bits of a tile row, the last nnz; bits outside the matrix (edge
// tiles) are clear. Explicit zeros are entries like any other. Memory: nnz * sizeof(T) + 2 bytes
// for each tile + (ceil(rows / 4) + 1) * 8. Against bitmap that is less where more than a third of
// the tiles hold an entry. rows * cols / 8 bytes are taken whatever is stored.
#pragma once

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/concepts.hpp"
#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "../core/shape.hpp"
#include "bitmap_tiles.hpp"
#include "csr.hpp"

namespace tilebit {
namespace detail {

/// Tiles of a grid. Throws std::length_error when their bitmaps do not fit the address space.
inline std::int64_t tiles_of_grid(const shape& s) {
  const std::int64_t height = tiles_along(s.rows());
  const std::int64_t width = tiles_along(s.cols());
  constexpr auto most =
      std::numeric_limits<std::int64_t>::max() / std::int64_t{sizeof(std::uint16_t)};
  if (width > 0 && height > most / width) {
    throw_message<std::length_error>(
        {"bitmap_grid: the tiles of a ", to_text(s), " matrix do not fit 64 bits"});
  }
  return height * width;
}

} // namespace detail

/// Non-owning bitmap grid over three arrays of the caller.
///
/// Throws: dimension_mismatch when the arrays' lengths do not fit together (bitmaps and tiles,
/// offsets and tile rows, elements and the last offset); std::length_error when the shape does not
/// fit I. Bits and popcounts are not looked at: that is validate(view), O(tiles).
template <class T, index I = std::int32_t>
  requires scalar<T>
class bitmap_grid_view {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = std::remove_const_t<T>;
  using index_type = I;

  constexpr bitmap_grid_view() noexcept = default;

  bitmap_grid_view(std::span<T> elements, std::span<const std::uint16_t> bitmaps,
                   std::span<const std::int64_t> element_offsets, shape s)
      : shape_(s), elements_(elements), bitmaps_(bitmaps), element_offsets_(element_offsets) {
    const std::int64_t tiles = detail::tiles_of_grid(s);
    if (std::cmp_not_equal(bitmaps.size(), tiles)) {
      detail::throw_message<dimension_mismatch>({"bitmap_grid: a ", detail::to_text(s),
                                                 " matrix has ", tiles, " tiles, got ",
                                                 bitmaps.size(), " bitmaps"});
    }
    const std::int64_t offsets = detail::tiles_along(s.rows()) + 1;
    if (std::cmp_not_equal(element_offsets.size(), offsets)) {
      detail::throw_message<dimension_mismatch>({"bitmap_grid: ", s.rows(), " rows need ", offsets,
                                                 " element offsets, got ", element_offsets.size()});
    }
    if (std::cmp_not_equal(element_offsets.back(), elements.size())) {
      detail::throw_message<dimension_mismatch>({"bitmap_grid: the last element offset is ",
                                                 element_offsets.back(), ", there are ",
                                                 elements.size(), " elements"});
    }
    detail::require_fits<I>(s, "bitmap_grid");
  }

  /// A view of const elements from a view of writable ones, as pointers convert.
  template <class U>
    requires std::same_as<const U, T>
  constexpr bitmap_grid_view(const bitmap_grid_view<U, I>& other) noexcept
      : shape_(other.rows(), other.cols()), elements_(other.elements()), bitmaps_(other.bitmaps()),
        element_offsets_(other.element_offsets()) {}

  constexpr std::int64_t rows() const noexcept { return shape_.rows(); }
  constexpr std::int64_t cols() const noexcept { return shape_.cols(); }
  constexpr std::int64_t nnz() const noexcept { return detail::length(elements_); }
  constexpr std::int64_t tile_rows() const noexcept { return detail::tiles_along(rows()); }
  constexpr std::int64_t tiles_per_row() const noexcept { return detail::tiles_along(cols()); }
  constexpr std::span<T> elements() const noexcept { return elements_; }
  constexpr std::span<const std::uint16_t> bitmaps() const noexcept { return bitmaps_; }
  constexpr std::span<const std::int64_t> element_offsets() const noexcept {
    return element_offsets_;
  }

private:
  static constexpr std::int64_t zero_ = 0;

  shape shape_;
  std::span<T> elements_;
  std::span<const std::uint16_t> bitmaps_;
  std::span<const std::int64_t> element_offsets_{&zero_, 1};
};

template <vector_like E, index_range B, index_range O>
bitmap_grid_view(E&&, B&&, O&&, shape) -> bitmap_grid_view<detail::element_t<E>>;

/// Throws invalid_matrix naming the first broken invariant and its place. O(tiles).
template <class T, class I>
void validate(const bitmap_grid_view<T, I>& a) {
  detail::check_offsets(a.element_offsets(), a.nnz(), "bitmap_grid: element_offsets");
  const std::int64_t width = a.tiles_per_row();
  for (std::int64_t i = 0; i < a.tile_rows(); ++i) {
    std::int64_t elements = 0;
    for (std::int64_t j = 0; j < width; ++j) {
      const unsigned bitmap = a.bitmaps()[detail::at(i * width + j)];
      if (bitmap == 0) continue;
      detail::check_tile_bits(bitmap, i, j, a.rows(), a.cols(), i * width + j);
      elements += std::popcount(bitmap);
    }
    const std::int64_t expected =
        a.element_offsets()[detail::at(i) + 1] - a.element_offsets()[detail::at(i)];
    if (elements != expected) {
      detail::throw_invalid(i, {"bitmap_grid: the bitmaps of tile row ", i, " count ", elements,
                                " elements, its element offsets ", expected});
    }
  }
}

namespace detail {

/// The storage of an owning grid.
template <class T>
struct grid_arrays {
  array_of<T> elements;
  array_of<std::uint16_t> bitmaps;
  array_of<std::int64_t> element_offsets;
};

/// Running sums of popcounts, one for each tile row and one at the end. O(tiles).
inline array_of<std::int64_t> offsets_of_bitmaps(std::span<const std::uint16_t> bitmaps,
                                                 const shape& s) {
  if (std::cmp_not_equal(bitmaps.size(), tiles_of_grid(s))) return {}; // the view says so
  const std::size_t width = at(tiles_along(s.cols()));
  array_of<std::int64_t> offsets(at(tiles_along(s.rows())) + 1);
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    offsets[i + 1] = offsets[i] + count_bits(bitmaps.subspan(i * width, width));
  }
  return offsets;
}

} // namespace detail

/// Owning bitmap grid.
///
/// Made by to_bitmap_grid, or from its arrays. Throws: as bitmap_grid_view, and invalid_matrix,
/// with the position, for whatever breaks an invariant. Complexity: O(nnz + tiles); rvalue vectors
/// of the right types are moved.
template <class T, index I = std::int32_t>
  requires scalar<T>
class bitmap_grid {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = T;
  using index_type = I;

  bitmap_grid() = default;

  /// The element offsets follow from the bitmaps.
  template <vector_like E = std::vector<T>, index_range B = std::vector<std::uint16_t>>
    requires std::same_as<value_of_t<E>, T> &&
             std::same_as<std::ranges::range_value_t<B>, std::uint16_t>
  bitmap_grid(E&& elements, B&& bitmaps, shape s)
      : bitmap_grid(with_offsets({detail::to_array_of<T>(std::forward<E>(elements)),
                                  detail::to_array_of<std::uint16_t>(std::forward<B>(bitmaps)),
                                  {}},
                                 s),
                    s) {}

  template <vector_like E = std::vector<T>, index_range B = std::vector<std::uint16_t>,
            index_range O = std::vector<std::int64_t>>
    requires std::same_as<value_of_t<E>, T> &&
             std::same_as<std::ranges::range_value_t<B>, std::uint16_t>
  bitmap_grid(E&& elements, B&& bitmaps, O&& element_offsets, shape s)
      : bitmap_grid(
            detail::grid_arrays<T>{
                detail::to_array_of<T>(std::forward<E>(elements)),
                detail::to_array_of<std::uint16_t>(std::forward<B>(bitmaps)),
                detail::to_index_array<std::int64_t>(std::forward<O>(element_offsets),
                                                     "bitmap_grid: element_offsets")},
            s) {}

  /// For conversions, whose results hold the invariants by construction. A template, so that {} as
  /// first argument means no elements.
  template <std::same_as<detail::trusted> Tag>
  bitmap_grid(Tag, detail::grid_arrays<T>&& arrays, shape s)
      : shape_(s), arrays_(std::move(arrays)) {
    static_cast<void>(view()); // O(1) checks
  }

  std::int64_t rows() const noexcept { return shape_.rows(); }
  std::int64_t cols() const noexcept { return shape_.cols(); }
  std::int64_t nnz() const noexcept { return detail::length(arrays_.elements); }
  std::int64_t tile_rows() const noexcept { return detail::tiles_along(rows()); }
  std::int64_t tiles_per_row() const noexcept { return detail::tiles_along(cols()); }
  std::span<T> elements() noexcept { return arrays_.elements; }
  std::span<const T> elements() const noexcept { return arrays_.elements; }
  std::span<const std::uint16_t> bitmaps() const noexcept { return arrays_.bitmaps; }
  std::span<const std::int64_t> element_offsets() const noexcept {
    return detail::offsets_or_zero(arrays_.element_offsets);
  }

  bitmap_grid_view<T, I> view() { return {elements(), bitmaps(), element_offsets(), shape_}; }
  bitmap_grid_view<const T, I> view() const {
    return {elements(), bitmaps(), element_offsets(), shape_};
  }
  operator bitmap_grid_view<T, I>() { return view(); }
  operator bitmap_grid_view<const T, I>() const { return view(); }

  friend bool operator==(const bitmap_grid& a, const bitmap_grid& b) {
    return static_cast<const shape&>(a.shape_) == b.shape_ &&
           a.arrays_.elements == b.arrays_.elements && a.arrays_.bitmaps == b.arrays_.bitmaps;
  }

private:
  bitmap_grid(detail::grid_arrays<T>&& arrays, shape s)
      : bitmap_grid(detail::trusted{}, std::move(arrays), s) {
    validate(std::as_const(*this).view());
  }

  static detail::grid_arrays<T> with_offsets(detail::grid_arrays<T>&& arrays, const shape& s) {
    arrays.element_offsets = detail::offsets_of_bitmaps(arrays.bitmaps, s);
    return std::move(arrays);
  }

  detail::owned_shape shape_;
  detail::grid_arrays<T> arrays_;
};

template <vector_like E, index_range B>
bitmap_grid(E&&, B&&, shape) -> bitmap_grid<value_of_t<E>>;
template <vector_like E, index_range B, index_range O>
bitmap_grid(E&&, B&&, O&&, shape) -> bitmap_grid<value_of_t<E>>;

template <class T, class I>
bitmap_grid_view(bitmap_grid<T, I>&) -> bitmap_grid_view<T, I>;
template <class T, class I>
bitmap_grid_view(const bitmap_grid<T, I>&) -> bitmap_grid_view<const T, I>;

} // namespace tilebit
