// to_coo, to_csr, to_bitmap, to_bitmap_grid, to_dense: any format to any format; the only place
// that knows two of them.
//
// All accept owning matrices, views and the lazy views scaled, transposed, conjugated (so a CSC
// matrix is transposed(csr_view(...))). Time and memory are linear in nnz + rows + cols; no maps,
// no comparison sorts. Row- and column-ordered triples are recognised by one pass and take shorter
// roads.
//
// Round trips are exact: explicit zeros, NaN payloads and signed zeros are kept. Duplicates of a
// COO matrix are summed in order of appearance (16-bit values in float, and rounded once) by all
// but to_coo, or refused on request; to_coo of a COO matrix keeps them.
//
// Throws, all of them: invalid_matrix, with the position, when a view breaks an invariant of its
// format (owning matrices hold theirs already); std::length_error when sizes do not fit the
// requested index or offset type. Outputs are untouched then.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "conversions/grid.hpp"
#include "conversions/row_order.hpp"
#include "conversions/tiles.hpp"
#include "core/array_of.hpp"
#include "core/concepts.hpp"
#include "core/config.hpp"
#include "core/error.hpp"
#include "formats/bitmap.hpp"
#include "formats/bitmap_grid.hpp"
#include "formats/coo.hpp"
#include "formats/csr.hpp"
#include "formats/dense.hpp"
#include "formats/entries.hpp"
#include "formats/views.hpp"

namespace tilebit {

/// What to do with entries of one row and column.
enum class duplicates {
  sum,  ///< add them in order of appearance
  error ///< throw invalid_matrix
};

/// Options of conversions between sparse formats: to_csr(a, {.duplicates = duplicates::error}).
struct convert_options {
  tilebit::duplicates duplicates = tilebit::duplicates::sum;
  bool drop_zeros = false; ///< leave out entries (after summing) that equal zero
};

/// Options of conversions from dense: to_bitmap(D, {.threshold = 0.05}).
struct dense_options {
  double threshold = 0.0; ///< keep elements with |x| > threshold, and NaN; the default keeps x != 0
};

namespace detail {

struct same_index {}; ///< stands for "the index type of the source"

template <class I, class A>
using index_or = std::conditional_t<std::same_as<I, same_index>, typename A::index_type, I>;

template <class A>
void validate_unless_owning(const A& a, const auto& base) {
  if constexpr (!owning_matrix<A>) {
    if constexpr (requires { a.base(); }) {
      validate_unless_owning(a.base(), base);
    } else {
      validate(base);
    }
  }
}

template <class E>
void handle_duplicates(E& e, const convert_options& options) {
  if (options.duplicates == duplicates::sum) return sum_adjacent(e);
  const std::int64_t k = first_adjacent_duplicate(e);
  if (k < 0) return;
  const auto row =
      std::upper_bound(e.row_offsets.begin(), e.row_offsets.end(), k) - e.row_offsets.begin() - 1;
  throw_invalid(static_cast<std::int64_t>(row),
                {"row ", row, ", column ", e.col_indices[at(k)], " is stored more than once"});
}

template <class E>
TILEBIT_COLD void drop_zeros(E& e) {
  std::size_t to = 0;
  std::size_t from = 0;
  for (std::size_t i = 0; i + 1 < e.row_offsets.size(); ++i) {
    const std::size_t begin = to;
    for (const std::size_t end = at(e.row_offsets[i + 1]); from < end; ++from) {
      if (e.values[from] == typename decltype(e.values)::value_type{}) continue;
      e.values[to] = e.values[from];
      e.col_indices[to++] = e.col_indices[from];
    }
    using offset = typename decltype(e.row_offsets)::value_type;
    e.row_offsets[i] = static_cast<offset>(begin);
  }
  e.row_offsets.back() = static_cast<typename decltype(e.row_offsets)::value_type>(to);
  e.values.resize(to);
  e.col_indices.resize(to);
}

/// Any sparse operand as row-major entries with all options and factors applied.
template <class O, class A>
auto ordered(const A& a, const convert_options& options) {
  const auto op = resolve(a);
  validate_unless_owning(a, op.base);
  auto e = row_order<O>(op.base, op.transposed);
  handle_duplicates(e, options);
  if (!op.plain()) {
    for (auto& x : e.values) x = op.apply(x);
  }
  if (options.drop_zeros) drop_zeros(e);
  return e;
}

template <class To, class From>
array_of<To> cast_indices(array_of<From>&& v) {
  if constexpr (std::same_as<To, From>) {
    return std::move(v);
  } else {
    return array_of<To>(v.begin(), v.end()); // the shape fits To, so every index does
  }
}

/// Any sparse operand as the arrays of a bitmap matrix; J fits its shape.
template <class J, class A>
bitmap_arrays<typename A::scalar_type, J> tile_arrays(const A& a, const convert_options& options) {
  using T = typename A::scalar_type;
  const shape s(a.rows(), a.cols());
  const auto arrays_of = [](auto&& b) {
    return bitmap_arrays<T, J>{std::move(b.elements), std::move(b.bitmaps),
                               cast_indices<J>(std::move(b.tile_cols)),
                               std::move(b.tile_row_offsets), std::move(b.element_offsets)};
  };
  const auto tiles = [&]<class K, class O>(std::span<const T> values, std::span<const O> offsets,
                                           std::span<const K> cols) {
    return arrays_of(tiles_of_rows<T, K, O>(values, offsets, cols, s));
  };
  if constexpr (requires { resolve(a).base.row_offsets(); }) {
    const auto op = resolve(a);
    if (op.plain() && !op.transposed && !options.drop_zeros) { // straight from the caller's arrays
      validate_unless_owning(a, op.base);
      return tiles(op.base.values(), op.base.row_offsets(), op.base.col_indices());
    }
  }
  if constexpr (requires { resolve(a).base.tile_row_offsets(); }) {
    const auto op = resolve(a);
    if (op.plain() && !op.transposed && !options.drop_zeros) { // a copy
      validate_unless_owning(a, op.base);
      return {to_array_of<T>(op.base.elements()), to_array_of<std::uint16_t>(op.base.bitmaps()),
              cast_indices<J>(to_array_of<typename A::index_type>(op.base.tile_cols())),
              to_array_of<std::int64_t>(op.base.tile_row_offsets()),
              to_array_of<std::int64_t>(op.base.element_offsets())};
    }
  }
  if constexpr (requires { resolve(a).base.tiles_per_row(); }) {
    const auto op = resolve(a);
    if (op.plain() && !op.transposed && !options.drop_zeros) {
      validate_unless_owning(a, op.base);
      return tiles_of_grid_view<T, J>(op.base);
    }
  }
  if constexpr (requires { resolve(a).base.row_indices(); }) {
    const auto op = resolve(a);
    if (op.plain() && !options.drop_zeros) {
      validate_unless_owning(a, op.base);
      const std::span<const T> values = op.base.values();
      auto rows = op.base.row_indices();
      auto cols = op.base.col_indices();
      if (op.transposed) std::swap(rows, cols);
      const entry_order order = inspect_order(rows, cols);
      if (order.row_major_strict) { // no sorting, no copy
        const auto offsets = offsets_of_sorted_rows<std::int64_t>(rows, s.rows());
        return tiles(values, std::span<const std::int64_t>(offsets), cols);
      }
      bitmap_arrays<T, typename A::index_type> arrays;
      if (!order.row_major && !order.col_major_strict &&
          tiles_by_scatter(values, rows, cols, s, arrays)) {
        return arrays_of(std::move(arrays));
      }
    }
  }
  const auto e = ordered<std::int64_t>(a, options);
  return tiles(std::span<const T>(e.values), std::span<const std::int64_t>(e.row_offsets),
               std::span(e.col_indices));
}

inline void require_threshold(const dense_options& options) {
  if (std::isnan(options.threshold)) throw std::invalid_argument("threshold is not a number");
}

template <class D>
auto const_dense(const D& d) {
  return dense_view<const typename D::scalar_type, typename D::layout_type>(d);
}

} // namespace detail

/// A as a COO matrix in row-major order (a COO operand keeps its order and its duplicates).
/// to_coo<std::int64_t>(a) asks for another index type.
template <class I = detail::same_index, sparse_matrix A>
coo_matrix<typename A::scalar_type, detail::index_or<I, A>> to_coo(const A& a) {
  using T = typename A::scalar_type;
  using J = detail::index_or<I, A>;
  const shape s(a.rows(), a.cols());
  detail::require_fits<J>(s, "to_coo");
  const auto op = detail::resolve(a);
  if constexpr (requires { op.base.row_indices(); }) {
    auto rows = op.base.row_indices();
    auto cols = op.base.col_indices();
    if (op.transposed) std::swap(rows, cols);
    detail::validate_unless_owning(a, op.base);
    detail::array_of<T> values(op.base.values().begin(), op.base.values().end());
    if (!op.plain()) {
      for (T& x : values) x = op.apply(x);
    }
    return {detail::trusted{}, std::move(values), detail::array_of<J>(rows.begin(), rows.end()),
            detail::array_of<J>(cols.begin(), cols.end()), s};
  } else {
    auto e = detail::ordered<std::int64_t>(a, {});
    auto rows = detail::rows_of_offsets<J>(std::span<const std::int64_t>(e.row_offsets));
    return {detail::trusted{}, std::move(e.values), std::move(rows),
            detail::cast_indices<J>(std::move(e.col_indices)), s};
  }
}

/// A as a CSR matrix. to_csr<std::int64_t, std::int32_t>(a) asks for index and offset types.
template <class I = detail::same_index, index O = std::int64_t, sparse_matrix A>
csr_matrix<typename A::scalar_type, detail::index_or<I, A>, O>
to_csr(const A& a, const convert_options& options = {}) {
  using J = detail::index_or<I, A>;
  const shape s(a.rows(), a.cols());
  detail::require_fits<J>(s, "to_csr");
  auto e = detail::ordered<O>(a, options);
  return {detail::trusted{}, std::move(e.values), std::move(e.row_offsets),
          detail::cast_indices<J>(std::move(e.col_indices)), s};
}

/// A as a bitmap matrix. to_bitmap<std::int64_t>(a) asks for another index type.
template <class I = detail::same_index, sparse_matrix A>
bitmap_matrix<typename A::scalar_type, detail::index_or<I, A>>
to_bitmap(const A& a, const convert_options& options = {}) {
  const shape s(a.rows(), a.cols());
  detail::require_fits<detail::index_or<I, A>>(s, "to_bitmap");
  return {detail::trusted{}, detail::tile_arrays<detail::index_or<I, A>>(a, options), s};
}

/// A as a bitmap grid. to_bitmap_grid<std::int64_t>(a) asks for another index type.
/// Also throws: std::length_error when the bitmaps of all tiles do not fit the address space.
/// Complexity: O(nnz + tiles), empty ones counted; rows * cols / 8 bytes whatever is stored.
template <class I = detail::same_index, sparse_matrix A>
bitmap_grid<typename A::scalar_type, detail::index_or<I, A>>
to_bitmap_grid(const A& a, const convert_options& options = {}) {
  using T = typename A::scalar_type;
  using J = detail::index_or<I, A>;
  const shape s(a.rows(), a.cols());
  detail::require_fits<J>(s, "to_bitmap_grid");
  static_cast<void>(detail::tiles_of_grid(s));
  if constexpr (requires { detail::resolve(a).base.bitmaps(); }) {
    const auto op = detail::resolve(a);
    if (op.plain() && !op.transposed && !options.drop_zeros) { // the elements stand in order
      detail::validate_unless_owning(a, op.base);
      return {detail::trusted{}, detail::grid_of_view<T>(op.base), s};
    }
  }
  return {detail::trusted{}, detail::grid_of_tiles(detail::tile_arrays<J>(a, options), s), s};
}

/// A into the dense matrix D, every element of which is overwritten; padding is left alone.
/// Throws: dimension_mismatch when the shapes differ; std::invalid_argument when D overlaps A.
template <sparse_matrix A, dense_matrix_like D>
  requires share_one_value_type<A, D>
void to_dense(const A& a, D&& d, const convert_options& options = {}) {
  using T = typename A::scalar_type;
  const dense_view<T, typename std::remove_cvref_t<D>::layout_type> out(d);
  if (a.rows() != out.rows() || a.cols() != out.cols()) {
    detail::throw_message<dimension_mismatch>(
        {"to_dense: A is ", a.rows(), "x", a.cols(), ", D is ", out.rows(), "x", out.cols()});
  }
  const auto op = detail::resolve(a);
  detail::for_each_array(op.base, [&](const auto& array, const char* name) {
    if (detail::overlap(array.data(), detail::length(array), out.data(), out.extent())) {
      detail::throw_message<std::invalid_argument>({"to_dense: ", name, " overlap the output D"});
    }
  });
  detail::validate_unless_owning(a, op.base);
  const auto clear = [&] {
    for (std::int64_t i = 0; i < out.rows(); ++i) {
      for (std::int64_t j = 0; j < out.cols(); ++j) out(i, j) = T{};
    }
  };
  if constexpr (requires { op.base.row_indices(); }) {
    const auto order = detail::inspect_order(op.base.row_indices(), op.base.col_indices());
    if (!order.row_major_strict && !order.col_major_strict) { // perhaps with duplicates
      const auto e = detail::ordered<std::int64_t>(a, options);
      clear();
      for (std::size_t i = 0; i + 1 < e.row_offsets.size(); ++i) {
        for (auto k = detail::at(e.row_offsets[i]); k < detail::at(e.row_offsets[i + 1]); ++k) {
          out(static_cast<std::int64_t>(i), static_cast<std::int64_t>(e.col_indices[k])) =
              e.values[k];
        }
      }
      return;
    }
  }
  clear();
  for (const auto& [i, j, x] : entries(a)) {
    out(static_cast<std::int64_t>(i), static_cast<std::int64_t>(j)) = x;
  }
}

/// A as an owning dense matrix; to_dense<col_major>(a) asks for the other layout.
template <dense_layout Layout = row_major, sparse_matrix A>
dense_matrix<typename A::scalar_type, Layout> to_dense(const A& a,
                                                       const convert_options& options = {}) {
  dense_matrix<typename A::scalar_type, Layout> d(shape(a.rows(), a.cols()));
  to_dense(a, d, options);
  return d;
}

/// The elements of D with |x| > threshold as a CSR matrix. O(rows * cols).
template <index I = std::int32_t, index O = std::int64_t, dense_matrix_like D>
csr_matrix<value_of_t<D>, I, O> to_csr(const D& d, const dense_options& options = {}) {
  const shape s(d.rows(), d.cols());
  detail::require_fits<I>(s, "to_csr");
  detail::require_threshold(options);
  auto e = detail::entries_of_dense<value_of_t<D>, I, O>(detail::const_dense(d), options.threshold);
  return {detail::trusted{}, std::move(e.values), std::move(e.row_offsets),
          std::move(e.col_indices), s};
}

/// The elements of D with |x| > threshold as a COO matrix in row-major order. O(rows * cols).
template <index I = std::int32_t, dense_matrix_like D>
coo_matrix<value_of_t<D>, I> to_coo(const D& d, const dense_options& options = {}) {
  const auto c = to_csr<I>(d, options);
  using T = value_of_t<D>;
  return {detail::trusted{}, detail::array_of<T>(c.values().begin(), c.values().end()),
          detail::rows_of_offsets<I>(c.row_offsets()),
          detail::array_of<I>(c.col_indices().begin(), c.col_indices().end()),
          shape(d.rows(), d.cols())};
}

/// The elements of D with |x| > threshold as a bitmap matrix. O(rows * cols).
template <index I = std::int32_t, dense_matrix_like D>
bitmap_matrix<value_of_t<D>, I> to_bitmap(const D& d, const dense_options& options = {}) {
  const shape s(d.rows(), d.cols());
  detail::require_fits<I>(s, "to_bitmap");
  detail::require_threshold(options);
  return {detail::trusted{},
          detail::tiles_of_dense<value_of_t<D>, I>(detail::const_dense(d), options.threshold), s};
}

/// The elements of D with |x| > threshold as a bitmap grid. O(rows * cols).
template <index I = std::int32_t, dense_matrix_like D>
bitmap_grid<value_of_t<D>, I> to_bitmap_grid(const D& d, const dense_options& options = {}) {
  const shape s(d.rows(), d.cols());
  detail::require_fits<I>(s, "to_bitmap_grid");
  detail::require_threshold(options);
  auto tiles = detail::tiles_of_dense<value_of_t<D>, I>(detail::const_dense(d), options.threshold);
  return {detail::trusted{}, detail::grid_of_tiles(std::move(tiles), s), s};
}

} // namespace tilebit
