// Diagonals: entries of 16 rows that follow each other, one piece of a diagonal after the other. A
// part of optimized_matrix, for discretised equations on grids and whatever looks like them.
//
//   rows 0 to 15 of a five-point stencil, as pieces of five diagonals:
//     first_col -300  mask 0x0000 (outside, not stored)
//     first_col   -1  mask 0xfffe   0      a(1,0) a(2,1) ... a(15,14)
//     first_col    0  mask 0xffff   a(0,0) a(1,1) a(2,2) ... a(15,15)
//     first_col    1  mask 0xffff   a(0,1) a(1,2) a(2,3) ... a(15,16)
//     first_col  300  mask 0xffff   a(0,300) ...             a(15,315)
//
// A vector of 16 sums takes one piece at a time, and neither x nor the values need gathering or
// expanding. 6 bytes of indices for up to 16 entries (with 32-bit indices) instead of 4 for each.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "../core/concepts.hpp"
#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "../core/shape.hpp"
#include "csr.hpp"

namespace tilebit {

/// The arrays of diagonals, not owned.
///
/// Slice s has the rows 16 s to 16 s + 15 and the pieces slice_offsets[s] to slice_offsets[s + 1] -
/// 1, by rising first_cols; bit r of the mask of piece k says that row 16 s + r has an entry in
/// column first_col + r, and values[16 k + r] is its value. Values without an entry are not
/// multiplied.
template <class T, class I>
class diagonal_view {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = std::remove_const_t<T>;
  using index_type = I;
  using diagonal_type = std::make_signed_t<I>; ///< of first_cols, which may lie before column 0

  static constexpr std::int64_t height = 16; ///< rows of a slice

  diagonal_view() = default;
  diagonal_view(std::span<T> values, std::span<const std::uint16_t> masks,
                std::span<const diagonal_type> first_cols,
                std::span<const std::int64_t> slice_offsets, std::int64_t nnz, shape s) noexcept
      : shape_(s), nnz_(nnz), values_(values), masks_(masks), first_cols_(first_cols),
        slice_offsets_(slice_offsets) {}

  std::int64_t rows() const noexcept { return shape_.rows(); }
  std::int64_t cols() const noexcept { return shape_.cols(); }
  std::int64_t nnz() const noexcept { return nnz_; }
  std::int64_t slices() const noexcept { return detail::length(slice_offsets_) - 1; }
  std::span<T> values() const noexcept { return values_; }
  std::span<const std::uint16_t> masks() const noexcept { return masks_; }
  std::span<const diagonal_type> first_cols() const noexcept { return first_cols_; }
  std::span<const std::int64_t> slice_offsets() const noexcept { return slice_offsets_; }

private:
  static constexpr std::int64_t zero_ = 0;

  shape shape_;
  std::int64_t nnz_ = 0;
  std::span<T> values_;
  std::span<const std::uint16_t> masks_;
  std::span<const diagonal_type> first_cols_;
  std::span<const std::int64_t> slice_offsets_{&zero_, 1};
};

namespace detail {

/// The arrays of diagonals, owned.
template <class T, class I>
struct diagonal_arrays {
  array_of<T> values;
  array_of<std::uint16_t> masks;
  array_of<std::make_signed_t<I>> first_cols;
  array_of<std::int64_t> slice_offsets{0};
  std::int64_t nnz = 0;

  diagonal_view<const T, I> view(shape s) const noexcept {
    return {values, masks, first_cols, offsets_or_zero(slice_offsets), nnz, s};
  }
};

/// Calls f(row, col, value) for the entries of slices [first, last), piece by piece, so that the
/// columns of each row come in order.
template <class T, class I, class F>
void for_each_diagonal_entry(const diagonal_view<T, I>& a, std::int64_t first, std::int64_t last,
                             F&& f) {
  for (std::int64_t s = first; s < last; ++s) {
    for (std::size_t k = at(a.slice_offsets()[at(s)]); k < at(a.slice_offsets()[at(s) + 1]); ++k) {
      for (unsigned left = a.masks()[k]; left != 0; left &= left - 1) {
        const int r = std::countr_zero(left);
        f(16 * s + r, static_cast<std::int64_t>(a.first_cols()[k]) + r,
          a.values()[16 * k + static_cast<std::size_t>(r)]);
      }
    }
  }
}

} // namespace detail

/// Throws invalid_matrix naming the first broken invariant and its place. O(pieces).
template <class T, class I>
void validate(const diagonal_view<T, I>& a) {
  detail::check_offsets(a.slice_offsets(), detail::length(a.masks()), "diagonals: slice_offsets");
  if (a.first_cols().size() != a.masks().size() || a.values().size() != 16 * a.masks().size() ||
      a.slice_offsets().back() != detail::length(a.masks()) || a.slices() > (a.rows() + 15) / 16) {
    throw invalid_matrix(
        "diagonals: the lengths of slice_offsets, first_cols, masks and values disagree",
        a.slices());
  }
  std::int64_t entries = 0;
  for (std::int64_t s = 0; s < a.slices(); ++s) {
    for (std::int64_t k = a.slice_offsets()[detail::at(s)];
         k < a.slice_offsets()[detail::at(s) + 1]; ++k) {
      const unsigned mask = a.masks()[detail::at(k)];
      const auto col = static_cast<std::int64_t>(a.first_cols()[detail::at(k)]);
      const bool rises = k == a.slice_offsets()[detail::at(s)] ||
                         a.first_cols()[detail::at(k)] > a.first_cols()[detail::at(k) - 1];
      const int last = 15 - std::countl_zero(static_cast<std::uint16_t>(mask));
      if (mask == 0 || !rises || col + std::countr_zero(mask) < 0 || col + last >= a.cols() ||
          16 * s + last >= a.rows()) {
        detail::throw_invalid(k,
                              {"diagonals: piece ", k, " at column ", col, ", mask ", mask,
                               " of slice ", s, " is empty, out of order or outside the matrix"});
      }
      entries += std::popcount(mask);
    }
  }
  if (entries != a.nnz()) {
    detail::throw_invalid(a.slices(),
                          {"diagonals: the masks count ", entries, " entries, nnz() is ", a.nnz()});
  }
}

} // namespace tilebit
