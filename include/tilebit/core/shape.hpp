// Shape of a matrix: rows and columns, never negative.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "error.hpp"

namespace tilebit {

/// Rows and columns, written `{rows, cols}` with any integer types.
/// Throws: std::invalid_argument when negative, std::length_error when beyond std::int64_t.
class shape {
public:
  constexpr shape() noexcept = default;

  template <std::integral R, std::integral C>
  constexpr shape(R rows, C cols) : rows_(checked(rows)), cols_(checked(cols)) {}

  constexpr std::int64_t rows() const noexcept { return rows_; }
  constexpr std::int64_t cols() const noexcept { return cols_; }

  friend constexpr bool operator==(const shape&, const shape&) noexcept = default;

private:
  template <std::integral N>
  static constexpr std::int64_t checked(N n) {
    if constexpr (std::signed_integral<N>) {
      if (n < 0) {
        detail::throw_message<std::invalid_argument>({"shape: a dimension is negative: ", n});
      }
    }
    if (std::cmp_greater(n, std::numeric_limits<std::int64_t>::max())) {
      throw std::length_error("shape: a dimension does not fit 64 signed bits");
    }
    return static_cast<std::int64_t>(n);
  }

  std::int64_t rows_ = 0;
  std::int64_t cols_ = 0;
};

namespace detail {

inline std::string to_text(const shape& s) {
  return message({s.rows(), "x", s.cols()});
}

/// A shape that becomes 0x0 when moved from, so that a moved-from matrix is a valid empty one.
struct owned_shape : shape {
  owned_shape() noexcept = default;
  explicit owned_shape(const shape& s) noexcept : shape(s) {}
  owned_shape(const owned_shape&) noexcept = default;
  owned_shape(owned_shape&& other) noexcept : shape(other) { static_cast<shape&>(other) = shape(); }
  owned_shape& operator=(const owned_shape&) noexcept = default;
  owned_shape& operator=(owned_shape&& other) noexcept {
    const shape s = other;
    static_cast<shape&>(other) = shape();
    static_cast<shape&>(*this) = s;
    return *this;
  }
  ~owned_shape() = default;
};

[[noreturn]] TILEBIT_COLD inline void throw_does_not_fit(const shape& s, std::string_view what,
                                                         std::size_t bits) {
  throw_message<std::length_error>(
      {what, ": a ", to_text(s), " matrix does not fit ", bits, "-bit indices"});
}

/// Throws std::length_error unless every row and column number of s fits the index type I.
template <class I>
void require_fits(const shape& s, std::string_view what) {
  if (std::cmp_greater(s.rows(), std::numeric_limits<I>::max()) ||
      std::cmp_greater(s.cols(), std::numeric_limits<I>::max())) {
    throw_does_not_fit(s, what, 8 * sizeof(I));
  }
}

/// ceil(n / 4): tile rows of n rows, or tile columns of n columns.
constexpr std::int64_t tiles_along(std::int64_t n) noexcept {
  return n / 4 + (n % 4 != 0);
}

} // namespace detail
} // namespace tilebit
