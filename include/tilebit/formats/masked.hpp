// Masked rows: entries of sixteen rows in pieces of 64 bytes, which one expanding load makes dense.
// A part of optimized_matrix, for 16-bit and 8-bit types.
//
// A 4x4 tile of a grid holds pieces of four rows, which have to be taken apart before a dot product
// or a matrix unit may have them. Here the same bits and the same elements stand in the order in
// which those read: a register is a piece of one row, 32 columns of bfloat16 or 64 of 8-bit
// integers, and a bitmap of as many bits says which of them are stored. As many bytes as a grid.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <type_traits>

#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "../core/shape.hpp"
#include "csr.hpp"

namespace tilebit {

/// The arrays of masked rows, not owned.
///
/// Band b has the rows 16 b to 16 b + 15. The piece of row 16 b + r from column width * c on has
/// the bitmap bitmaps[(b * pieces() + c) * 16 + r], whose bit k is column width * c + k. The
/// elements of a band begin with elements[element_offsets[b]] and are in the order of its bitmaps
/// and their bits, least significant first. row_sums are there for 8-bit integers alone: the sum of
/// the values of each row, modulo 2^32. Rows and columns behind the matrix hold nothing.
template <class T>
class masked_view {
public:
  using scalar_type = std::remove_const_t<T>;
  using bitmap_type = std::conditional_t<sizeof(T) == 1, std::uint64_t, std::uint32_t>;

  static constexpr std::int64_t height = 16;                          ///< rows of a band
  static constexpr std::int64_t width = 64 / std::int64_t{sizeof(T)}; ///< columns of a piece

  masked_view() = default;
  masked_view(std::span<T> elements, std::span<const bitmap_type> bitmaps,
              std::span<const std::int64_t> element_offsets, std::span<const std::int32_t> row_sums,
              shape s) noexcept
      : shape_(s), elements_(elements), bitmaps_(bitmaps), element_offsets_(element_offsets),
        row_sums_(row_sums) {}

  std::int64_t rows() const noexcept { return shape_.rows(); }
  std::int64_t cols() const noexcept { return shape_.cols(); }
  std::int64_t nnz() const noexcept { return detail::length(elements_); }
  std::int64_t bands() const noexcept { return detail::length(element_offsets_) - 1; }
  std::int64_t pieces() const noexcept { return cols() / width + (cols() % width != 0); }
  std::span<T> elements() const noexcept { return elements_; }
  std::span<const bitmap_type> bitmaps() const noexcept { return bitmaps_; }
  std::span<const std::int64_t> element_offsets() const noexcept { return element_offsets_; }
  std::span<const std::int32_t> row_sums() const noexcept { return row_sums_; }

private:
  static constexpr std::int64_t zero_ = 0;

  shape shape_;
  std::span<T> elements_;
  std::span<const bitmap_type> bitmaps_;
  std::span<const std::int64_t> element_offsets_{&zero_, 1};
  std::span<const std::int32_t> row_sums_;
};

namespace detail {

/// The arrays of masked rows, owned.
template <class T>
struct masked_arrays {
  array_of<T> elements;
  array_of<typename masked_view<T>::bitmap_type> bitmaps;
  array_of<std::int64_t> element_offsets{0};
  array_of<std::int32_t> row_sums;

  masked_view<const T> view(shape s) const noexcept {
    return {elements, bitmaps, offsets_or_zero(element_offsets), row_sums, s};
  }
};

} // namespace detail

/// Throws invalid_matrix naming the first broken invariant and its place; of row_sums the number is
/// checked alone. O(bitmaps).
template <class T>
void validate(const masked_view<T>& a) {
  using view = masked_view<T>;
  using bitmap = typename view::bitmap_type;
  const std::int64_t bands = a.bands();
  detail::check_offsets(a.element_offsets(), a.nnz(), "masked: element_offsets");
  constexpr bool sums = std::is_same_v<typename view::scalar_type, std::int8_t>;
  if ((bands != 0 && bands != (a.rows() + view::height - 1) / view::height) ||
      (a.pieces() > 0 && bands > detail::length(a.bitmaps()) / view::height / a.pieces()) ||
      detail::length(a.bitmaps()) != bands * a.pieces() * view::height ||
      a.element_offsets().back() != a.nnz() ||
      detail::length(a.row_sums()) != (sums ? view::height * bands : 0)) {
    throw invalid_matrix(
        "masked: the lengths of elements, bitmaps, element_offsets and row_sums disagree", bands);
  }
  const std::int64_t last = a.pieces() - 1;
  const auto behind = a.cols() % view::width == 0 // bits of the last piece that are no columns
                          ? bitmap{0}
                          : static_cast<bitmap>(~bitmap{0} << a.cols() % view::width);
  for (std::int64_t b = 0; b < bands; ++b) {
    std::int64_t stored = 0;
    for (std::int64_t k = 0; k < a.pieces() * view::height; ++k) {
      const std::int64_t at = b * a.pieces() * view::height + k;
      const bitmap bits = a.bitmaps()[detail::at(at)];
      const std::int64_t row = view::height * b + k % view::height;
      if (bits != 0 && (row >= a.rows() || (k / view::height == last && (bits & behind) != 0))) {
        detail::throw_invalid(at, {"masked: bitmap ", at, " has bits outside ", a.rows(),
                                   " rows and ", a.cols(), " columns"});
      }
      stored += std::popcount(bits);
    }
    const std::int64_t there =
        a.element_offsets()[detail::at(b + 1)] - a.element_offsets()[detail::at(b)];
    if (stored != there) {
      detail::throw_invalid(
          b, {"masked: band ", b, " has ", there, " elements and bitmaps of ", stored});
    }
  }
}

} // namespace tilebit
