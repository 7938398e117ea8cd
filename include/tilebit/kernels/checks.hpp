// What multiply demands of its operands: concepts for outputs and addends, shape and overlap
// checks.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../core/concepts.hpp"
#include "../core/config.hpp"
#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "../formats/epilogue.hpp"
#include "../formats/views.hpp"

namespace tilebit {
namespace detail {

template <class Y>
inline constexpr bool is_scaled_vector_v = false;
template <class T>
inline constexpr bool is_scaled_vector_v<scaled_vector<T>> = true;

template <class C>
inline constexpr bool is_scaled_dense_v = false;
template <class T, class L>
inline constexpr bool is_scaled_dense_v<scaled_dense<T, L>> = true;

} // namespace detail

/// A vector that multiply may write.
template <class Y>
concept output_vector =
    vector_like<Y> && !std::is_const_v<std::remove_reference_t<std::ranges::range_reference_t<Y>>>;

/// R may hold products of T: it is T, what these are added up in, or float for 8-bit integers.
template <class R, class T>
concept holds_products_of = std::same_as<R, T> || std::same_as<R, detail::accumulator_t<T>> ||
                            (std::same_as<T, std::int8_t> && std::same_as<R, float>);

/// A vector y or scaled(beta, y).
template <class Y>
concept addend_vector = vector_like<Y> || detail::is_scaled_vector_v<Y>;

/// A dense matrix that multiply may write: a view of non-const elements or a non-const
/// dense_matrix.
template <class C>
concept output_matrix =
    dense_matrix_like<C> &&
    std::convertible_to<C&,
                        dense_view<value_of_t<C>, typename std::remove_cvref_t<C>::layout_type>>;

/// A dense matrix C0 or scaled(beta, C0).
template <class C>
concept addend_matrix = dense_matrix_like<C> || detail::is_scaled_dense_v<C>;

namespace detail {

template <class T>
struct vector_addend {
  T beta;
  std::span<const T> y;
};

template <class T, class Y>
vector_addend<T> addend_of(const Y& y) {
  if constexpr (is_scaled_vector_v<Y>) {
    return {y.beta(), y.base()};
  } else {
    return {T{1}, std::span<const T>(y)};
  }
}

template <class T, class Layout>
struct matrix_addend {
  T beta;
  dense_view<const T, Layout> c0;
};

template <class T, class C>
matrix_addend<T, typename C::layout_type> addend_of_matrix(const C& c) {
  if constexpr (is_scaled_dense_v<C>) {
    return {c.beta(), c.base()};
  } else {
    return {T{1}, dense_view<const T, typename C::layout_type>(c)};
  }
}

[[noreturn]] TILEBIT_COLD inline void throw_overlap(std::string_view input,
                                                    std::string_view output) {
  throw_message<std::invalid_argument>({"multiply: ", input, " overlaps the output ", output});
}

/// Throws because an operand of an m x n matrix has another shape, which the parts name.
[[noreturn]] TILEBIT_COLD inline void throw_misfit(std::int64_t m, std::int64_t n,
                                                   std::initializer_list<message_part> parts) {
  throw_message<dimension_mismatch>({"multiply: A is ", m, "x", n, ", ", message(parts)});
}

template <class Operand, class T, class R>
void check_spmv(const Operand& op, std::span<const T> x, std::span<const R> y, std::span<R> z) {
  if (std::cmp_not_equal(x.size(), op.cols())) {
    throw_misfit(op.rows(), op.cols(), {"x has ", x.size(), " elements"});
  }
  if (std::cmp_not_equal(y.size(), op.rows())) {
    throw_misfit(op.rows(), op.cols(), {"y has ", y.size(), " elements"});
  }
  if (std::cmp_not_equal(z.size(), op.rows())) {
    throw_misfit(op.rows(), op.cols(), {"z has ", z.size(), " elements"});
  }
  if (overlap(x.data(), length(x), z.data(), length(z))) throw_overlap("x", "vector");
  if (y.data() != z.data() && overlap(y.data(), length(y), z.data(), length(z))) {
    throw_overlap("y", "vector");
  }
  for_each_array(op.base, [&](const auto& array, const char* name) {
    if (overlap(array.data(), length(array), z.data(), length(z))) throw_overlap(name, "vector");
  });
}

/// Address ranges that interleave without meeting, such as two column blocks of one row-major
/// matrix, do not overlap: with equal layouts and leading dimensions that can be told in O(1).
template <class T, class LayoutA, class R, class LayoutB>
bool overlap(const dense_view<const T, LayoutA>& a,
             const dense_view<const R, LayoutB>& b) noexcept {
  if (!overlap(a.data(), a.extent(), b.data(), b.extent())) return false;
  if constexpr (!std::same_as<T, R>) {
    return true;
  } else {
    if (!std::same_as<LayoutA, LayoutB> || a.ld() != b.ld()) return true;
    const auto width = [](const auto& d) {
      return std::same_as<LayoutA, row_major> ? d.cols() : d.rows();
    };
    const std::int64_t distance = b.data() - a.data();
    const std::int64_t gap = (distance < 0 ? -distance : distance) % a.ld();
    return gap < (distance < 0 ? width(b) : width(a)) ||
           gap + (distance < 0 ? width(a) : width(b)) > a.ld();
  }
}

template <class Operand, class T, class R, class LayoutB, class LayoutC0, class LayoutC,
          class Epilogue>
void check_spmm(const Operand& op, const dense_view<const T, LayoutB>& b,
                const dense_view<const R, LayoutC0>& c0, const dense_view<R, LayoutC>& out,
                const Epilogue& epilogue) {
  const dense_view<const R, LayoutC> c(out);
  if (op.cols() != b.rows()) {
    throw_misfit(op.rows(), op.cols(), {"B is ", b.rows(), "x", b.cols()});
  }
  if (op.rows() != c.rows() || b.cols() != c.cols()) {
    throw_misfit(op.rows(), op.cols(),
                 {"B is ", b.rows(), "x", b.cols(), ", C is ", c.rows(), "x", c.cols()});
  }
  if (c0.rows() != c.rows() || c0.cols() != c.cols()) {
    throw_message<dimension_mismatch>({"multiply: C is ", c.rows(), "x", c.cols(),
                                       ", the addend is ", c0.rows(), "x", c0.cols()});
  }
  if (overlap(b, c)) throw_overlap("B", "matrix");
  const bool in_place =
      std::same_as<LayoutC0, LayoutC> && c0.data() == c.data() && c0.ld() == c.ld();
  if (!in_place && overlap(c0, c)) throw_overlap("the addend", "matrix");
  for_each_array(op.base, [&](const auto& array, const char* name) {
    if (overlap(array.data(), length(array), c.data(), c.extent())) throw_overlap(name, "matrix");
  });
  epilogue.for_each([&](const auto& step) {
    if constexpr (requires {
                    step.values;
                    step.name;
                  }) {
      if (std::cmp_not_equal(step.values.size(), c.rows())) {
        throw_message<dimension_mismatch>({"multiply: C is ", c.rows(), "x", c.cols(), ", ",
                                           step.name, " has ", step.values.size(), " elements"});
      }
      if (overlap(step.values.data(), length(step.values), c.data(), c.extent())) {
        throw_overlap(step.name, "matrix");
      }
    }
  });
}

} // namespace detail
} // namespace tilebit
