// Small helpers: checked integer copies, overlap of address ranges, arithmetic without surprises.
#pragma once

#include <algorithm>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <ranges>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "array_of.hpp"
#include "config.hpp"
#include "error.hpp"
#include "low_precision.hpp"
#include "packed.hpp"

namespace tilebit::detail {

template <class R>
using element_t = std::remove_reference_t<std::ranges::range_reference_t<R>>;

/// What an owning matrix keeps of a range: an rvalue std::vector<T> is moved, anything else copied.
template <class T, class R>
array_of<T> to_array_of(R&& range) {
  if constexpr (std::same_as<R, std::vector<T>>) {
    return array_of<T>(std::forward<R>(range));
  } else {
    return array_of<T>(std::ranges::begin(range), std::ranges::end(range));
  }
}

/// Like to_array_of for integers of any type; one that does not fit I throws invalid_matrix.
template <class I, class R>
array_of<I> to_index_array(R&& range, const char* what) {
  if constexpr (std::same_as<std::ranges::range_value_t<R>, I>) {
    return to_array_of<I>(std::forward<R>(range));
  } else {
    array_of<I> out;
    out.reserve(std::ranges::size(range));
    for (const auto n : range) {
      if (!std::in_range<I>(n)) {
        throw_invalid(static_cast<std::int64_t>(out.size()),
                      {what, "[", out.size(), "] is ", n, ", which does not fit ", 8 * sizeof(I),
                       "-bit indices"});
      }
      out.push_back(static_cast<I>(n));
    }
    return out;
  }
}

template <class T>
constexpr std::int64_t length(const T& range) {
  return static_cast<std::int64_t>(std::ranges::size(range));
}

/// Throws invalid_matrix naming the first index outside [0, limit).
template <class I>
void check_indices(std::span<const I> indices, std::int64_t limit, const char* what) {
  using U = std::make_unsigned_t<I>;
  U largest = 0;
  for (const I i : indices) largest = std::max(largest, static_cast<U>(i)); // negative: very large
  if (indices.empty() || std::cmp_less(largest, limit)) return;
  for (std::size_t k = 0; k < indices.size(); ++k) {
    if (std::cmp_less(indices[k], 0) || std::cmp_greater_equal(indices[k], limit)) {
      throw_invalid(static_cast<std::int64_t>(k),
                    {what, "[", k, "] is ", indices[k], ", outside [0, ", limit, ")"});
    }
  }
}

/// Subscript with any integer type: spans and vectors want std::size_t.
template <std::integral N>
constexpr std::size_t at(N n) noexcept {
  return static_cast<std::size_t>(n);
}

/// True when [a, a + n) and [b, b + m) share an address; empty ranges share none.
template <class A, class B>
bool overlap(const A* a, std::int64_t n, const B* b, std::int64_t m) noexcept {
  if (n <= 0 || m <= 0) return false;
  const auto* a0 = reinterpret_cast<const std::byte*>(a);
  const auto* b0 = reinterpret_cast<const std::byte*>(b);
  const std::less<const std::byte*> before;
  return before(a0, b0 + static_cast<std::size_t>(m) * sizeof(B)) &&
         before(b0, a0 + static_cast<std::size_t>(n) * sizeof(A));
}

/// Selects a constructor that trusts its arguments, which a conversion has just made.
struct trusted {};

/// The offsets of an owning matrix; a default-constructed or moved-from one, which holds none, is
/// 0x0.
template <class O>
std::span<const O> offsets_or_zero(const array_of<O>& offsets) noexcept {
  static constexpr O zero = 0;
  return offsets.empty() ? std::span<const O>(&zero, 1) : std::span<const O>(offsets);
}

template <class T>
struct accumulator {
  using type = std::conditional_t<is_low_precision_v<T>, float, T>;
};
template <>
struct accumulator<bfloat16_pair> {
  using type = float;
};
template <>
struct accumulator<std::int8_t> {
  using type = std::int32_t;
};
template <>
struct accumulator<int8_quad> {
  using type = std::int32_t;
};

/// What products of T are added up in: float for 16-bit types, 32 bits for signed 8-bit integers,
/// otherwise T itself.
template <class T>
using accumulator_t = typename accumulator<T>::type;

/// Sums are kept apart from results, because they are of another type.
template <class T>
inline constexpr bool sums_apart_v = !std::is_same_v<accumulator_t<T>, T>;

template <class T>
constexpr T conj_value(const T& x) noexcept {
  if constexpr (std::is_arithmetic_v<T> || is_low_precision_v<T>) {
    return x;
  } else {
    return std::conj(x);
  }
}

/// Product by the plain formula: integers modulo 2^n (no overflow is undefined), complex numbers
/// without the recovery branches of operator*, 16-bit types rounded once.
template <class T>
constexpr T mul(const T& a, const T& b) noexcept {
  if constexpr (std::is_integral_v<T>) {
    using U = std::conditional_t<(sizeof(T) < sizeof(unsigned)), unsigned, std::make_unsigned_t<T>>;
    return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
  } else if constexpr (std::is_arithmetic_v<T> || is_low_precision_v<T>) {
    return static_cast<T>(a * b);
  } else {
    return T(a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real());
  }
}

template <class T>
constexpr T add(const T& a, const T& b) noexcept {
  if constexpr (std::is_integral_v<T>) {
    using U = std::conditional_t<(sizeof(T) < sizeof(unsigned)), unsigned, std::make_unsigned_t<T>>;
    return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
  } else {
    return static_cast<T>(a + b);
  }
}

/// sum + a * b, in the type of the sum.
template <class T>
constexpr accumulator_t<T> multiply_add(const accumulator_t<T>& sum, const T& a,
                                        const T& b) noexcept {
  using S = accumulator_t<T>;
  return add<S>(sum, mul<S>(a, b));
}

} // namespace tilebit::detail
