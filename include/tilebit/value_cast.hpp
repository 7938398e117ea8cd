// value_cast<T>(a): the same matrix with values of another type.
//
//   auto w = value_cast<bfloat16>(prune_to_sparsity(D, 0.9).matrix);
//
// Values are converted one by one as static_cast does: to nearest for floating-point types, Inf
// beyond the largest. A value that becomes zero stays an entry.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "convert.hpp"
#include "core/array_of.hpp"
#include "core/concepts.hpp"
#include "core/numeric.hpp"
#include "formats/bitmap.hpp"
#include "formats/bitmap_grid.hpp"
#include "formats/coo.hpp"
#include "formats/csr.hpp"
#include "formats/dense.hpp"
#include "formats/views.hpp"

namespace tilebit {
namespace detail {

template <class T, class R>
array_of<T> cast_values(const R& values) {
  array_of<T> out;
  out.reserve(values.size());
  for (const auto& x : values) out.push_back(static_cast<T>(x));
  return out;
}

template <class To, class T, class I>
coo_matrix<To, I> cast(const coo_view<const T, I>& a) {
  return {trusted{}, cast_values<To>(a.values()), to_array_of<I>(a.row_indices()),
          to_array_of<I>(a.col_indices()), shape(a.rows(), a.cols())};
}
template <class To, class T, class I, class O>
csr_matrix<To, I, O> cast(const csr_view<const T, I, O>& a) {
  return {trusted{}, cast_values<To>(a.values()), to_array_of<O>(a.row_offsets()),
          to_array_of<I>(a.col_indices()), shape(a.rows(), a.cols())};
}
template <class To, class T, class I>
bitmap_matrix<To, I> cast(const bitmap_view<const T, I>& a) {
  return {trusted{},
          bitmap_arrays<To, I>{
              cast_values<To>(a.elements()), to_array_of<std::uint16_t>(a.bitmaps()),
              to_array_of<I>(a.tile_cols()), to_array_of<std::int64_t>(a.tile_row_offsets()),
              to_array_of<std::int64_t>(a.element_offsets())},
          shape(a.rows(), a.cols())};
}
template <class To, class T, class I>
bitmap_grid<To, I> cast(const bitmap_grid_view<const T, I>& a) {
  return {trusted{},
          grid_arrays<To>{cast_values<To>(a.elements()), to_array_of<std::uint16_t>(a.bitmaps()),
                          to_array_of<std::int64_t>(a.element_offsets())},
          shape(a.rows(), a.cols())};
}

/// Targets whose conversion is defined for every value: not integers from floating-point numbers.
template <class To, class From>
concept castable = scalar<To> && (is_complex_v<To> || !is_complex_v<From>)&&(
                                     !std::is_integral_v<To> || std::is_integral_v<From>);

} // namespace detail

/// A, in any of the formats coo, csr, bitmap and bitmap grid, with values of type T. The result
/// owns its arrays. Throws: invalid_matrix when a view breaks an invariant. O(nnz + rows), grid
/// O(nnz + tiles).
template <class T, sparse_matrix A>
  requires detail::castable<T, value_of_t<A>> &&
           requires(const A& a) { detail::cast<T>(detail::resolve(a).base); } &&
           (!requires(const A& a) { a.base(); })
auto value_cast(const A& a) {
  const auto op = detail::resolve(a);
  detail::validate_unless_owning(a, op.base);
  return detail::cast<T>(op.base);
}

/// D with elements of type T, without padding. O(rows * cols).
template <class T, dense_matrix_like D>
  requires detail::castable<T, value_of_t<D>>
dense_matrix<T, typename D::layout_type> value_cast(const D& d) {
  const auto from = detail::const_dense(d);
  dense_matrix<T, typename D::layout_type> out(shape(d.rows(), d.cols()));
  const auto to = out.view();
  constexpr bool by_rows = std::same_as<typename D::layout_type, row_major>;
  const std::int64_t lines = by_rows ? d.rows() : d.cols();
  const std::int64_t width = by_rows ? d.cols() : d.rows();
  for (std::int64_t k = 0; k < lines; ++k) { // in the order of memory
    for (std::int64_t p = 0; p < width; ++p) {
      to.data()[k * to.ld() + p] = static_cast<T>(from.data()[k * from.ld() + p]);
    }
  }
  return out;
}

} // namespace tilebit
