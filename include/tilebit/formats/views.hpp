// Lazy views: scaled(alpha, a), transposed(a), conjugated(a). They touch no data and nest freely.
#pragma once

#include <cmath>
#include <complex>
#include <concepts>
#include <limits>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "../core/concepts.hpp"
#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "bitmap.hpp"
#include "bitmap_grid.hpp"
#include "coo.hpp"
#include "csr.hpp"
#include "dense.hpp"
#include "optimized.hpp"

namespace tilebit {
namespace detail {

/// Owning matrices hand out a view by view(); views and lazy views do not.
template <class A>
concept owning_matrix = sparse_matrix<A> && requires(const A& a) { a.view(); };

template <class T, class I>
auto const_view(const coo_view<T, I>& a) noexcept {
  return coo_view<const std::remove_const_t<T>, I>(a);
}
template <class T, class I, class O>
auto const_view(const csr_view<T, I, O>& a) noexcept {
  return csr_view<const std::remove_const_t<T>, I, O>(a);
}
template <class T, class I>
auto const_view(const bitmap_view<T, I>& a) noexcept {
  return bitmap_view<const std::remove_const_t<T>, I>(a);
}
template <class T, class I>
auto const_view(const bitmap_grid_view<T, I>& a) noexcept {
  return bitmap_grid_view<const std::remove_const_t<T>, I>(a);
}
template <class T, class I>
auto const_view(const optimized_view<const T, I>& a) noexcept {
  return a;
}

/// What a lazy view keeps: a matrix passed as an rvalue itself, otherwise a view of it.
template <class A>
  requires sparse_matrix<A>
auto keep(A&& a) {
  using U = std::remove_cvref_t<A>;
  if constexpr (owning_matrix<U> && !std::is_lvalue_reference_v<A>) {
    return U(std::forward<A>(a));
  } else if constexpr (owning_matrix<U>) {
    return const_view(std::as_const(a).view());
  } else {
    return U(a);
  }
}
template <class A>
using kept_t = decltype(keep(std::declval<A>()));

/// The integers of a type, which may be one of characters: std::in_range knows none of those.
template <class T>
using as_integer =
    std::conditional_t<std::is_signed_v<T>, std::make_signed_t<T>, std::make_unsigned_t<T>>;

/// alpha as a T; throws std::invalid_argument when it does not survive (0.5 for an integer, an
/// overflow). Rounding to a narrower floating-point type is no loss in this sense.
template <class T, class N>
T to_scalar(const N& alpha) {
  if constexpr (is_low_precision_v<N>) {
    return to_scalar<T>(static_cast<float>(alpha));
  } else if constexpr (is_complex_v<T>) {
    using R = typename T::value_type;
    if constexpr (is_complex_v<N>) {
      return T(to_scalar<R>(alpha.real()), to_scalar<R>(alpha.imag()));
    } else {
      return T(to_scalar<R>(alpha), R{});
    }
  } else {
    bool survives = true;
    if constexpr (std::is_integral_v<T> && std::is_integral_v<N>) {
      survives = std::in_range<as_integer<T>>(+alpha);
    } else if constexpr (std::is_integral_v<T>) {
      // 2^digits is exact in any floating-point type, T's largest value may not be.
      const N limit = std::ldexp(N{1}, std::numeric_limits<T>::digits);
      survives = alpha == std::trunc(alpha) && alpha < limit &&
                 (std::is_signed_v<T> ? alpha >= -limit : alpha >= N{0});
    } else if constexpr (std::is_floating_point_v<N> || is_low_precision_v<T>) {
      const auto converted = static_cast<accumulator_t<T>>(static_cast<T>(alpha));
      survives = !std::isfinite(alpha) || std::isfinite(converted);
    }
    if (!survives) {
      throw_message<std::invalid_argument>(
          {"scaled: the factor ", alpha, " does not survive in the matrix's value type"});
    }
    return static_cast<T>(alpha);
  }
}

/// A factor that can be asked for: complex ones only for complex matrices.
template <class N, class T>
concept factor_for = scalar<N> && (is_complex_v<T> || !is_complex_v<N>);

} // namespace detail

/// alpha * A, lazily; made by scaled(alpha, a).
template <class A>
class scaled_view {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = typename A::scalar_type;
  using index_type = typename A::index_type;

  scaled_view(scalar_type alpha, A a) : a_(std::move(a)), alpha_(alpha) {}
  std::int64_t rows() const noexcept { return a_.rows(); }
  std::int64_t cols() const noexcept { return a_.cols(); }
  std::int64_t nnz() const noexcept { return a_.nnz(); }
  const A& base() const noexcept { return a_; }
  scalar_type alpha() const noexcept { return alpha_; }

private:
  A a_;
  scalar_type alpha_;
};

/// A^T, lazily; made by transposed(a).
template <class A>
class transposed_view {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = typename A::scalar_type;
  using index_type = typename A::index_type;

  explicit transposed_view(A a) : a_(std::move(a)) {}
  std::int64_t rows() const noexcept { return a_.cols(); }
  std::int64_t cols() const noexcept { return a_.rows(); }
  std::int64_t nnz() const noexcept { return a_.nnz(); }
  const A& base() const noexcept { return a_; }

private:
  A a_;
};

/// The complex conjugate of A, lazily (A itself for real types); made by conjugated(a).
template <class A>
class conjugated_view {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = typename A::scalar_type;
  using index_type = typename A::index_type;

  explicit conjugated_view(A a) : a_(std::move(a)) {}
  std::int64_t rows() const noexcept { return a_.rows(); }
  std::int64_t cols() const noexcept { return a_.cols(); }
  std::int64_t nnz() const noexcept { return a_.nnz(); }
  const A& base() const noexcept { return a_; }

private:
  A a_;
};

/// beta * y for a vector y, lazily; made by scaled(beta, y).
template <class T>
class scaled_vector {
public:
  using scalar_type = T;

  scaled_vector(T beta, std::span<const T> y) noexcept : beta_(beta), y_(y) {}
  T beta() const noexcept { return beta_; }
  std::span<const T> base() const noexcept { return y_; }

private:
  T beta_;
  std::span<const T> y_;
};

/// beta * C for a dense matrix C, lazily; made by scaled(beta, c).
template <class T, class Layout>
class scaled_dense {
public:
  using scalar_type = T;
  using layout_type = Layout;

  scaled_dense(T beta, dense_view<const T, Layout> c) noexcept : beta_(beta), c_(c) {}
  T beta() const noexcept { return beta_; }
  dense_view<const T, Layout> base() const noexcept { return c_; }

private:
  T beta_;
  dense_view<const T, Layout> c_;
};

/// alpha * A without touching A. alpha is converted to A's value type.
/// Throws: std::invalid_argument when alpha does not survive that (0.5 for integers). O(1).
template <class N, class A>
  requires sparse_matrix<A> && detail::factor_for<N, value_of_t<A>>
scaled_view<detail::kept_t<A>> scaled(const N& alpha, A&& a) {
  return {detail::to_scalar<value_of_t<A>>(alpha), detail::keep(std::forward<A>(a))};
}

/// beta * y as the addend of multiply(a, x, scaled(beta, y), y). beta = 0 leaves y unread. O(1).
template <class N, vector_like Y>
  requires detail::factor_for<N, value_of_t<Y>>
scaled_vector<value_of_t<Y>> scaled(const N& beta, const Y& y) {
  return {detail::to_scalar<value_of_t<Y>>(beta), std::span<const value_of_t<Y>>(y)};
}

/// beta * C as the addend of multiply(a, b, scaled(beta, c), c). beta = 0 leaves C unread. O(1).
template <class N, dense_matrix_like C>
  requires detail::factor_for<N, value_of_t<C>>
scaled_dense<value_of_t<C>, typename C::layout_type> scaled(const N& beta, const C& c) {
  using T = value_of_t<C>;
  return {detail::to_scalar<T>(beta), dense_view<const T, typename C::layout_type>(c)};
}

/// A^T without touching A. O(1).
template <class A>
  requires sparse_matrix<A>
transposed_view<detail::kept_t<A>> transposed(A&& a) {
  return transposed_view<detail::kept_t<A>>(detail::keep(std::forward<A>(a)));
}

/// The complex conjugate of A without touching A; conjugated(transposed(a)) is A^H. O(1).
template <class A>
  requires sparse_matrix<A>
conjugated_view<detail::kept_t<A>> conjugated(A&& a) {
  return conjugated_view<detail::kept_t<A>>(detail::keep(std::forward<A>(a)));
}

namespace detail {

/// Any nest of lazy views in normal form: alpha * op(base), op: maybe conjugated, maybe transposed.
template <class View>
struct operand {
  using view_type = View;
  using scalar_type = typename View::scalar_type;
  using index_type = typename View::index_type;

  View base;
  scalar_type alpha{1};
  bool transposed = false;
  bool conjugated = false;

  std::int64_t rows() const noexcept { return transposed ? base.cols() : base.rows(); }
  std::int64_t cols() const noexcept { return transposed ? base.rows() : base.cols(); }
  bool plain() const noexcept { return alpha == scalar_type{1} && !conjugated; }
  scalar_type apply(const scalar_type& x) const noexcept {
    const scalar_type y = conjugated ? conj_value(x) : x;
    return alpha == scalar_type{1} ? y : mul(alpha, y);
  }
};

template <class T, class I>
auto resolve(const coo_view<T, I>& a) {
  return operand<coo_view<const std::remove_const_t<T>, I>>{const_view(a)};
}
template <class T, class I, class O>
auto resolve(const csr_view<T, I, O>& a) {
  return operand<csr_view<const std::remove_const_t<T>, I, O>>{const_view(a)};
}
template <class T, class I>
auto resolve(const bitmap_view<T, I>& a) {
  return operand<bitmap_view<const std::remove_const_t<T>, I>>{const_view(a)};
}
template <class T, class I>
auto resolve(const bitmap_grid_view<T, I>& a) {
  return operand<bitmap_grid_view<const std::remove_const_t<T>, I>>{const_view(a)};
}
template <class T, class I>
auto resolve(const optimized_view<const T, I>& a) {
  return operand<optimized_view<const T, I>>{a.with_parts_of_transpose(false), T{1},
                                             a.of_transpose()};
}
template <owning_matrix A>
auto resolve(const A& a) {
  return resolve(a.view());
}
// Declared first, because the views nest in any order.
template <class A>
auto resolve(const scaled_view<A>& a);
template <class A>
auto resolve(const transposed_view<A>& a);
template <class A>
auto resolve(const conjugated_view<A>& a);

template <class A>
auto resolve(const scaled_view<A>& a) {
  auto op = resolve(a.base());
  op.alpha = mul(a.alpha(), op.alpha);
  return op;
}
template <class A>
auto resolve(const transposed_view<A>& a) {
  auto op = resolve(a.base());
  op.transposed = !op.transposed;
  return op;
}
template <class A>
auto resolve(const conjugated_view<A>& a) {
  auto op = resolve(a.base());
  op.conjugated = !op.conjugated;
  op.alpha = conj_value(op.alpha);
  return op;
}

/// Matrices of which resolve may find a transpose: lazy views, and what optimize made for it.
template <class A>
concept maybe_transposed =
    requires(const A& a) { a.base(); } || requires(const A& a) { resolve(a).base.of_transpose(); };

/// Calls f(array, name) for the arrays of a format's view.
template <class View, class F>
void for_each_array(const View& a, F&& f) {
  if constexpr (requires { a.tile_bands(); }) {
    for_each_array(a.tiles(), f);
    for_each_array(a.diagonals(), f);
    for_each_array(a.sliced(), f);
    for_each_array(a.grouped(), f);
    for_each_array(a.csr(), f);
    for_each_array(a.coo(), f);
    for_each_array(a.grid(), f);
    for_each_array(a.packed(), f);
    f(a.corrections(), "the corrections of A");
  } else if constexpr (requires { a.bitmaps(); }) {
    f(a.elements(), "the elements of A");
    f(a.bitmaps(), "the bitmaps of A");
    f(a.element_offsets(), "the element offsets of A");
    if constexpr (requires { a.tile_cols(); }) {
      f(a.tile_cols(), "the tile columns of A");
      f(a.tile_row_offsets(), "the tile row offsets of A");
    }
  } else if constexpr (requires { a.masks(); }) {
    f(a.values(), "the values of A");
    f(a.masks(), "the masks of A");
    f(a.first_cols(), "the first columns of A");
    f(a.slice_offsets(), "the slice offsets of A");
  } else {
    f(a.values(), "the values of A");
    f(a.col_indices(), "the column indices of A");
    if constexpr (requires { a.narrow_columns(); }) {
      f(a.narrow_columns(), "the narrow columns of A");
      f(a.column_bases(), "the column bases of A");
    }
    if constexpr (requires { a.row_indices(); }) {
      f(a.row_indices(), "the row indices of A");
    } else if constexpr (requires { a.slice_offsets(); }) {
      f(a.slice_offsets(), "the slice offsets of A");
      f(a.slice_rows(), "the slice rows of A");
      f(a.row_order(), "the row order of A");
      f(a.row_lengths(), "the row lengths of A");
    } else if constexpr (requires { a.pattern_counts(); }) {
      f(a.pattern_counts(), "the pattern counts of A");
      f(a.column_offsets(), "the column offsets of A");
      f(a.value_offsets(), "the value offsets of A");
    } else {
      f(a.row_offsets(), "the row offsets of A");
    }
  }
}

} // namespace detail
} // namespace tilebit
