// Bitmap format: 4x4 tiles, each a 16-bit map of its stored entries; elements packed without gaps.
//
//   An 8x8 matrix of 9 entries                      its nonempty tiles
//       .  a1 .  .  | .  .  .  .         (tile row, tile column)  index  bitmap
//       .  .  a2 .  | .  .  .  .              (0, 0)                0    0x2042
//       .  .  .  .  | .  a5 .  .              (0, 1)                3    0x8230
//       .  a6 .  .  | .  .  .  a7             (1, 1)                7    0x0900
//       ------------+------------        (a3, a4 stand in row 1, columns 4 and 5)
//       .  .  .  .  | .  .  .  .         elements: a1 a2 a6 | a3 a4 a5 a7 | a8 a9
//       ...         | a8 .  .  a9
//
// Bit 4 * r + c of a bitmap (least significant bit: top left) says that row r, column c of the tile
// is stored. Source of the figure: a survey of efficient deep learning, IEEE Circuits and Systems
// Magazine, second quarter 2021, figure 2.
//
// Stored compressed by tile row: a column (4 B) and a bitmap (2 B) per tile, one tile offset and
// one element offset per tile row. The position of a tile's elements follows from popcounts.
//
// Invariants: tiles of a tile row sorted by column, no tile twice, no bitmap 0; bits outside the
// matrix (edge tiles) are clear; elements of a tile consecutive in bit order, tiles in storage
// order. Memory: nnz * sizeof(T) + tiles * (sizeof(I) + 2) + (ceil(rows / 4) + 1) * 16 bytes.
// Against CSR with 32-bit columns that is less index data from 1.5 entries per tile on.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <iterator>
#include <ranges>
#include <span>
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

/// Throws dimension_mismatch unless the arrays of a bitmap matrix have lengths that agree. One
/// function for all types, because messages are more code than the rest of a view.
inline void require_lengths_of_tiles(std::size_t elements, std::size_t bitmaps,
                                     std::size_t tile_cols,
                                     std::span<const std::int64_t> tile_row_offsets,
                                     std::span<const std::int64_t> element_offsets,
                                     std::int64_t rows) {
  const std::int64_t offsets = tiles_along(rows) + 1;
  if (bitmaps != tile_cols) {
    throw_message<dimension_mismatch>(
        {"bitmap: ", bitmaps, " bitmaps, ", tile_cols, " tile columns"});
  }
  if (std::cmp_not_equal(tile_row_offsets.size(), offsets) ||
      std::cmp_not_equal(element_offsets.size(), offsets)) {
    throw_message<dimension_mismatch>({"bitmap: ", rows, " rows need ", offsets,
                                       " tile row and element offsets, got ",
                                       tile_row_offsets.size(), " and ", element_offsets.size()});
  }
  if (std::cmp_not_equal(tile_row_offsets.back(), bitmaps)) {
    throw_message<dimension_mismatch>({"bitmap: the last tile row offset is ",
                                       tile_row_offsets.back(), ", there are ", bitmaps,
                                       " bitmaps"});
  }
  if (std::cmp_not_equal(element_offsets.back(), elements)) {
    throw_message<dimension_mismatch>({"bitmap: the last element offset is ",
                                       element_offsets.back(), ", there are ", elements,
                                       " elements"});
  }
}

} // namespace detail

/// Non-owning bitmap matrix over five arrays of the caller.
///
/// Throws: dimension_mismatch when the arrays' lengths do not fit together (ceil(rows / 4) + 1
/// offsets of each kind, last offsets and what they count); std::length_error when the shape does
/// not fit I. Bitmaps, order and popcounts are not looked at: that is validate(view), O(tiles).
template <class T, index I = std::int32_t>
  requires scalar<T>
class bitmap_view {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = std::remove_const_t<T>;
  using index_type = I;

  constexpr bitmap_view() noexcept = default;

  bitmap_view(std::span<T> elements, std::span<const std::uint16_t> bitmaps,
              std::span<const I> tile_cols, std::span<const std::int64_t> tile_row_offsets,
              std::span<const std::int64_t> element_offsets, shape s)
      : shape_(s), elements_(elements), bitmaps_(bitmaps), tile_cols_(tile_cols),
        tile_row_offsets_(tile_row_offsets), element_offsets_(element_offsets) {
    detail::require_lengths_of_tiles(elements.size(), bitmaps.size(), tile_cols.size(),
                                     tile_row_offsets, element_offsets, s.rows());
    detail::require_fits<I>(s, "bitmap");
  }

  /// A view of const elements from a view of writable ones, as pointers convert.
  template <class U>
    requires std::same_as<const U, T>
  constexpr bitmap_view(const bitmap_view<U, I>& other) noexcept
      : shape_(other.rows(), other.cols()), elements_(other.elements()), bitmaps_(other.bitmaps()),
        tile_cols_(other.tile_cols()), tile_row_offsets_(other.tile_row_offsets()),
        element_offsets_(other.element_offsets()) {}

  constexpr std::int64_t rows() const noexcept { return shape_.rows(); }
  constexpr std::int64_t cols() const noexcept { return shape_.cols(); }
  constexpr std::int64_t nnz() const noexcept { return detail::length(elements_); }
  constexpr std::int64_t tile_rows() const noexcept { return detail::tiles_along(rows()); }
  constexpr std::span<T> elements() const noexcept { return elements_; }
  constexpr std::span<const std::uint16_t> bitmaps() const noexcept { return bitmaps_; }
  constexpr std::span<const I> tile_cols() const noexcept { return tile_cols_; }
  constexpr std::span<const std::int64_t> tile_row_offsets() const noexcept {
    return tile_row_offsets_;
  }
  constexpr std::span<const std::int64_t> element_offsets() const noexcept {
    return element_offsets_;
  }

  /// The figure's table: one bitmap_tile{row, col, index, bitmap} per nonempty tile, in storage
  /// order.
  constexpr tile_range<I> tiles() const noexcept {
    return {bitmaps_, tile_cols_, tile_row_offsets_, element_offsets_};
  }

private:
  static constexpr std::int64_t zero_ = 0;

  shape shape_;
  std::span<T> elements_;
  std::span<const std::uint16_t> bitmaps_;
  std::span<const I> tile_cols_;
  std::span<const std::int64_t> tile_row_offsets_{&zero_, 1};
  std::span<const std::int64_t> element_offsets_{&zero_, 1};
};

template <vector_like E, index_range B, index_range C, index_range R, index_range O>
bitmap_view(E&&, B&&, C&&, R&&, O&&, shape)
    -> bitmap_view<detail::element_t<E>, std::remove_const_t<detail::element_t<C>>>;

/// Throws invalid_matrix naming the first broken invariant and its place. O(tiles).
template <class T, class I>
void validate(const bitmap_view<T, I>& a) {
  const auto offsets = a.tile_row_offsets();
  detail::check_offsets(offsets, detail::length(a.bitmaps()), "bitmap: tile_row_offsets");
  detail::check_offsets(a.element_offsets(), a.nnz(), "bitmap: element_offsets");
  const auto cols = a.tile_cols();
  detail::check_indices(cols, detail::tiles_along(a.cols()), "bitmap: tile_cols");
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    std::int64_t elements = 0;
    for (std::size_t k = detail::at(offsets[i]); k < detail::at(offsets[i + 1]); ++k) {
      const unsigned bitmap = a.bitmaps()[k];
      if (k > detail::at(offsets[i]) && cols[k] <= cols[k - 1]) {
        detail::throw_invalid(static_cast<std::int64_t>(k),
                              {"bitmap: tile row ", i, " holds tile column ", cols[k], " after ",
                               cols[k - 1], " (tile ", k, "); columns must increase"});
      }
      detail::check_tile_bits(bitmap, static_cast<std::int64_t>(i),
                              static_cast<std::int64_t>(cols[k]), a.rows(), a.cols(),
                              static_cast<std::int64_t>(k));
      elements += std::popcount(bitmap);
    }
    if (elements != a.element_offsets()[i + 1] - a.element_offsets()[i]) {
      detail::throw_invalid(static_cast<std::int64_t>(i),
                            {"bitmap: the bitmaps of tile row ", i, " count ", elements,
                             " elements, its element offsets ",
                             a.element_offsets()[i + 1] - a.element_offsets()[i]});
    }
  }
}

/// Owning bitmap matrix.
///
/// Made by to_bitmap, from the compressed arrays, or from the figure's two tables. Throws: as
/// bitmap_view, and invalid_matrix, with the position, for whatever breaks an invariant.
/// Complexity: O(nnz + tiles); rvalue vectors of the right types are moved.
template <class T, index I = std::int32_t>
  requires scalar<T>
class bitmap_matrix {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = T;
  using index_type = I;

  bitmap_matrix() = default;

  /// From the figure's tables: packed elements and tiles sorted by (row, col), whose indices must
  /// be the running sums of the popcounts.
  template <vector_like E = std::vector<T>, std::ranges::input_range Tiles>
    requires std::same_as<value_of_t<E>, T> &&
             std::convertible_to<std::ranges::range_value_t<Tiles>, bitmap_tile<I>>
  bitmap_matrix(E&& elements, const Tiles& tiles, shape s)
      : bitmap_matrix(detail::compress_tiles<T, I>(
                          detail::to_array_of<T>(std::forward<E>(elements)), tiles, s),
                      s) {}

  template <vector_like E = std::vector<T>>
    requires std::same_as<value_of_t<E>, T>
  bitmap_matrix(E&& elements, std::initializer_list<bitmap_tile<I>> tiles, shape s)
      : bitmap_matrix(std::forward<E>(elements), std::span(tiles.begin(), tiles.size()), s) {}

  /// From the compressed arrays, in the order of bitmap_view.
  template <vector_like E = std::vector<T>, index_range B = std::vector<std::uint16_t>,
            index_range C = std::vector<I>, index_range R = std::vector<std::int64_t>,
            index_range O = std::vector<std::int64_t>>
    requires std::same_as<value_of_t<E>, T> &&
             std::same_as<std::ranges::range_value_t<B>, std::uint16_t>
  bitmap_matrix(E&& elements, B&& bitmaps, C&& tile_cols, R&& tile_row_offsets, O&& element_offsets,
                shape s)
      : bitmap_matrix(
            detail::bitmap_arrays<T, I>{
                detail::to_array_of<T>(std::forward<E>(elements)),
                detail::to_array_of<std::uint16_t>(std::forward<B>(bitmaps)),
                detail::to_index_array<I>(std::forward<C>(tile_cols), "bitmap: tile_cols"),
                detail::to_index_array<std::int64_t>(std::forward<R>(tile_row_offsets),
                                                     "bitmap: tile_row_offsets"),
                detail::to_index_array<std::int64_t>(std::forward<O>(element_offsets),
                                                     "bitmap: element_offsets")},
            s) {}

  /// For conversions, whose results hold the invariants by construction.
  bitmap_matrix(detail::trusted, detail::bitmap_arrays<T, I>&& arrays, shape s)
      : shape_(s), arrays_(std::move(arrays)) {
    static_cast<void>(view()); // O(1) checks
  }

  std::int64_t rows() const noexcept { return shape_.rows(); }
  std::int64_t cols() const noexcept { return shape_.cols(); }
  std::int64_t nnz() const noexcept { return detail::length(arrays_.elements); }
  std::int64_t tile_rows() const noexcept { return detail::tiles_along(rows()); }
  std::span<T> elements() noexcept { return arrays_.elements; }
  std::span<const T> elements() const noexcept { return arrays_.elements; }
  std::span<const std::uint16_t> bitmaps() const noexcept { return arrays_.bitmaps; }
  std::span<const I> tile_cols() const noexcept { return arrays_.tile_cols; }
  std::span<const std::int64_t> tile_row_offsets() const noexcept {
    return detail::offsets_or_zero(arrays_.tile_row_offsets);
  }
  std::span<const std::int64_t> element_offsets() const noexcept {
    return detail::offsets_or_zero(arrays_.element_offsets);
  }
  tile_range<I> tiles() const noexcept {
    return {bitmaps(), tile_cols(), tile_row_offsets(), element_offsets()};
  }

  bitmap_view<T, I> view() {
    return {elements(), bitmaps(), tile_cols(), tile_row_offsets(), element_offsets(), shape_};
  }
  bitmap_view<const T, I> view() const {
    return {elements(), bitmaps(), tile_cols(), tile_row_offsets(), element_offsets(), shape_};
  }
  operator bitmap_view<T, I>() { return view(); }
  operator bitmap_view<const T, I>() const { return view(); }

  friend bool operator==(const bitmap_matrix& a, const bitmap_matrix& b) {
    return static_cast<const shape&>(a.shape_) == b.shape_ &&
           a.arrays_.elements == b.arrays_.elements && a.arrays_.bitmaps == b.arrays_.bitmaps &&
           a.arrays_.tile_cols == b.arrays_.tile_cols &&
           std::ranges::equal(a.tile_row_offsets(), b.tile_row_offsets());
  }

private:
  bitmap_matrix(detail::bitmap_arrays<T, I>&& arrays, shape s)
      : bitmap_matrix(detail::trusted{}, std::move(arrays), s) {
    validate(std::as_const(*this).view());
  }

  detail::owned_shape shape_;
  detail::bitmap_arrays<T, I> arrays_;
};

template <vector_like E, std::ranges::input_range Tiles>
bitmap_matrix(E&&, const Tiles&, shape)
    -> bitmap_matrix<value_of_t<E>, decltype(std::ranges::range_value_t<Tiles>::row)>;
template <vector_like E, index_range B, index_range C, index_range R, index_range O>
bitmap_matrix(E&&, B&&, C&&, R&&, O&&, shape)
    -> bitmap_matrix<value_of_t<E>, std::ranges::range_value_t<C>>;

template <class T, class I>
bitmap_view(bitmap_matrix<T, I>&) -> bitmap_view<T, I>;
template <class T, class I>
bitmap_view(const bitmap_matrix<T, I>&) -> bitmap_view<const T, I>;

} // namespace tilebit
