// CSR, compressed sparse rows: the format everybody exchanges, and the baseline of every
// comparison.
//
//       0 . 7        row_offsets  0 2 3       row i: entries row_offsets[i] .. row_offsets[i + 1] -
//       1 . 5 .        col_indices  0 2 1
//                    values       2 7 5
//
// Invariants: rows + 1 offsets, the first 0, never decreasing, the last nnz; columns strictly
// increase within a row and lie inside the shape. Offsets are 32- or 64-bit (O), so that arrays of
// Eigen, SciPy, oneMKL or PETSc are wrapped without a copy. Memory: nnz * (sizeof(T) + sizeof(I)) +
// (rows + 1) * sizeof(O) bytes.
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

namespace tilebit {

/// Non-owning CSR matrix over three arrays of the caller.
///
/// Throws: dimension_mismatch when the arrays' lengths do not fit together (values, columns and the
/// last offset; offsets and rows); std::length_error when the shape does not fit I. Order and range
/// of the indices are not looked at: that is validate(view), O(nnz).
template <class T, index I = std::int32_t, index O = std::int64_t>
  requires scalar<T>
class csr_view {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = std::remove_const_t<T>;
  using index_type = I;
  using offset_type = O;

  constexpr csr_view() noexcept = default;

  csr_view(std::span<T> values, std::span<const O> row_offsets, std::span<const I> col_indices,
           shape s)
      : shape_(s), values_(values), row_offsets_(row_offsets), col_indices_(col_indices) {
    if (values.size() != col_indices.size()) {
      detail::throw_message<dimension_mismatch>(
          {"csr: ", values.size(), " values, ", col_indices.size(), " column indices"});
    }
    const auto offsets = static_cast<std::uint64_t>(s.rows()) + 1;
    if (row_offsets.size() != offsets) {
      detail::throw_message<dimension_mismatch>(
          {"csr: ", s.rows(), " rows need ", offsets, " row offsets, got ", row_offsets.size()});
    }
    if (std::cmp_not_equal(row_offsets.back(), values.size())) {
      detail::throw_message<dimension_mismatch>({"csr: the last row offset is ", row_offsets.back(),
                                                 ", there are ", values.size(), " values"});
    }
    detail::require_fits<I>(s, "csr");
  }

  /// A view of const values from a view of writable ones, as pointers convert.
  template <class U>
    requires std::same_as<const U, T>
  constexpr csr_view(const csr_view<U, I, O>& other) noexcept
      : shape_(other.rows(), other.cols()), values_(other.values()),
        row_offsets_(other.row_offsets()), col_indices_(other.col_indices()) {}

  constexpr std::int64_t rows() const noexcept { return shape_.rows(); }
  constexpr std::int64_t cols() const noexcept { return shape_.cols(); }
  constexpr std::int64_t nnz() const noexcept { return detail::length(values_); }
  constexpr std::span<T> values() const noexcept { return values_; }
  constexpr std::span<const O> row_offsets() const noexcept { return row_offsets_; }
  constexpr std::span<const I> col_indices() const noexcept { return col_indices_; }

private:
  static constexpr O zero_ = 0;

  shape shape_;
  std::span<T> values_;
  std::span<const O> row_offsets_{&zero_, 1};
  std::span<const I> col_indices_;
};

template <vector_like V, index_range O, index_range C>
csr_view(V&&, O&&, C&&, shape)
    -> csr_view<detail::element_t<V>, std::remove_const_t<detail::element_t<C>>,
                std::remove_const_t<detail::element_t<O>>>;

namespace detail {

/// Throws invalid_matrix unless offsets start at 0, never decrease and end at `total`.
template <class O>
void check_offsets(std::span<const O> offsets, std::int64_t total, const char* what) {
  if (offsets.front() != 0) {
    throw_invalid(0, {what, "[0] is ", offsets.front(), ", not 0"});
  }
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    if (offsets[i + 1] < offsets[i] || std::cmp_greater(offsets[i + 1], total)) {
      throw_invalid(static_cast<std::int64_t>(i + 1),
                    {what, "[", i + 1, "] is ", offsets[i + 1], " after ", offsets[i], ", of ",
                     total, " in all"});
    }
  }
}

} // namespace detail

/// Throws invalid_matrix naming the first broken invariant and its place. O(nnz + rows).
template <class T, class I, class O>
void validate(const csr_view<T, I, O>& a) {
  const auto offsets = a.row_offsets();
  const auto cols = a.col_indices();
  detail::check_offsets(offsets, a.nnz(), "csr: row_offsets");
  detail::check_indices(cols, a.cols(), "csr: col_indices");
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    for (std::size_t k = detail::at(offsets[i]) + 1; k < detail::at(offsets[i + 1]); ++k) {
      if (cols[k] <= cols[k - 1]) {
        detail::throw_invalid(static_cast<std::int64_t>(k),
                              {"csr: row ", i, " holds column ", cols[k], " after column ",
                               cols[k - 1], " (col_indices[", k, "]); columns must increase"});
      }
    }
  }
}

/// Owning CSR matrix.
///
/// Throws: as csr_view, and invalid_matrix, with the position, for whatever breaks an invariant;
/// std::length_error when nnz does not fit O.
/// Complexity: O(nnz + rows); rvalue vectors of the right types are moved.
template <class T, index I = std::int32_t, index O = std::int64_t>
  requires scalar<T>
class csr_matrix {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = T;
  using index_type = I;
  using offset_type = O;

  csr_matrix() = default;

  template <vector_like V = std::vector<T>, index_range R = std::vector<O>,
            index_range C = std::vector<I>>
    requires std::same_as<value_of_t<V>, T>
  csr_matrix(V&& values, R&& row_offsets, C&& col_indices, shape s)
      : csr_matrix(detail::trusted{}, detail::to_array_of<T>(std::forward<V>(values)),
                   detail::to_index_array<O>(std::forward<R>(row_offsets), "csr: row_offsets"),
                   detail::to_index_array<I>(std::forward<C>(col_indices), "csr: col_indices"), s) {
    validate(std::as_const(*this).view());
  }

  /// For conversions, whose results hold the invariants by construction.
  csr_matrix(detail::trusted, detail::array_of<T>&& values, detail::array_of<O>&& row_offsets,
             detail::array_of<I>&& col_indices, shape s)
      : shape_(s), values_(std::move(values)), row_offsets_(std::move(row_offsets)),
        col_indices_(std::move(col_indices)) {
    if (row_offsets_.empty() && s.rows() == 0) row_offsets_.push_back(0);
    csr_view<const T, I, O>(values_, row_offsets_, col_indices_, s); // O(1) checks
  }

  std::int64_t rows() const noexcept { return shape_.rows(); }
  std::int64_t cols() const noexcept { return shape_.cols(); }
  std::int64_t nnz() const noexcept { return detail::length(values_); }
  std::span<T> values() noexcept { return values_; }
  std::span<const T> values() const noexcept { return values_; }
  std::span<const O> row_offsets() const noexcept { return detail::offsets_or_zero(row_offsets_); }
  std::span<const I> col_indices() const noexcept { return col_indices_; }

  csr_view<T, I, O> view() { return {values_, row_offsets(), col_indices_, shape_}; }
  csr_view<const T, I, O> view() const { return {values_, row_offsets(), col_indices_, shape_}; }
  operator csr_view<T, I, O>() { return view(); }
  operator csr_view<const T, I, O>() const { return view(); }

  friend bool operator==(const csr_matrix& a, const csr_matrix& b) {
    return static_cast<const shape&>(a.shape_) == b.shape_ && a.values_ == b.values_ &&
           std::ranges::equal(a.row_offsets(), b.row_offsets()) && a.col_indices_ == b.col_indices_;
  }

private:
  detail::owned_shape shape_;
  detail::array_of<T> values_;
  detail::array_of<O> row_offsets_;
  detail::array_of<I> col_indices_;
};

template <vector_like V, index_range R, index_range C>
csr_matrix(V&&, R&&, C&&, shape)
    -> csr_matrix<value_of_t<V>, std::ranges::range_value_t<C>, std::ranges::range_value_t<R>>;

template <class T, class I, class O>
csr_view(csr_matrix<T, I, O>&) -> csr_view<T, I, O>;
template <class T, class I, class O>
csr_view(const csr_matrix<T, I, O>&) -> csr_view<const T, I, O>;

} // namespace tilebit
