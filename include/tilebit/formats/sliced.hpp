// Sliced rows: groups of up to 16 rows stored side by side, so that a vector of 16 sums takes one
// entry of each row at a time. A part of optimized_matrix.
//
// Rows of a slice stand in order of falling length. Step k of a slice holds entry k of every row
// that has one, next to each other; nothing is padded, because the rows that end drop out at the
// back. A slice of a single row is that row as it stands in CSR or, if it is empty, a run of empty
// rows. This is SELL-C-sigma (Kreutzer et al., SIAM J. Sci. Comput. 36(5), 2014, arXiv:1307.6209)
// with C = 16 and without its padding.
//
// Where no slice is wider than 65,536 columns, columns are 16-bit distances from the first one of
// their slice: a matrix that does not fit the second-level cache takes the time of its bytes.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "../core/concepts.hpp"
#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "../core/shape.hpp"
#include "coo.hpp"
#include "csr.hpp"

namespace tilebit {

/// The arrays of sliced rows, not owned. Rows that no slice names are not part of it.
///
/// Slice s has the rows row_order[slice_rows[s]] to row_order[slice_rows[s + 1] - 1], at most 16,
/// with row_lengths of the same positions, never rising within a slice; its entries are
/// slice_offsets[s] to slice_offsets[s + 1] - 1, step by step. The column of entry k is
/// col_indices[k] or, in a view with narrow columns, column_bases[s] + narrow_columns[k]. A slice
/// of a single row without entries has no length but the number of empty rows from that one on.
template <class T, class I>
class sliced_view {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = std::remove_const_t<T>;
  using index_type = I;

  static constexpr std::int64_t height = 16; ///< rows of a slice

  sliced_view() = default;
  sliced_view(std::span<T> values, std::span<const I> col_indices,
              std::span<const std::int64_t> slice_offsets, std::span<const std::int64_t> slice_rows,
              std::span<const I> row_order, std::span<const std::int32_t> row_lengths,
              shape s) noexcept
      : shape_(s), values_(values), col_indices_(col_indices), slice_offsets_(slice_offsets),
        slice_rows_(slice_rows), row_order_(row_order), row_lengths_(row_lengths) {}

  sliced_view(std::span<T> values, std::span<const std::uint16_t> narrow_columns,
              std::span<const I> column_bases, std::span<const std::int64_t> slice_offsets,
              std::span<const std::int64_t> slice_rows, std::span<const I> row_order,
              std::span<const std::int32_t> row_lengths, shape s) noexcept
      : sliced_view(values, {}, slice_offsets, slice_rows, row_order, row_lengths, s) {
    narrow_columns_ = narrow_columns;
    column_bases_ = column_bases;
  }

  std::int64_t rows() const noexcept { return shape_.rows(); }
  std::int64_t cols() const noexcept { return shape_.cols(); }
  std::int64_t nnz() const noexcept { return detail::length(values_); }
  std::int64_t slices() const noexcept { return detail::length(slice_offsets_) - 1; }
  std::span<T> values() const noexcept { return values_; }
  /// Are columns 16-bit distances? col_indices is empty then, otherwise the two that follow it.
  bool narrow() const noexcept { return !narrow_columns_.empty(); }
  std::span<const I> col_indices() const noexcept { return col_indices_; }
  std::span<const std::uint16_t> narrow_columns() const noexcept { return narrow_columns_; }
  std::span<const I> column_bases() const noexcept { return column_bases_; } ///< one for each slice
  /// What the columns of slice s count from.
  std::int64_t column_base(std::int64_t s) const noexcept {
    return narrow() ? static_cast<std::int64_t>(column_bases_[detail::at(s)]) : 0;
  }
  /// f(pointer to the columns of all entries, which count from column_base).
  template <class F>
  decltype(auto) with_columns(F&& f) const {
    return narrow() ? f(narrow_columns_.data()) : f(col_indices_.data());
  }
  /// The column of entry k, which is one of slice s. O(1).
  std::int64_t column(std::int64_t s, std::int64_t k) const noexcept {
    return column_base(s) +
           with_columns([k](const auto* cols) { return static_cast<std::int64_t>(cols[k]); });
  }
  /// How many empty rows slice s stands for, 0 if it has entries or names several rows.
  std::int64_t empty_rows(std::int64_t s) const noexcept {
    const std::size_t k = detail::at(s);
    const bool run =
        slice_offsets_[k] == slice_offsets_[k + 1] && slice_rows_[k + 1] - slice_rows_[k] == 1;
    return run ? std::int64_t{row_lengths_[detail::at(slice_rows_[k])]} : 0;
  }
  std::span<const std::int64_t> slice_offsets() const noexcept { return slice_offsets_; }
  std::span<const std::int64_t> slice_rows() const noexcept { return slice_rows_; }
  std::span<const I> row_order() const noexcept { return row_order_; }
  /// For slices of more than one row; the length of a single row is that of its slice. For an empty
  /// single row, the rows of its run.
  std::span<const std::int32_t> row_lengths() const noexcept { return row_lengths_; }

private:
  static constexpr std::int64_t zero_ = 0;

  shape shape_;
  std::span<T> values_;
  std::span<const I> col_indices_;
  std::span<const std::uint16_t> narrow_columns_;
  std::span<const I> column_bases_;
  std::span<const std::int64_t> slice_offsets_{&zero_, 1};
  std::span<const std::int64_t> slice_rows_{&zero_, 1};
  std::span<const I> row_order_;
  std::span<const std::int32_t> row_lengths_;
};

namespace detail {

/// The arrays of sliced rows, owned.
template <class T, class I>
struct sliced_arrays {
  array_of<T> values;
  array_of<I> col_indices;
  array_of<std::uint16_t> narrow_columns;
  array_of<I> column_bases;
  array_of<std::int64_t> slice_offsets{0};
  array_of<std::int64_t> slice_rows{0};
  array_of<I> row_order;
  array_of<std::int32_t> row_lengths;

  sliced_view<const T, I> view(shape s) const noexcept {
    const auto offsets = offsets_or_zero(slice_offsets);
    const auto rows = offsets_or_zero(slice_rows);
    if (!narrow_columns.empty()) {
      return {values, narrow_columns, column_bases, offsets, rows, row_order, row_lengths, s};
    }
    return {values, col_indices, offsets, rows, row_order, row_lengths, s};
  }
};

/// Calls f(r, col, value) for the entries of slice s, step by step, so that the columns of each row
/// come in order; r counts the rows of the slice.
template <class T, class I, class F>
void for_each_in_slice(const sliced_view<T, I>& a, std::int64_t s, F&& f) {
  const std::size_t row0 = at(a.slice_rows()[at(s)]);
  const std::size_t rows = at(a.slice_rows()[at(s) + 1]) - row0;
  const std::size_t end = at(a.slice_offsets()[at(s) + 1]);
  const std::int64_t base = a.column_base(s);
  std::size_t k = at(a.slice_offsets()[at(s)]);
  std::size_t active = rows;
  a.with_columns([&](const auto* cols) {
    for (std::int32_t step = 0; k < end; ++step) {
      while (active > 1 && a.row_lengths()[row0 + active - 1] <= step) --active;
      for (std::size_t r = 0; r < active; ++r, ++k) {
        f(r, base + static_cast<std::int64_t>(cols[k]), a.values()[k]);
      }
    }
  });
}

/// Calls f(row, col, value) for the entries of slices [first, last).
template <class T, class I, class F>
void for_each_sliced_entry(const sliced_view<T, I>& a, std::int64_t first, std::int64_t last,
                           F&& f) {
  for (std::int64_t s = first; s < last; ++s) {
    const I* const rows = a.row_order().data() + a.slice_rows()[at(s)];
    for_each_in_slice(a, s, [&](std::size_t r, std::int64_t j, const auto& value) {
      f(static_cast<std::int64_t>(rows[r]), j, value);
    });
  }
}

} // namespace detail
} // namespace tilebit
