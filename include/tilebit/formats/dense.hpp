// Dense matrices: a view with layout and leading dimension, and an owning matrix without padding.
//
//   row_major:  element (i, j) at data[i * ld + j], ld >= cols
//   col_major:  element (i, j) at data[j * ld + i], ld >= rows
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "../core/array_of.hpp"
#include "../core/concepts.hpp"
#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "../core/shape.hpp"

namespace tilebit {

struct row_major {}; ///< rows are contiguous (C order)
struct col_major {}; ///< columns are contiguous (Fortran order)

template <class L>
concept dense_layout = std::same_as<L, row_major> || std::same_as<L, col_major>;

/// Non-owning dense matrix. A view's constness is in T: dense_view<const double>.
///
/// Throws: dimension_mismatch when the leading dimension is smaller than a row (row_major) or a
/// column (col_major), or when the range it is made from is too short; std::length_error when the
/// extent does not fit 64 bits; std::invalid_argument for a null pointer to a nonempty matrix.
template <class T, dense_layout Layout = row_major>
  requires scalar<T>
class dense_view {
public:
  using matrix_category = detail::dense_tag;
  using scalar_type = std::remove_const_t<T>;
  using element_type = T;
  using layout_type = Layout;

  constexpr dense_view() noexcept = default;

  constexpr dense_view(T* data, shape s) : dense_view(data, s, inner(s)) {}

  template <std::integral N>
  constexpr dense_view(T* data, shape s, N ld)
      : data_(data), shape_(s), ld_(static_cast<std::int64_t>(ld)) {
    if (!std::in_range<std::int64_t>(ld) || ld_ < inner(s)) {
      detail::throw_message<dimension_mismatch>({"dense_view: the leading dimension ", ld,
                                                 " is smaller than ", inner(s), " for a ",
                                                 detail::to_text(s), " matrix"});
    }
    const std::int64_t outer = std::same_as<Layout, row_major> ? s.rows() : s.cols();
    constexpr auto most = std::numeric_limits<std::int64_t>::max() / std::int64_t{sizeof(T)};
    if (outer > 0 && ld_ > most / outer) {
      detail::throw_message<std::length_error>(
          {"dense_view: a ", detail::to_text(s), " matrix does not fit the address space"});
    }
    if (data == nullptr && s.rows() > 0 && s.cols() > 0) {
      detail::throw_message<std::invalid_argument>(
          {"dense_view: null data for a ", detail::to_text(s), " matrix"});
    }
  }

  template <vector_like R>
    requires std::convertible_to<std::add_pointer_t<detail::element_t<R>>, T*>
  constexpr dense_view(R&& data, shape s) : dense_view(std::forward<R>(data), s, inner(s)) {}

  template <vector_like R, std::integral N>
    requires std::convertible_to<std::add_pointer_t<detail::element_t<R>>, T*>
  constexpr dense_view(R&& data, shape s, N ld) : dense_view(std::ranges::data(data), s, ld) {
    if (std::cmp_less(std::ranges::size(data), extent())) {
      detail::throw_message<dimension_mismatch>(
          {"dense_view: ", detail::to_text(s), " with leading dimension ", ld, " needs ", extent(),
           " elements, the range has ", std::ranges::size(data)});
    }
  }

  /// A view of const elements from a view of writable ones, as pointers convert.
  template <class U>
    requires std::same_as<const U, T>
  constexpr dense_view(const dense_view<U, Layout>& other) noexcept
      : data_(other.data()), shape_(other.rows(), other.cols()), ld_(other.ld()) {}

  constexpr std::int64_t rows() const noexcept { return shape_.rows(); }
  constexpr std::int64_t cols() const noexcept { return shape_.cols(); }
  constexpr std::int64_t ld() const noexcept { return ld_; }
  constexpr T* data() const noexcept { return data_; }

  constexpr T& operator()(std::int64_t i, std::int64_t j) const noexcept {
    TILEBIT_ASSERT(i >= 0 && i < rows() && j >= 0 && j < cols());
    return data_[i * row_stride() + j * col_stride()];
  }

  constexpr std::int64_t row_stride() const noexcept {
    return std::same_as<Layout, row_major> ? ld_ : 1;
  }
  constexpr std::int64_t col_stride() const noexcept {
    return std::same_as<Layout, row_major> ? 1 : ld_;
  }

  /// Elements from the first to the last one of the matrix, padding between rows included.
  constexpr std::int64_t extent() const noexcept {
    if (rows() == 0 || cols() == 0) return 0;
    return (rows() - 1) * row_stride() + (cols() - 1) * col_stride() + 1;
  }

private:
  static constexpr std::int64_t inner(const shape& s) noexcept {
    return std::same_as<Layout, row_major> ? s.cols() : s.rows();
  }

  T* data_ = nullptr;
  shape shape_;
  std::int64_t ld_ = 0;
};

template <class T>
dense_view(T*, shape) -> dense_view<T>;
template <class T, std::integral N>
dense_view(T*, shape, N) -> dense_view<T>;
template <vector_like R>
dense_view(R&&, shape) -> dense_view<detail::element_t<R>>;
template <vector_like R, std::integral N>
dense_view(R&&, shape, N) -> dense_view<detail::element_t<R>>;

/// Owning dense matrix without padding; elements start at zero.
template <class T, dense_layout Layout = row_major>
  requires scalar<T>
class dense_matrix {
public:
  using matrix_category = detail::dense_tag;
  using scalar_type = T;
  using layout_type = Layout;

  dense_matrix() = default;
  explicit dense_matrix(shape s) : shape_(s), values_(count(s)) {}

  /// From elements in the order of the layout. Throws: dimension_mismatch unless rows * cols of
  /// them.
  template <vector_like R = std::vector<T>>
    requires std::same_as<value_of_t<R>, T>
  dense_matrix(R&& values, shape s)
      : shape_(s), values_(detail::to_array_of<T>(std::forward<R>(values))) {
    if (values_.size() != count(s)) {
      detail::throw_message<dimension_mismatch>({"dense_matrix: ", detail::to_text(s), " needs ",
                                                 count(s), " values, got ", values_.size()});
    }
  }

  std::int64_t rows() const noexcept { return shape_.rows(); }
  std::int64_t cols() const noexcept { return shape_.cols(); }
  std::int64_t ld() const noexcept {
    return std::same_as<Layout, row_major> ? shape_.cols() : shape_.rows();
  }
  T* data() noexcept { return values_.data(); }
  const T* data() const noexcept { return values_.data(); }
  std::span<T> values() noexcept { return values_; }
  std::span<const T> values() const noexcept { return values_; }

  T& operator()(std::int64_t i, std::int64_t j) noexcept { return view()(i, j); }
  const T& operator()(std::int64_t i, std::int64_t j) const noexcept { return view()(i, j); }

  dense_view<T, Layout> view() noexcept { return {data(), shape_}; }
  dense_view<const T, Layout> view() const noexcept { return {data(), shape_}; }
  operator dense_view<T, Layout>() noexcept { return view(); }
  operator dense_view<const T, Layout>() const noexcept { return view(); }

  friend bool operator==(const dense_matrix& a, const dense_matrix& b) {
    return static_cast<const shape&>(a.shape_) == b.shape_ && a.values_ == b.values_;
  }

private:
  static std::size_t count(const shape& s) {
    if (s.cols() > 0 && s.rows() > std::numeric_limits<std::int64_t>::max() / s.cols()) {
      detail::throw_message<std::length_error>(
          {"dense_matrix: a ", detail::to_text(s), " matrix does not fit 64 bits"});
    }
    return static_cast<std::size_t>(s.rows() * s.cols());
  }

  detail::owned_shape shape_;
  detail::array_of<T> values_;
};

} // namespace tilebit
