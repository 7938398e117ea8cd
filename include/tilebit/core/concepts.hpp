// The concepts that operations are written in: scalar, index, sparse_matrix, dense_matrix,
// vector_like.
#pragma once

#include <complex>
#include <concepts>
#include <cstdint>
#include <ranges>
#include <type_traits>

#include "low_precision.hpp"
#include "packed.hpp"

namespace tilebit {
namespace detail {

template <class T>
inline constexpr bool is_complex_v = false;
template <class T>
inline constexpr bool is_complex_v<std::complex<T>> = std::floating_point<T>;

struct sparse_tag {}; ///< category of sparse formats and of lazy views over them
struct dense_tag {};  ///< category of dense matrices and views

} // namespace detail

/// A matrix entry: any arithmetic type but bool, bfloat16, float16, or std::complex of a
/// floating-point type.
template <class T>
concept scalar =
    (std::is_arithmetic_v<T> && !std::same_as<std::remove_cv_t<T>, bool>) ||
    detail::is_complex_v<std::remove_cv_t<T>> || detail::is_low_precision_v<std::remove_cv_t<T>> ||
    (detail::depth_v<std::remove_cv_t<T>> > 1);

/// A row or column number: a 32- or 64-bit integer, signed or not.
template <class I>
concept index = std::integral<I> && !std::same_as<std::remove_cv_t<I>, bool> &&
                (sizeof(I) == 4 || sizeof(I) == 8);

/// A sparse matrix in any format, owning or not, or a lazy view (scaled, transposed, conjugated).
template <class A>
concept sparse_matrix = requires(const std::remove_cvref_t<A>& a) {
  requires std::same_as<typename std::remove_cvref_t<A>::matrix_category, detail::sparse_tag>;
  requires scalar<typename std::remove_cvref_t<A>::scalar_type>;
  requires index<typename std::remove_cvref_t<A>::index_type>;
  { a.rows() } -> std::same_as<std::int64_t>;
  { a.cols() } -> std::same_as<std::int64_t>;
  { a.nnz() } -> std::same_as<std::int64_t>;
};

/// A dense matrix or view with a layout and a leading dimension.
template <class D>
concept dense_matrix_like = requires(const std::remove_cvref_t<D>& d) {
  requires std::same_as<typename std::remove_cvref_t<D>::matrix_category, detail::dense_tag>;
  requires scalar<typename std::remove_cvref_t<D>::scalar_type>;
  { d.rows() } -> std::same_as<std::int64_t>;
  { d.cols() } -> std::same_as<std::int64_t>;
  { d.ld() } -> std::same_as<std::int64_t>;
};

/// A dense vector: a contiguous range of scalars (std::vector, std::span, std::array, T[n]).
template <class V>
concept vector_like = std::ranges::contiguous_range<V> && std::ranges::sized_range<V> &&
                      scalar<std::ranges::range_value_t<V>>;

/// A contiguous range of integers, from which indices and offsets are taken.
template <class V>
concept index_range = std::ranges::contiguous_range<V> && std::ranges::sized_range<V> &&
                      std::integral<std::ranges::range_value_t<V>>;

/// The type of an entry without const: of a matrix, a view, or a vector.
template <class A>
struct value_of {};
template <class A>
  requires requires { typename A::scalar_type; }
struct value_of<A> {
  using type = typename A::scalar_type;
};
template <class V>
  requires(vector_like<V> && !requires { typename V::scalar_type; })
struct value_of<V> {
  using type = std::ranges::range_value_t<V>;
};
template <class A>
using value_of_t = typename value_of<std::remove_cvref_t<A>>::type;

/// All operands have one value type; mixed precision is not converted silently.
template <class A, class... Others>
concept share_one_value_type = (std::same_as<value_of_t<A>, value_of_t<Others>> && ...);

} // namespace tilebit
