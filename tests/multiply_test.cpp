// Products of every format, lazy view, layout and instruction set against sums in a wider type; the
// same bits from any number of threads. What multiply refuses: multiply_contract_test.cpp.
#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"
#include "padded.hpp"

namespace tb = tilebit;
using generators::source;
using padded_dense::padded;
using padded_dense::same_bits;

namespace {

/// Types of an entry.
template <class T, class I>
struct element {
  using value = T;
  using index = I;
};

/// Overwriting, updating, in place; all of them within the bound.
template <class A>
void check_spmv(const A& a, source& from) {
  using T = typename A::scalar_type;
  const auto x = generators::vector<T>(a.cols(), from);
  const auto y0 = generators::vector<T>(a.rows(), from);
  const T alpha = from.small<T>() + T{10};
  const T beta = from.value<T>();
  std::vector<T> y(y0.size(), T{99});
  tb::multiply(a, x, y);
  oracle::check_spmv(a, x, y);
  tb::multiply(a, x, y0, y);
  oracle::check_spmv(a, x, y, T{1}, T{1}, y0);
  tb::multiply(tb::scaled(alpha, a), x, tb::scaled(beta, y0), y);
  oracle::check_spmv(a, x, y, alpha, beta, y0);
  auto in_place = y0;
  tb::multiply(tb::scaled(alpha, a), x, tb::scaled(beta, in_place), in_place);
  CHECK(same_bits(in_place, y));
}

template <class LayoutB, class LayoutC, class A>
void check_spmm(const A& a, std::int64_t n, source& from) {
  CAPTURE(n);
  using T = typename A::scalar_type;
  const padded<T, LayoutB> b(a.cols(), n, from.below(3), from);
  const padded<T, LayoutC> c0(a.rows(), n, from.below(3), from);
  padded<T, LayoutC> c(a.rows(), n, 1 + from.below(3));
  const T alpha = from.small<T>() + T{10};
  const T beta = from.value<T>();
  tb::multiply(a, b.view, c.view);
  oracle::check_spmm(a, b.view, c.view);
  tb::multiply(tb::scaled(alpha, a), b.view, tb::scaled(beta, c0.view), c.view);
  oracle::check_spmm(a, b.view, c.view, alpha, beta, c0.view);
  CHECK(c.padding_survives());
  padded<T, LayoutC> in_place(c0);
  tb::multiply(tb::scaled(alpha, a), b.view, tb::scaled(beta, in_place.view), in_place.view);
  oracle::check_spmm(a, b.view, in_place.view, alpha, beta, c0.view);
  CHECK(in_place.padding_survives());
}

/// Calls f for a in every format.
template <class T, class I, class F>
void for_each_format(const tb::coo_matrix<T, I>& a, source& from, F&& f) {
  f(generators::shuffled(a, from));
  f(tb::to_csr(a));
  f(tb::to_csr<I, std::int32_t>(a));
  f(tb::to_bitmap(a));
  f(tb::optimize(a));
}

template <class T, class I>
std::vector<tb::coo_matrix<T, I>> examples(source& from) {
  return {
      generators::uniform<T, I>(37, 29, 20, from),   generators::uniform<T, I>(16, 64, 100, from),
      generators::banded<T, I>(45, 45, 2, from),     generators::giant_row<T, I>(21, 130, from),
      generators::blocks<T, I>(33, 22, from),        generators::empty_rows<T, I>(50, 31, from),
      generators::uniform<T, I>(1, 70, 30, from),    generators::uniform<T, I>(70, 1, 30, from),
      generators::tiny_rows<T, I>(71, 23, from),     generators::tiny_rows<T, I>(68, 9, from),
      generators::equal_rows<T, I>(67, 31, 5, from), generators::equal_rows<T, I>(66, 60, 10, from),
      generators::scattered<T, I>(20, 20, 300, from)};
}

template <class T, class I>
void check_all_spmv() {
  source from(11);
  for (const auto& a : examples<T, I>(from)) {
    CAPTURE(a.rows(), a.cols(), a.nnz());
    for_each_format(a, from, [&](const auto& m) {
      oracle::at_every_isa([&] {
        check_spmv(m, from);
        check_spmv(tb::transposed(m), from);
        check_spmv(tb::conjugated(m), from);
        check_spmv(tb::conjugated(tb::transposed(m)), from);
      });
    });
  }
}

template <class T, class I, class LayoutB, class LayoutC>
void check_all_spmm() {
  source from(12);
  const auto a = generators::uniform<T, I>(19, 23, 20, from);
  for_each_format(a, from, [&](const auto& m) {
    oracle::at_every_isa([&] {
      for (const int n : {0, 1, 2, 7, 8, 31, 32, 33, 65}) {
        check_spmm<LayoutB, LayoutC>(m, n, from);
        check_spmm<LayoutB, LayoutC>(tb::conjugated(tb::transposed(m)), n, from);
      }
      check_spmm<LayoutB, LayoutC>(tb::conjugated(m), 33, from);
      check_spmm<LayoutB, LayoutC>(tb::transposed(m), 9, from);
    });
  });
}

} // namespace

TEMPLATE_TEST_CASE("SpMV of every format and lazy view keeps the error bound", "[multiply]",
                   (element<float, std::int32_t>), (element<float, std::int64_t>),
                   (element<double, std::int32_t>), (element<double, std::int64_t>),
                   (element<std::complex<double>, std::int32_t>),
                   (element<std::int32_t, std::int64_t>)) {
  check_all_spmv<typename TestType::value, typename TestType::index>();
}

// Of real floating-point types there are more in spmm_test.cpp.
TEMPLATE_TEST_CASE("SpMM of every format and lazy view keeps the error bound", "[multiply]",
                   (element<float, std::int32_t>), (element<std::complex<double>, std::int32_t>),
                   (element<std::int32_t, std::int64_t>)) {
  check_all_spmm<typename TestType::value, typename TestType::index, tb::row_major,
                 tb::row_major>();
}

TEST_CASE("SpMM of every format and layout keeps the error bound", "[multiply]") {
  using complex = std::complex<double>;
  check_all_spmm<complex, std::int32_t, tb::row_major, tb::col_major>();
  check_all_spmm<complex, std::int32_t, tb::col_major, tb::row_major>();
  check_all_spmm<complex, std::int32_t, tb::col_major, tb::col_major>();
}

TEST_CASE("the addend of SpMM may have another layout than C", "[multiply]") {
  source from(13);
  const auto a = tb::to_bitmap(generators::uniform<double>(9, 11, 40, from));
  const padded<double, tb::row_major> b(11, 5, 2, from);
  const padded<double, tb::col_major> c0(9, 5, 1, from);
  padded<double, tb::row_major> c(9, 5, 3);
  tb::multiply(a, b.view, tb::scaled(3, c0.view), c.view);
  oracle::check_spmm(a, b.view, c.view, 1.0, 3.0, c0.view);
  tb::multiply(tb::transposed(tb::transposed(a)), b.view, c0.view, c.view);
  oracle::check_spmm(a, b.view, c.view, 1.0, 1.0, c0.view);
  CHECK(c.padding_survives());
}

TEST_CASE("nested lazy views and temporaries multiply as written", "[multiply]") {
  using C = std::complex<double>;
  source from(14);
  const auto a = generators::uniform<C>(8, 6, 50, from);
  const auto x = generators::small_vector<C>(8, from);
  const C factor(0, 2);
  const auto hermitian = tb::to_coo(tb::conjugated(tb::transposed(a)));
  std::vector<C> y(6);
  tb::multiply(tb::scaled(factor, tb::conjugated(tb::transposed(tb::to_csr(a)))), x, y);
  oracle::check_spmv(hermitian, x, y, factor);
  tb::multiply(tb::transposed(tb::conjugated(tb::scaled(std::conj(factor), tb::to_bitmap(a)))), x,
               y);
  oracle::check_spmv(hermitian, x, y, factor);
  tb::multiply(tb::scaled(2, tb::scaled(0.5, tb::transposed(tb::transposed(hermitian.view())))), x,
               y);
  oracle::check_spmv(hermitian, x, y);
}

TEST_CASE("vectors may be spans and arrays", "[multiply]") {
  const tb::csr_matrix<double> a({2, 7, 5}, {0, 2, 3}, {0, 2, 1}, {2, 3});
  const std::array<double, 3> x{1, 10, 100};
  double y[2] = {};
  tb::multiply(a, x, y);
  CHECK(y[0] == 702);
  CHECK(y[1] == 50);
  std::array<double, 4> z{-1, -1, -1, -1};
  tb::multiply(a, std::span(x), y, std::span(z).subspan(1, 2));
  CHECK(z == std::array<double, 4>{-1, 1404, 100, -1});
  multiply(tb::par, a, x, tb::scaled(2, y), y); // found without tb:: through its arguments
  CHECK(y[0] == 2106);
}

TEMPLATE_TEST_CASE("any number of threads gives the same bits", "[multiply]", float, double) {
  using T = TestType;
  source from(15);
  auto entries = generators::triples_of(generators::scattered<T>(3001, 2999, 40000, from));
  for (std::int64_t j = 0; j < 2999; ++j) entries.add(1500, j, from.value<T>()); // a giant row
  const auto a = std::move(entries).matrix(3001, 2999);
  const auto check = [&](const auto& m) {
    const auto x = generators::vector<T>(m.cols(), from);
    const auto y0 = generators::vector<T>(m.rows(), from);
    const padded<T, tb::row_major> b(m.cols(), 5, 1, from);
    std::vector<T> y(y0.size());
    padded<T, tb::row_major> c(m.rows(), 5, 2);
    tb::multiply(tb::seq, m, x, tb::scaled(T(0.3), y0), y);
    tb::multiply(tb::seq, m, b.view, c.view);
    oracle::check_spmv(m, x, y, T{1}, T(0.3), y0);
    for (const auto& policy : {tb::threads(1), tb::threads(2), tb::threads(3), tb::par}) {
      std::vector<T> other(y.size());
      padded<T, tb::row_major> other_c(m.rows(), 5, 2);
      tb::multiply(policy, m, x, tb::scaled(T(0.3), y0), other);
      CHECK(same_bits(other, y));
      tb::multiply(policy, m, b.view, other_c.view);
      CHECK(same_bits(other_c.memory, c.memory));
    }
  };
  oracle::at_every_isa([&] {
    check(a);
    check(tb::to_csr(a));
    check(tb::to_bitmap(a));
    check(tb::optimize(a));
    check(tb::transposed(tb::to_csr(a)));
    check(tb::transposed(tb::to_bitmap(a)));
  });
}

TEMPLATE_TEST_CASE("entries in any order multiply as runs of a row or one by one", "[multiply]",
                   float, double) {
  using T = TestType;
  source from(23);
  const auto check = [&](const auto& a) {
    auto x = generators::vector<T>(a.cols(), from);
    const auto y0 = generators::vector<T>(a.rows(), from);
    std::vector<T> y(y0.size());
    tb::multiply(a, x, tb::scaled(T(0.3), y0), y);
    oracle::check_spmv(a, x, y, T{1}, T(0.3), y0);
    for (const int threads : {2, 5}) {
      std::vector<T> other(y.size());
      tb::multiply(tb::threads(threads), a, x, tb::scaled(T(0.3), y0), other);
      CHECK(same_bits(other, y));
    }
    x[7] = std::numeric_limits<T>::infinity(); // of a column that row 20 alone has
    std::vector<T> infinite(y.size());
    tb::multiply(a, x, tb::scaled(T(0.3), y0), infinite);
    CHECK(infinite[20] == x[7]);
    infinite[20] = y[20];
    CHECK(same_bits(infinite, y));
  };
  const auto check_orders = [&]<class I>(I) {
    // Runs of up to 200 entries, with one to three of rows of few in between.
    for (const std::int64_t last_run : {1, 2, 3, 4, 5, 70}) {
      generators::triples<T, I> t;
      for (std::int64_t i = 0; i < 60; ++i) {
        const std::int64_t n = i == 59 ? last_run : i % 5 == 4 ? 1 + i % 3 : 1 + from.below(200);
        for (std::int64_t k = 0; k < n; ++k) {
          const std::int64_t j = from.below(300);
          if (j != 7) t.add(i, j, from.value<T>());
        }
        if (i == 20) t.add(i, 7, T{2});
      }
      const auto a = std::move(t).matrix(60, 300);
      check(a);
      check(generators::column_ordered(a));
      const auto scattered = generators::shuffled(a, from);
      check(scattered);
      auto both = generators::triples_of(a); // first in order, then not
      const auto rest = generators::triples_of(scattered);
      for (std::size_t k = 0; k < rest.values.size(); ++k) {
        if (rest.cols[k] == 7) continue;
        both.add(static_cast<std::int64_t>(rest.rows[k]), static_cast<std::int64_t>(rest.cols[k]),
                 rest.values[k]);
      }
      check(std::move(both).matrix(60, 300));
    }
  };
  oracle::at_every_isa([&] {
    check_orders(std::int32_t{});
    check_orders(std::int64_t{});
  });
}

TEST_CASE("lengths of rows that repeat themselves are foreseen", "[multiply]") {
  std::vector<std::int64_t> offsets(1);
  for (int i = 0; i < 300; ++i) offsets.push_back(offsets.back() + (i % 5 == 0 ? 300 : i % 5));
  CHECK(tb::kernels::foreseen_lengths(offsets.data(), 0, 300) > 0.8);
  CHECK(tb::kernels::foreseen_lengths(offsets.data(), 290, 290) == 1);
  source from(23);
  offsets.resize(1);
  for (int i = 0; i < 300; ++i) offsets.push_back(offsets.back() + from.below(10));
  CHECK(tb::kernels::foreseen_lengths(offsets.data(), 100, 300) < 0.3);
}

TEMPLATE_TEST_CASE("transposed rows of any lengths are multiplied by their products", "[multiply]",
                   (element<float, std::int32_t>), (element<double, std::int64_t>)) {
  using T = typename TestType::value;
  using I = typename TestType::index;
  const bool longer = GENERATE(false, true);
  source from(24);
  const std::int64_t m = tb::kernels::most_remembered_rows + 5, n = longer ? 240 : 61;
  generators::triples<T, I> entries;
  for (std::int64_t i = 0; i < m; ++i) {
    const std::int64_t step = 3 + from.below(longer ? 30 : 60); // 7 to 80 entries, or 0 to 21
    for (std::int64_t j = from.below(step); j < n; j += step) entries.add(i, j, from.value<T>());
  }
  const auto a = tb::to_csr(std::move(entries).matrix(m, n));
  REQUIRE(a.nnz() <= (longer ? 28 : 16) * m);
  REQUIRE((a.nnz() > 16 * m) == longer);
  for (std::int64_t first = 0; first + 128 <= m; first += 128) {
    REQUIRE(tb::kernels::foreseen_lengths(a.row_offsets().data(), first, m) < (longer ? 0.1 : 0.5));
  }
  const std::vector<std::int32_t> offsets(a.row_offsets().begin(), a.row_offsets().end());
  const tb::csr_view<const T, I, std::int32_t> narrow(a.values(), offsets, a.col_indices(), {m, n});
  auto x = generators::vector<T>(m, from);
  const auto y0 = generators::vector<T>(n, from);
  std::vector<T> y(y0.size()), other(y0.size());
  oracle::at_every_isa([&] {
    tb::multiply(tb::seq, tb::transposed(a), x, y);
    oracle::check_spmv(tb::transposed(a), x, y);
    tb::multiply(tb::seq, tb::transposed(narrow), x, other);
    oracle::check_spmv(tb::transposed(a), x, other);
    tb::multiply(tb::seq, tb::scaled(2, tb::transposed(a)), x, tb::scaled(T(0.5), y0), y);
    oracle::check_spmv(tb::transposed(a), x, y, T{2}, T(0.5), y0);
    for (const auto& policy : {tb::threads(2), tb::threads(3)}) {
      tb::multiply(policy, tb::scaled(2, tb::transposed(a)), x, tb::scaled(T(0.5), y0), other);
      CHECK(same_bits(other, y));
    }
  });
  // What is multiplied beyond the end of a row belongs to nobody.
  const std::int64_t few = longer ? 8 : 3;
  std::int64_t row = 1000;
  while (a.row_offsets()[static_cast<std::size_t>(row) + 1] -
             a.row_offsets()[static_cast<std::size_t>(row)] !=
         few) {
    ++row;
  }
  x[static_cast<std::size_t>(row)] = std::numeric_limits<T>::infinity();
  oracle::at_every_isa([&] {
    tb::multiply(tb::transposed(a), x, y);
    CHECK(std::count_if(y.begin(), y.end(), [](T v) { return !std::isfinite(v); }) == few);
  });
}

TEMPLATE_TEST_CASE("transposed rows that come from memory are multiplied like others", "[multiply]",
                   float, double) {
  using T = TestType;
  source from(25);
  const std::int64_t m = sizeof(T) == 4 ? 40000 : 30000, n = 2000;
  std::vector<std::int64_t> offsets(1);
  std::vector<std::int32_t> cols;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = from.below(90); j < n; j += 1 + from.below(90)) {
      cols.push_back(static_cast<std::int32_t>(j));
    }
    offsets.push_back(std::ssize(cols));
  }
  const auto values = generators::small_vector<T>(std::ssize(cols), from);
  const tb::csr_view<const T, std::int32_t> a(values, offsets, cols, {m, n});
  REQUIRE(tb::detail::comes_from_far(a.nnz() * static_cast<std::int64_t>(sizeof(T) + 4)));
  REQUIRE(a.nnz() > 28 * m);
  const auto x = generators::small_vector<T>(m, from); // whose sums are exact
  std::vector<T> expected(static_cast<std::size_t>(n)), y(expected.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (auto k = static_cast<std::size_t>(offsets[i]); std::int64_t(k) < offsets[i + 1]; ++k) {
      expected[static_cast<std::size_t>(cols[k])] += values[k] * x[i];
    }
  }
  oracle::at_every_isa([&] {
    tb::multiply(tb::transposed(a), x, y);
    CHECK(y == expected);
  });
}

TEMPLATE_TEST_CASE("calls that go through blocks back and forth give the same bits", "[multiply]",
                   float, double) {
  using T = TestType;
  const tb::kernels::back_and_forth one(5), other(5);
  for (int k = 0; k < 5; ++k) CHECK(one[k] == 4 - other[k]);
  CHECK((one[0] == 0) != (other[0] == 0));

  source from(17);
  auto entries = generators::triples_of(generators::scattered<T>(901, 2999, 120000, from));
  for (std::int64_t j = 0; j < 2999; ++j) entries.add(500, j, from.value<T>()); // a giant row
  const auto a = std::move(entries).matrix(901, 2999);
  const auto x = generators::vector<T>(a.cols(), from);
  const auto check = [&](const auto& m) {
    std::vector<T> y(static_cast<std::size_t>(a.rows())), again(y.size());
    tb::multiply(m, x, y);
    oracle::check_spmv(m, x, y);
    for (int calls = 0; calls < 3; ++calls) {
      std::fill(again.begin(), again.end(), T{});
      tb::multiply(tb::threads(1 + calls), m, x, again);
      CHECK(same_bits(again, y));
    }
  };
  const auto csr = tb::to_csr(a);
  CHECK(tb::kernels::block_list(csr.view()).count() > 2);
  oracle::at_every_isa([&] {
    check(a);
    check(csr);
    check(tb::to_bitmap(a));
    check(tb::optimize(a));
  });
}

TEMPLATE_TEST_CASE("bits of a row do not depend on the rows beside it", "[multiply]", float,
                   double) {
  using T = TestType;
  source from(21);
  const std::int64_t m = 71, n = 500;
  auto entries = generators::triples_of(generators::tiny_rows<T>(m, n, from));
  entries.values.front() = T{0}; // whose product is a zero of either sign
  const auto few = tb::to_csr(decltype(entries)(entries).matrix(m, n));
  for (std::int64_t j = 0; j < n; ++j) entries.add(m, j, from.value<T>());
  const auto many = tb::to_csr(std::move(entries).matrix(m + 1, n)); // no longer of tiny rows
  auto x = generators::vector<T>(n, from);
  for (T& value : x) value = -std::abs(value);
  oracle::at_every_isa([&] {
    std::vector<T> y(static_cast<std::size_t>(m)), longer(static_cast<std::size_t>(m + 1));
    tb::multiply(few, x, y);
    tb::multiply(many, x, longer);
    longer.pop_back();
    CHECK(same_bits(y, longer));
  });
}

TEMPLATE_TEST_CASE("bits of a row do not depend on whether others are as long", "[multiply]", float,
                   double) {
  using T = TestType;
  source from(22);
  for (const std::int64_t entries : {4, 5, 6, 7, 9, 10, 13, 14, 17, 18}) {
    CAPTURE(entries);
    const std::int64_t m = 71, n = 90;
    const auto equal = tb::to_csr(generators::equal_rows<T>(m, n, entries, from));
    generators::triples<T, std::int32_t> apart; // the same rows, with empty ones between them
    for (const auto e : tb::entries(equal)) apart.add(2 * e.row, e.col, e.value);
    const auto other = tb::to_csr(std::move(apart).matrix(2 * m, n));
    generators::triples<T, std::int32_t> few; // the same rows, one of eight cut short
    for (const auto e : tb::entries(equal)) {
      if (e.row % 8 != 5 || e.col < 40) few.add(e.row, e.col, e.value);
    }
    const auto mostly_equal = tb::to_csr(std::move(few).matrix(m, n));
    const auto x = generators::vector<T>(n, from);
    std::vector<T> z(static_cast<std::size_t>(2 * m));
    oracle::at_every_isa([&] {
      std::vector<T> y(static_cast<std::size_t>(m)), every_second(y.size());
      tb::multiply(equal, x, y);
      tb::multiply(other, x, z);
      for (std::size_t i = 0; i < y.size(); ++i) every_second[i] = z[2 * i];
      CHECK(same_bits(y, every_second));
      std::vector<T> sums(x.size()), other_sums(x.size());
      tb::multiply(tb::transposed(equal), y, sums);
      oracle::check_spmv(tb::transposed(equal), y, sums);
      tb::multiply(tb::transposed(other), z, other_sums);
      CHECK(same_bits(sums, other_sums));
      check_spmv(tb::transposed(mostly_equal), from);
    });
  }
}

TEMPLATE_TEST_CASE("updates give equal rows equal bits, wherever they lie", "[multiply]", float,
                   double) {
  using T = TestType;
  source from(23);
  const std::int64_t m = 23, n = 90; // the last rows are no whole four
  for (const std::int64_t entries : {1, 2, 5, 7}) {
    CAPTURE(entries);
    generators::triples<T, std::int32_t> t;
    for (std::int64_t k = 0; k < entries; ++k) {
      const T value = from.value<T>();
      for (std::int64_t i = 0; i < m; ++i) t.add(i, 3 * k, value);
    }
    const auto a = std::move(t).matrix(m, n);
    const auto x = generators::vector<T>(n, from);
    const std::vector<T> b(static_cast<std::size_t>(m), from.value<T>());
    const auto check = [&](const auto& matrix) {
      auto y = b;
      tb::multiply(tb::scaled(T(0.3), matrix), x, tb::scaled(T(0.7), y), y);
      CHECK(same_bits(y, std::vector<T>(b.size(), y[0])));
    };
    oracle::at_every_isa([&] {
      check(tb::to_csr(a));
      check(tb::to_bitmap(a));
      check(tb::optimize(a));
    });
  }
}

// Kernels take rows of full tiles apart from others only where nearly all tiles are full.
TEMPLATE_TEST_CASE("full tiles multiply with the bits that they have among others", "[multiply]",
                   float, double) {
  using T = TestType;
  source from(23);
  // The last rows are of one tile, because AVX2 adds up the last 16 elements apart.
  const std::int64_t tiles[] = {1, 2, 3, 15, 16, 17, 40, 0, 5, 18, 40, 33, 1, 1};
  const std::int64_t m = 4 * std::ssize(tiles) - 1, n = 162; // a last row and columns over the edge
  const auto blocks =
      generators::where<T, std::int32_t>(m, n, from, [&](std::int64_t i, std::int64_t j) {
        const std::int64_t in_row = tiles[i / 4];
        const bool hole = i == 17 && j == 100; // in a long row that is otherwise full
        return !hole && (in_row == 18 ? j > 90 : j < 4 * in_row);
      });
  auto entries = generators::triples_of(blocks);
  for (std::int64_t i = 0; i < 400; ++i) entries.add(m + 1 + i, from.below(n), from.value<T>());
  const auto full = tb::to_bitmap(blocks);
  const auto thin = tb::to_bitmap(std::move(entries).matrix(m + 401, n));
  const auto fill_of = [](const auto& a) {
    return static_cast<double>(a.nnz()) / static_cast<double>(a.bitmaps().size());
  };
  REQUIRE(tb::detail::nearly_full(fill_of(full)));
  REQUIRE_FALSE(tb::detail::nearly_full(fill_of(thin)));
  const auto x = generators::vector<T>(n, from);
  oracle::at_every_isa([&] {
    check_spmv(full, from);
    check_spmv(tb::transposed(full), from);
    std::vector<T> y(static_cast<std::size_t>(m)), longer(static_cast<std::size_t>(m + 401));
    tb::multiply(full, x, y);
    tb::multiply(thin, x, longer);
    longer.resize(y.size());
    CHECK(same_bits(y, longer));
  });
}

TEST_CASE("products are linear in x, in A and in the factors", "[multiply]") {
  source from(16);
  const auto a = tb::to_bitmap(generators::scattered<double>(40, 50, 500, from));
  const auto x1 = generators::small_vector<double>(50, from);
  const auto x2 = generators::small_vector<double>(50, from);
  auto sum = x1;
  for (std::size_t k = 0; k < sum.size(); ++k) sum[k] = 2 * x1[k] - 3 * x2[k];
  std::vector<double> expected(40);
  std::vector<double> y(40);
  tb::multiply(a, sum, expected);
  tb::multiply(tb::scaled(2, a), x1, y);
  tb::multiply(tb::scaled(-3, a), x2, y, y);
  CHECK(y == expected);
}

TEST_CASE("empty matrices multiply, too", "[multiply]") {
  for (const tb::shape s : {tb::shape(0, 5), tb::shape(5, 0), tb::shape(0, 0), tb::shape(5, 6)}) {
    CAPTURE(s.rows(), s.cols());
    source from(17);
    for_each_format(tb::coo_matrix<double>(s), from, [&](const auto& m) {
      const auto m_rows = static_cast<std::size_t>(s.rows());
      constexpr double inf = std::numeric_limits<double>::infinity();
      constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
      using reals = std::vector<double>;
      using matrix = tb::dense_matrix<double>;
      const reals x(static_cast<std::size_t>(s.cols()), inf);
      reals y(m_rows, nan_value);
      tb::multiply(tb::par, m, x, y);
      CHECK(y == reals(m_rows, 0.0));
      y.assign(m_rows, 3.0);
      tb::multiply(m, x, tb::scaled(-1, y), y);
      CHECK(y == reals(m_rows, -3.0));
      for (const std::int64_t n : {0, 3}) {
        matrix c(reals(m_rows * static_cast<std::size_t>(n), nan_value), {s.rows(), n});
        tb::multiply(tb::par, m, matrix({s.cols(), n}), c, tb::bias(y));
        CHECK(c == matrix(reals(c.values().size(), -3.0), {s.rows(), n}));
      }
    });
  }
  CHECK_NOTHROW(
      tb::multiply(tb::bitmap_matrix<double>(), std::vector<double>{}, std::span<double>()));
  CHECK_NOTHROW(tb::multiply(tb::csr_view<double>(), std::vector<double>{}, std::span<double>()));
}
