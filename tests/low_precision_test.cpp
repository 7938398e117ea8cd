// bfloat16 and float16: every value, every tie and its neighbours; and 16-bit matrices in all
// formats.
#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tilebit/core/low_precision.hpp>
#include <tilebit/inspect.hpp>
#include <tilebit/io/matrix_market.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using generators::source;

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

/// A matrix in every format and lazily transposed ones.
template <class T, class F>
void for_each_format(const tb::coo_matrix<T>& a, source& from, F&& f) {
  f(a);
  f(generators::shuffled(a, from));
  f(tb::to_csr(a));
  f(tb::to_bitmap(a));
  f(tb::optimize(a));
  const auto t = tb::to_coo(tb::to_csr(tb::transposed(a)));
  f(tb::transposed(t));
  f(tb::transposed(tb::to_csr(t)));
  f(tb::transposed(tb::to_bitmap(t)));
  f(tb::transposed(tb::optimize(t)));
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

TEMPLATE_TEST_CASE("products of 16-bit matrices are summed in float and rounded once",
                   "[low precision]", tb::bfloat16, tb::float16) {
  using T = TestType;
  source from(51);
  for (const auto& size : {std::pair{0, 5}, {7, 1}, {33, 70}, {70, 33}, {4, 600}}) {
    const int m = size.first;
    const int n = size.second;
    CAPTURE(m, n);
    generators::triples<T, std::int32_t> t;
    for (int i = 0; i < m; ++i) {
      for (int j = 0; j < n; ++j) {
        if (from.below(3) == 0) t.add(i, j, from.template small<T>());
      }
    }
    const auto a = std::move(t).matrix(m, n);
    const auto x = generators::small_vector<T>(n, from);
    const auto y0 = generators::small_vector<T>(m, from);
    std::vector<float> sums(y0.size()); // of small integers, exact
    for (const auto e : tb::entries(a)) {
      sums[static_cast<std::size_t>(e.row)] += e.value * x[static_cast<std::size_t>(e.col)];
    }
    constexpr int width = 37;
    const tb::dense_matrix<T> b(generators::small_vector<T>(n * width, from), {n, width});
    const tb::dense_matrix<T, tb::col_major> c0(generators::small_vector<T>(m * width, from),
                                                {m, width});
    const auto bias = generators::small_vector<float>(m, from);
    tb::dense_matrix<float> sums_of_c({m, width});
    for (const auto e : tb::entries(a)) {
      for (int j = 0; j < width; ++j) sums_of_c(e.row, j) += e.value * b(e.col, j);
    }
    for_each_format(a, from, [&](const auto& f) {
      auto y = y0;
      tb::multiply(f, x, y);
      bool right = true;
      for (std::size_t i = 0; i < y.size(); ++i) right = right && y[i] == T(sums[i]);
      tb::multiply(tb::par, tb::scaled(2, f), x, tb::scaled(T(-3), y0), y);
      for (std::size_t i = 0; i < y.size(); ++i) {
        right = right && y[i] == T(2 * sums[i] - 3 * y0[i]);
      }
      CHECK(right);
      tb::dense_matrix<T> c({m, width});
      tb::multiply(f, b, tb::scaled(0.5, c0), c, tb::epilogue(tb::bias(bias), tb::relu));
      std::int64_t wrong = 0;
      for (int i = 0; i < m; ++i) {
        for (int j = 0; j < width; ++j) {
          const float sum = sums_of_c(i, j) + c0(i, j) / 2 + bias[static_cast<std::size_t>(i)];
          wrong += c(i, j) != T(std::max(sum, 0.0F));
        }
      }
      CHECK(wrong == 0);
      tb::multiply(tb::par, tb::scaled(0, f), b, tb::scaled(2, c0), c);
      for (int i = 0; i < m; ++i) wrong += c(i, 3) != 2 * c0(i, 3);
      CHECK(wrong == 0);
    });
  }
}

TEST_CASE("a row of many blocks is not rounded between them", "[low precision]") {
  constexpr std::int64_t n = 300000;
  generators::triples<tb::bfloat16, std::int32_t> t;
  for (std::int64_t j = 0; j < n; ++j) t.add(2, j, tb::bfloat16(1));
  t.add(3, 0, tb::bfloat16(5));
  const auto a = std::move(t).matrix(5, n);
  const std::vector<tb::bfloat16> x(n, tb::bfloat16(1));
  source from(52);
  for_each_format(a, from, [&](const auto& f) {
    for (const auto& policy : {tb::seq, tb::threads(2)}) {
      std::vector<tb::bfloat16> y(5);
      tb::multiply(policy, f, x, y);
      CHECK(y[2] == tb::bfloat16(n)); // in bfloat16 the sum would stay at 256
      CHECK(y[3] == 5);
    }
  });
}

TEMPLATE_TEST_CASE("16-bit matrices are converted, read and written", "[low precision]",
                   tb::bfloat16, tb::float16) {
  using T = TestType;
  source from(53);
  const auto a = generators::uniform<T>(23, 18, 30, from);
  for_each_format(a, from, [&](const auto& f) {
    CHECK(tb::to_csr(f) == tb::to_csr(a));
    CHECK(tb::to_bitmap(f) == tb::to_bitmap(a));
    CHECK(tb::to_dense(f) == tb::to_dense(a));
    CHECK(tb::analyze(f).bytes.coo == a.nnz() * 10);
  });
  CHECK(tb::to_bitmap(tb::to_dense(a), {.threshold = 0.5}).nnz() ==
        std::ranges::count_if(a.values(), [](float x) { return std::abs(x) > 0.5F; }));
  CHECK(tb::recommend(a).best == tb::format::csr);

  const tb::coo_matrix<T> twice({T(256), T(1), T(1), T(-1)}, {0, 0, 0, 1}, {1, 1, 1, 0}, {2, 2});
  CHECK(tb::to_csr(twice).values()[0] == 258); // not by way of 257
  CHECK(tb::to_csr(tb::scaled(2, twice)).values()[1] == -2);
  CHECK_THROWS_AS(tb::scaled(1e39, a), std::invalid_argument);
  CHECK_THROWS_AS(tb::scaled(std::numeric_limits<double>::max(), a), std::invalid_argument);
  CHECK(tb::scaled(T(0.5), tb::coo_matrix<double>()).alpha() == 0.5);
  CHECK_THROWS_AS(tb::scaled(T(0.5), tb::coo_matrix<int>()), std::invalid_argument);

  std::stringstream file;
  tb::write_matrix_market(file, a);
  CHECK(tb::read_matrix_market<T>(file) == a);
  const auto read = [](const char* value) {
    std::stringstream text(std::string("%%MatrixMarket matrix coordinate real skew-symmetric\n"
                                       "2 2 1\n2 1 ") +
                           value + "\n");
    return tb::read_matrix_market<T>(text);
  };
  CHECK(read("0.1").values()[0] == T(0.1));
  CHECK(read("0.1").values()[1] == -T(0.1));
  CHECK(read("1e-300").values()[0] == 0);
  CHECK(std::isinf(float{read("inf").values()[0]}));
  CHECK(oracle::contains(oracle::message_of<tb::parse_error>([&] { read("1e39"); }), "16 bits"));
}

TEST_CASE("a factor beyond float16 does not survive", "[low precision]") {
  const tb::coo_matrix<tb::float16> a({tb::float16(1)}, {0}, {0}, {1, 1});
  CHECK_THROWS_AS(tb::scaled(70000, a), std::invalid_argument);
  CHECK(tb::scaled(65504, a).alpha() == 65504);
}
