// bfloat16 and float16: numbers of 16 bits that are stored, and computed with in float.
//
//               sign  exponent  fraction     largest        smallest > 0   epsilon
//   bfloat16     1       8         7         3.39e38        9.2e-41        2^-7      upper half of
//   a float float16      1       5        10         65504          6.0e-8         2^-10     IEEE
//   754 binary16
//
// To float: implicit and exact. From any arithmetic type: explicit, and rounded once, to nearest
// with ties to even, from whatever type it is (a double is not rounded to float first). Values
// beyond the largest become Inf; values below half the smallest become zero; signs are kept. NaN
// stays NaN, becomes quiet, and keeps the upper bits of its payload.
//
// There is no arithmetic in 16 bits: a + b is a float, and what is to be 16 bits again says so, by
// T(a + b) or a compound assignment. (For one operation on two 16-bit numbers that gives the 16-bit
// number nearest to the exact result: a float has more than twice their digits.) Products of
// matrices sum in float, see multiply.hpp. All of it is constexpr and the same on every machine.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace tilebit {
namespace detail {

/// Of a float.
inline constexpr std::uint32_t sign_bit = 0x80000000U;
inline constexpr std::uint32_t infinity_bits = 0x7f800000U;

/// A number as a float from which any narrower format rounds as from the number itself: where it
/// does not fit, the neighbour whose last bit is 1 (rounding to odd), which is no tie for any of
/// them.
template <std::floating_point N>
constexpr float rounded_to_odd(N x) noexcept {
  constexpr N largest = std::numeric_limits<float>::max(); // its last bit is 1
  if (x > largest || x < -largest) {
    if (x > std::numeric_limits<N>::max() || x < std::numeric_limits<N>::lowest()) {
      return x > 0 ? std::numeric_limits<float>::infinity()
                   : -std::numeric_limits<float>::infinity();
    }
    return x > 0 ? std::numeric_limits<float>::max() : std::numeric_limits<float>::lowest();
  }
  const auto nearest = static_cast<float>(x);
  const auto back = static_cast<N>(nearest);
  if (back == x || x != x) return nearest;
  auto bits = std::bit_cast<std::uint32_t>(nearest);
  if (x > 0 ? back > x : back < x) --bits; // towards zero
  return std::bit_cast<float>(bits | 1U);
}

template <std::integral N>
constexpr float rounded_to_odd(N n) noexcept {
  const auto bits = static_cast<std::uint64_t>(n);
  const bool negative = std::is_signed_v<N> && (bits >> 63) != 0;
  const std::uint64_t magnitude = negative ? 0 - bits : bits;
  constexpr int digits = std::numeric_limits<float>::digits;
  const int excess = static_cast<int>(std::bit_width(magnitude)) - digits;
  float x = 0;
  if (excess <= 0) {
    x = static_cast<float>(magnitude);
  } else {
    const std::uint64_t kept = magnitude >> excess;
    const bool exact = kept << excess == magnitude;
    x = static_cast<float>(exact ? kept : kept | 1U) *
        static_cast<float>(std::uint64_t{1} << excess);
  }
  return negative ? -x : x;
}

/// How float and the 16 bits of a bfloat16 become each other.
struct bfloat16_encoding {
  static constexpr int digits = 8;
  static constexpr int max_exponent = 128;

  static constexpr float widen(std::uint16_t bits) noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  }
  static constexpr std::uint16_t narrow(float x) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    if ((bits & ~sign_bit) > infinity_bits) { // NaN; the quiet bit keeps it from becoming Inf
      return static_cast<std::uint16_t>(bits >> 16 | 0x0040U);
    }
    // Half a unit, less the tie's bit where the result would be odd; a carry moves to the next
    // exponent, and from the last one to Inf.
    return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
  }
};

/// How float and the 16 bits of a float16 become each other.
struct float16_encoding {
  static constexpr int digits = 11;
  static constexpr int max_exponent = 16;

  static constexpr float widen(std::uint16_t bits) noexcept {
    const std::uint32_t sign = (bits & 0x8000U) << 16;
    const std::uint32_t magnitude = bits & 0x7fffU;
    if (magnitude >= 0x7c00U) { // Inf, NaN
      return std::bit_cast<float>(sign | infinity_bits | (magnitude & 0x03ffU) << 13);
    }
    if (magnitude < 0x0400U) { // zero, subnormal: units of 2^-24
      const float x = static_cast<float>(magnitude) * 0x1p-24F;
      return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(x));
    }
    return std::bit_cast<float>(sign | ((magnitude << 13) + (exponent_difference << 23)));
  }
  static constexpr std::uint16_t narrow(float x) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const std::uint32_t sign = (bits & sign_bit) >> 16;
    const std::uint32_t magnitude = bits & ~sign_bit;
    if (magnitude > infinity_bits) { // NaN; the quiet bit keeps it from becoming Inf
      return static_cast<std::uint16_t>(sign | 0x7e00U | ((magnitude >> 13) & 0x03ffU));
    }
    if (magnitude >= std::bit_cast<std::uint32_t>(65536.0F)) {
      return static_cast<std::uint16_t>(sign | 0x7c00U);
    }
    if (magnitude < std::bit_cast<std::uint32_t>(0x1p-14F)) { // in units of 2^-24
      const std::uint32_t exponent = magnitude >> 23;
      if (exponent < 102) return static_cast<std::uint16_t>(sign); // below 2^-25
      const std::uint32_t fraction = (magnitude & 0x007fffffU) | 0x00800000U;
      return static_cast<std::uint16_t>(sign | shifted_to_even(fraction, 126 - exponent));
    }
    return static_cast<std::uint16_t>(sign |
                                      shifted_to_even(magnitude - (exponent_difference << 23), 13));
  }

private:
  static constexpr std::uint32_t exponent_difference = 112; // of the two biases, 127 and 15

  /// x / 2^n to nearest, ties to even.
  static constexpr std::uint32_t shifted_to_even(std::uint32_t x, std::uint32_t n) noexcept {
    const std::uint32_t half = 1U << (n - 1);
    return (x + (half - 1) + ((x >> n) & 1U)) >> n;
  }
};

/// A number that is stored in 16 bits, by one of the encodings above.
template <class Encoding>
class stored_float {
public:
  stored_float() = default; ///< like float: T{} is zero

  template <class N>
    requires std::is_arithmetic_v<N>
  constexpr explicit stored_float(N x) noexcept : bits_(narrowed(x)) {}

  /// From the other 16-bit type.
  template <class E>
    requires(!std::same_as<E, Encoding>)
  constexpr explicit stored_float(stored_float<E> x) noexcept
      : stored_float(static_cast<float>(x)) {}

  constexpr operator float() const noexcept { return Encoding::widen(bits_); }

  static constexpr stored_float from_bits(std::uint16_t bits) noexcept {
    stored_float x{};
    x.bits_ = bits;
    return x;
  }
  constexpr std::uint16_t bits() const noexcept { return bits_; }

  constexpr stored_float operator-() const noexcept {
    return from_bits(static_cast<std::uint16_t>(bits_ ^ 0x8000U));
  }
  constexpr stored_float& operator+=(float x) noexcept { return *this = stored_float(*this + x); }
  constexpr stored_float& operator-=(float x) noexcept { return *this = stored_float(*this - x); }
  constexpr stored_float& operator*=(float x) noexcept { return *this = stored_float(*this * x); }
  constexpr stored_float& operator/=(float x) noexcept { return *this = stored_float(*this / x); }

  /// As numbers: NaN equals nothing, -0 equals 0. The order comes from float.
  friend constexpr bool operator==(stored_float a, stored_float b) noexcept {
    return static_cast<float>(a) == static_cast<float>(b);
  }

private:
  template <class N>
  static constexpr std::uint16_t narrowed(N x) noexcept {
    if constexpr (std::same_as<N, float>) {
      return Encoding::narrow(x);
    } else {
      return Encoding::narrow(rounded_to_odd(x));
    }
  }

  std::uint16_t bits_;
};

template <class T>
inline constexpr bool is_low_precision_v = false;
template <class Encoding>
inline constexpr bool is_low_precision_v<stored_float<Encoding>> = true;

} // namespace detail

using bfloat16 = detail::stored_float<detail::bfloat16_encoding>;
using float16 = detail::stored_float<detail::float16_encoding>;

} // namespace tilebit

template <class Encoding>
struct std::numeric_limits<tilebit::detail::stored_float<Encoding>> {
private:
  using T = tilebit::detail::stored_float<Encoding>;
  static constexpr int fraction = Encoding::digits - 1;
  static constexpr std::uint16_t of_exponent(int biased) noexcept {
    return static_cast<std::uint16_t>(biased << fraction);
  }

public:
  static constexpr bool is_specialized = true;
  static constexpr bool is_signed = true;
  static constexpr bool is_integer = false;
  static constexpr bool is_exact = false;
  static constexpr bool has_infinity = true;
  static constexpr bool has_quiet_NaN = true;
  static constexpr bool has_signaling_NaN = true;
  static constexpr float_round_style round_style = round_to_nearest;
  static constexpr bool is_iec559 = true;
  static constexpr bool is_bounded = true;
  static constexpr bool is_modulo = false;
  static constexpr bool traps = false;
  static constexpr bool tinyness_before = false;
  static constexpr int radix = 2;
  static constexpr int digits = Encoding::digits;
  static constexpr int max_exponent = Encoding::max_exponent;
  static constexpr int min_exponent = 3 - max_exponent;
  static constexpr int digits10 = (digits - 1) * 643 / 2136; // log10(2) = 643 / 2136
  static constexpr int max_digits10 = digits * 643 / 2136 + 2;
  static constexpr int max_exponent10 = max_exponent * 643 / 2136;
  static constexpr int min_exponent10 = -((1 - min_exponent) * 643 / 2136);

  static constexpr T min() noexcept { return T::from_bits(of_exponent(1)); }
  static constexpr T max() noexcept {
    return T::from_bits(static_cast<std::uint16_t>(of_exponent(2 * max_exponent - 1) - 1));
  }
  static constexpr T lowest() noexcept { return -max(); }
  static constexpr T epsilon() noexcept {
    return T::from_bits(of_exponent(max_exponent - 1 - fraction));
  }
  static constexpr T round_error() noexcept { return T(0.5F); }
  static constexpr T infinity() noexcept { return T::from_bits(of_exponent(2 * max_exponent - 1)); }
  static constexpr T quiet_NaN() noexcept {
    return T::from_bits(
        static_cast<std::uint16_t>(of_exponent(2 * max_exponent - 1) | 1 << (fraction - 1)));
  }
  static constexpr T signaling_NaN() noexcept {
    return T::from_bits(
        static_cast<std::uint16_t>(of_exponent(2 * max_exponent - 1) | 1 << (fraction - 2)));
  }
  static constexpr T denorm_min() noexcept { return T::from_bits(1); }
};
