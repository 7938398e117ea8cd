// bfloat16 and float16: every value, every tie and its neighbours. Matrices of them:
// low_precision_matrix_test.cpp.
#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>

#include <tilebit/core/concepts.hpp>
#include <tilebit/core/low_precision.hpp>

#include "catch.hpp"

namespace tb = tilebit;

namespace {

template <class T>
using limits = std::numeric_limits<T>;

template <class T>
T of_bits(unsigned bits) {
  return T::from_bits(static_cast<std::uint16_t>(bits));
}

/// Rounding by the definition, for |x| below the largest: counts in units of the last place.
template <class T>
double nearest_by_definition(double x) {
  const int exponent = std::max(std::ilogb(x), limits<T>::min_exponent - 1);
  const double unit = std::ldexp(1.0, exponent - (limits<T>::digits - 1));
  const double count = std::floor(x / unit);
  const double rest = x / unit - count;
  const bool up = rest > 0.5 || (rest == 0.5 && std::fmod(count, 2) != 0);
  return (up ? count + 1 : count) * unit;
}

/// Wrong results among those for a number between lo and hi, neighbours with lo even or odd, and
/// everything next to it, in type N.
template <class N, class T>
int errors_between(T lo, T hi, N middle, bool lo_is_even) {
  const N up = std::numeric_limits<N>::infinity();
  int errors = T(middle).bits() != (lo_is_even ? lo : hi).bits();
  errors += T(std::nextafter(middle, N{0})).bits() != lo.bits();
  errors += T(std::nextafter(middle, up)).bits() != hi.bits();
  errors += T(-middle).bits() != (lo_is_even ? -lo : -hi).bits();
  errors += T(-std::nextafter(middle, N{0})).bits() != (-lo).bits();
  errors += T(-std::nextafter(middle, up)).bits() != (-hi).bits();
  errors += T(std::nextafter(static_cast<N>(float{lo}), up)).bits() != lo.bits();
  return errors;
}

} // namespace

static_assert(tb::scalar<tb::bfloat16> && tb::scalar<const tb::float16>);
static_assert(std::is_trivially_copyable_v<tb::bfloat16> && sizeof(tb::bfloat16) == 2);
static_assert(std::is_trivially_default_constructible_v<tb::float16>);
static_assert(std::convertible_to<tb::bfloat16, float> && std::convertible_to<tb::float16, double>);
static_assert(!std::convertible_to<float, tb::bfloat16> && !std::convertible_to<int, tb::float16>);
static_assert(!std::convertible_to<tb::bfloat16, tb::float16>);
static_assert(std::constructible_from<tb::float16, tb::bfloat16>);
static_assert(std::same_as<decltype(tb::bfloat16{} + tb::bfloat16{}), float>);
static_assert(std::same_as<std::common_type_t<tb::bfloat16, float>, float>);
static_assert(std::totally_ordered<tb::bfloat16> && std::regular<tb::float16>);
static_assert(tb::bfloat16{}.bits() == 0 && tb::bfloat16{1}.bits() == 0x3f80);
static_assert(tb::float16(1.0 / 3).bits() == 0x3555 && tb::bfloat16(1.0L / 3).bits() == 0x3eab);
static_assert(tb::float16(65519.99).bits() == 0x7bff && tb::float16(65520).bits() == 0x7c00);
static_assert(-tb::float16(0.0) == tb::float16(0) && (-tb::float16(0.0)).bits() == 0x8000);
static_assert(tb::bfloat16(2) == 2 && tb::bfloat16(2) < 2.5 && tb::float16(2) == tb::bfloat16(2));

TEMPLATE_TEST_CASE("limits of 16-bit types", "[low precision]", tb::bfloat16, tb::float16) {
  using T = TestType;
  const bool brain = std::same_as<T, tb::bfloat16>;
  CHECK(float{limits<T>::max()} == (brain ? 0x1.fep127F : 65504.0F));
  CHECK(limits<T>::lowest() == -limits<T>::max());
  CHECK(float{limits<T>::min()} == (brain ? 0x1p-126F : 0x1p-14F));
  CHECK(float{limits<T>::denorm_min()} == (brain ? 0x1p-133F : 0x1p-24F));
  CHECK(float{limits<T>::epsilon()} == std::ldexp(1.0F, 1 - limits<T>::digits));
  CHECK(std::isinf(float{limits<T>::infinity()}));
  CHECK(std::isnan(float{limits<T>::quiet_NaN()}));
  CHECK(std::isnan(float{limits<T>::signaling_NaN()}));
  CHECK(limits<T>::quiet_NaN() != limits<T>::quiet_NaN());
  CHECK(limits<const T>::digits == (brain ? 8 : 11));
  CHECK(limits<T>::digits10 == (brain ? 2 : 3));
  CHECK(limits<T>::max_digits10 == (brain ? 4 : 5));
  CHECK(limits<T>::min_exponent == (brain ? -125 : -13));
  CHECK(limits<T>::max_exponent10 == (brain ? 38 : 4));
  CHECK(limits<T>::min_exponent10 == (brain ? -37 : -4));
}

TEMPLATE_TEST_CASE("every value comes back from float, double and long double", "[low precision]",
                   tb::bfloat16, tb::float16) {
  using T = TestType;
  int errors = 0;
  int nans = 0;
  const unsigned quiet = 1U << (limits<T>::digits - 2);
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const auto x = of_bits<T>(bits);
    const float f = x;
    nans += std::isnan(f);
    const unsigned back = std::isnan(f) ? bits | quiet : bits; // NaN becomes quiet, keeps the rest
    errors += T(f).bits() != back;
    errors += T(double{f}).bits() != back;
    errors += T(static_cast<long double>(f)).bits() != back;
    errors += (x == x) == std::isnan(f);
    errors += (-x).bits() != (bits ^ 0x8000U);
    if (std::isfinite(f)) errors += nearest_by_definition<T>(double{f}) != double{f};
  }
  CHECK(errors == 0);
  CHECK(nans == (2 << (limits<T>::digits - 1)) - 2);
}

TEMPLATE_TEST_CASE("numbers between two neighbours go to the nearer, ties to the even one",
                   "[low precision]", tb::bfloat16, tb::float16) {
  using T = TestType;
  int errors = 0;
  for (unsigned bits = 0; bits < limits<T>::infinity().bits(); ++bits) {
    const auto lo = of_bits<T>(bits);
    const auto hi = of_bits<T>(bits + 1); // of the largest: Inf, as if it were the next number
    const double above = std::isinf(float{hi}) ? std::ldexp(1.0, limits<T>::max_exponent) : hi;
    const double middle = (double{lo} + above) / 2;
    errors += errors_between<float>(lo, hi, static_cast<float>(middle), bits % 2 == 0);
    errors += errors_between<double>(lo, hi, middle, bits % 2 == 0);
    errors += errors_between<long double>(lo, hi, middle, bits % 2 == 0);
    if (above - double{lo} >= 2 && middle < 0x1p62) {
      const auto n = static_cast<std::int64_t>(middle);
      errors += T(n).bits() != (bits % 2 == 0 ? lo : hi).bits();
      errors += T(n - 1).bits() != lo.bits() || T(1 - n).bits() != (-lo).bits();
      errors += T(n + 1).bits() != hi.bits() || T(-n - 1).bits() != (-hi).bits();
      errors += T(static_cast<std::uint64_t>(n) + 1).bits() != hi.bits();
    }
  }
  CHECK(errors == 0);
}

TEMPLATE_TEST_CASE("numbers at both ends", "[low precision]", tb::bfloat16, tb::float16) {
  using T = TestType;
  CHECK(T(limits<double>::denorm_min()).bits() == 0);
  CHECK(T(-limits<double>::denorm_min()).bits() == 0x8000);
  CHECK(T(limits<long double>::denorm_min()).bits() == 0);
  CHECK(T(limits<float>::max()) == limits<T>::infinity());
  CHECK(T(limits<double>::max()) == limits<T>::infinity());
  CHECK(T(limits<long double>::lowest()) == -limits<T>::infinity());
  CHECK(T(-limits<double>::infinity()) == -limits<T>::infinity());
  CHECK(T(limits<long double>::infinity()) == limits<T>::infinity());
  CHECK(std::isnan(float{T(limits<double>::quiet_NaN())}));
  CHECK(std::isnan(float{T(std::bit_cast<double>(0x7ff0000000000001U))})); // payload beyond float
  CHECK(std::isnan(float{T(std::bit_cast<float>(0xff800001U))}));
  CHECK(T(std::bit_cast<float>(0xff800001U)).bits() > 0x8000);
  const std::int64_t least = limits<std::int64_t>::min();
  CHECK(T(least) == (std::same_as<T, tb::bfloat16> ? T(-0x1p63) : -limits<T>::infinity()));
  CHECK(T(limits<std::uint64_t>::max()) == T(0x1p64));
  CHECK(T(true) == 1);
  T x(1);
  x += 2;
  x *= 4;
  x -= 3;
  x /= 2;
  CHECK(x == 4.5);
}

TEST_CASE("random numbers are rounded as defined", "[low precision]") {
  std::mt19937_64 random(3);
  int errors = 0;
  const auto check = [&errors]<class T>(T, double x) {
    const double expected = nearest_by_definition<T>(x);
    if (std::abs(expected) > double{limits<T>::max()}) {
      errors += !std::isinf(float{T(x)});
    } else {
      errors += double{float{T(x)}} != expected;
    }
  };
  for (int k = 0; k < 100000; ++k) {
    const auto bits = random();
    const auto f = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    const double d =
        std::ldexp(1 + static_cast<double>(bits >> 12) * 0x1p-52, static_cast<int>(bits % 60) - 30);
    if (std::isfinite(f) && f != 0) {
      check(tb::bfloat16{}, f);
      check(tb::float16{}, f);
    }
    check(tb::bfloat16{}, d);
    check(tb::float16{}, -d);
  }
  CHECK(errors == 0);
}

#ifdef __FLT16_MAX__
TEST_CASE("float16 is the compiler's _Float16", "[low precision]") {
  using native = _Float16;
  int errors = 0;
  const auto same = [](tb::float16 a, native b) {
    return a.bits() == std::bit_cast<std::uint16_t>(b) ||
           (std::isnan(float{a}) && std::isnan(static_cast<float>(b)));
  };
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const auto n = std::bit_cast<native>(static_cast<std::uint16_t>(bits));
    const float ours = of_bits<tb::float16>(bits);
    const auto theirs = static_cast<float>(n);
    errors += !(ours == theirs || (std::isnan(ours) && std::isnan(theirs)));
  }
  std::mt19937_64 random(4);
  for (int k = 0; k < 300000; ++k) {
    auto bits = random();
    const auto f = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    errors += !same(tb::float16(f), static_cast<native>(f));
    bits = (bits & 0xbfffffffffffffffU) | 0x3c00000000000000U; // exponents near 0
    const auto d = std::bit_cast<double>(bits);
    errors += !same(tb::float16(d), static_cast<native>(d));
  }
  CHECK(errors == 0);
}
#endif
