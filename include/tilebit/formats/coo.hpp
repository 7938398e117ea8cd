// COO, coordinate format: one (row, column, value) triple per entry, in any order.
//
//       0 . 7        values       2 7 5
//       . 5 .        row_indices  0 0 1       entry k stands at (row_indices[k], col_indices[k])
//                    col_indices  0 2 1
//
// Invariants: the three arrays have one length; indices lie inside the shape. Order is free and
// duplicates are allowed (they mean their sum): is_sorted(), has_duplicates(), sort() and
// sum_duplicates() ask for these states and change them. Explicit zeros are entries like any other.
// Memory: nnz * (sizeof(T) + 2 * sizeof(I)) bytes.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/concepts.hpp"
#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "../core/shape.hpp"
#include "coo_order.hpp"

namespace tilebit {

/// Non-owning COO matrix over three arrays of the caller.
///
/// Throws: dimension_mismatch when the arrays differ in length; std::length_error when the shape
/// does not fit I. Indices are not looked at: that is validate(view), O(nnz).
template <class T, index I = std::int32_t>
  requires scalar<T>
class coo_view {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = std::remove_const_t<T>;
  using index_type = I;

  constexpr coo_view() noexcept = default;

  coo_view(std::span<T> values, std::span<const I> row_indices, std::span<const I> col_indices,
           shape s)
      : shape_(s), values_(values), row_indices_(row_indices), col_indices_(col_indices) {
    if (values.size() != row_indices.size() || values.size() != col_indices.size()) {
      detail::throw_message<dimension_mismatch>({"coo: ", values.size(), " values, ",
                                                 row_indices.size(), " row indices, ",
                                                 col_indices.size(), " column indices"});
    }
    detail::require_fits<I>(s, "coo");
  }

  /// A view of const values from a view of writable ones, as pointers convert.
  template <class U>
    requires std::same_as<const U, T>
  constexpr coo_view(const coo_view<U, I>& other) noexcept
      : shape_(other.rows(), other.cols()), values_(other.values()),
        row_indices_(other.row_indices()), col_indices_(other.col_indices()) {}

  constexpr std::int64_t rows() const noexcept { return shape_.rows(); }
  constexpr std::int64_t cols() const noexcept { return shape_.cols(); }
  constexpr std::int64_t nnz() const noexcept { return detail::length(values_); }
  constexpr std::span<T> values() const noexcept { return values_; }
  constexpr std::span<const I> row_indices() const noexcept { return row_indices_; }
  constexpr std::span<const I> col_indices() const noexcept { return col_indices_; }

private:
  shape shape_;
  std::span<T> values_;
  std::span<const I> row_indices_;
  std::span<const I> col_indices_;
};

template <vector_like V, index_range R, index_range C>
coo_view(V&&, R&&, C&&, shape)
    -> coo_view<detail::element_t<V>, std::remove_const_t<detail::element_t<R>>>;

/// Throws invalid_matrix naming the first index outside the shape. O(nnz).
template <class T, class I>
void validate(const coo_view<T, I>& a) {
  detail::check_indices(a.row_indices(), a.rows(), "coo: row_indices");
  detail::check_indices(a.col_indices(), a.cols(), "coo: col_indices");
}

/// Owning COO matrix.
///
/// Throws: dimension_mismatch when the arrays differ in length; invalid_matrix, with the position,
/// for an index outside the shape; std::length_error when the shape does not fit I.
/// Complexity: O(nnz); rvalue vectors of the right types are moved.
template <class T, index I = std::int32_t>
  requires scalar<T>
class coo_matrix {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = T;
  using index_type = I;

  coo_matrix() = default;
  explicit coo_matrix(shape s) : shape_(s) { detail::require_fits<I>(s, "coo"); }

  template <vector_like V = std::vector<T>, index_range R = std::vector<I>,
            index_range C = std::vector<I>>
    requires std::same_as<value_of_t<V>, T>
  coo_matrix(V&& values, R&& row_indices, C&& col_indices, shape s)
      : shape_(s), values_(detail::to_array_of<T>(std::forward<V>(values))),
        row_indices_(detail::to_index_array<I>(std::forward<R>(row_indices), "coo: row_indices")),
        col_indices_(detail::to_index_array<I>(std::forward<C>(col_indices), "coo: col_indices")) {
    validate(std::as_const(*this).view());
  }

  /// For conversions and readers, which have checked every index.
  coo_matrix(detail::trusted, detail::array_of<T>&& values, detail::array_of<I>&& row_indices,
             detail::array_of<I>&& col_indices, shape s)
      : shape_(s), values_(std::move(values)), row_indices_(std::move(row_indices)),
        col_indices_(std::move(col_indices)) {
    static_cast<void>(view()); // O(1) checks
  }

  std::int64_t rows() const noexcept { return shape_.rows(); }
  std::int64_t cols() const noexcept { return shape_.cols(); }
  std::int64_t nnz() const noexcept { return detail::length(values_); }
  std::span<T> values() noexcept { return values_; }
  std::span<const T> values() const noexcept { return values_; }
  std::span<const I> row_indices() const noexcept { return row_indices_; }
  std::span<const I> col_indices() const noexcept { return col_indices_; }

  coo_view<T, I> view() { return {values_, row_indices_, col_indices_, shape_}; }
  coo_view<const T, I> view() const { return {values_, row_indices_, col_indices_, shape_}; }
  operator coo_view<T, I>() { return view(); }
  operator coo_view<const T, I>() const { return view(); }

  /// True when entries stand in row-major order (rows, then columns within a row). O(nnz).
  bool is_sorted() const noexcept {
    return detail::inspect_order(row_indices(), col_indices()).row_major;
  }

  /// True when two entries share row and column. O(nnz) time; unsorted matrices are ordered in a
  /// copy of the indices, O(nnz) memory.
  bool has_duplicates() const {
    return detail::has_duplicates<I>(row_indices(), col_indices(), shape_);
  }

  /// Puts entries into row-major order; duplicates keep their order of appearance. O(nnz + rows);
  /// strong guarantee.
  void sort() {
    if (is_sorted()) return;
    auto sorted = detail::sort_row_major<T, I>(values(), row_indices(), col_indices(), shape_);
    adopt(std::move(sorted));
  }

  /// Sorts and replaces duplicates by their sum, added in order of appearance. O(nnz + rows);
  /// strong guarantee.
  void sum_duplicates() {
    auto sorted = detail::sort_row_major<T, I>(values(), row_indices(), col_indices(), shape_);
    detail::sum_adjacent(sorted);
    adopt(std::move(sorted));
  }

  friend bool operator==(const coo_matrix& a, const coo_matrix& b) {
    return static_cast<const shape&>(a.shape_) == b.shape_ && a.values_ == b.values_ &&
           a.row_indices_ == b.row_indices_ && a.col_indices_ == b.col_indices_;
  }

private:
  void adopt(detail::ordered_entries<T, I>&& sorted) {
    auto rows = detail::rows_of_offsets<I>(std::span<const std::int64_t>(sorted.row_offsets));
    row_indices_ = std::move(rows);
    values_ = std::move(sorted.values);
    col_indices_ = std::move(sorted.col_indices);
  }

  detail::owned_shape shape_;
  detail::array_of<T> values_;
  detail::array_of<I> row_indices_;
  detail::array_of<I> col_indices_;
};

template <vector_like V, index_range R, index_range C>
coo_matrix(V&&, R&&, C&&, shape) -> coo_matrix<value_of_t<V>, std::ranges::range_value_t<R>>;

template <class T, class I>
coo_view(coo_matrix<T, I>&) -> coo_view<T, I>;
template <class T, class I>
coo_view(const coo_matrix<T, I>&) -> coo_view<const T, I>;

} // namespace tilebit
