// The contract of multiply beyond numbers: special values, what is left unread, mismatched shapes,
// overlaps, epilogues.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using generators::source;
using oracle::contains;
using oracle::message_of;

namespace {

using reals = std::vector<double>;
using matrix = tb::dense_matrix<double>;
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

template <class F>
void for_each_format(const tb::coo_matrix<double>& a, F&& f) {
  oracle::at_every_isa([&] {
    f(a);
    f(tb::to_csr(a));
    f(tb::to_bitmap(a));
    f(tb::to_bitmap_grid(a));
    f(tb::optimize(a));
    const auto b = tb::to_coo(tb::to_csr(tb::transposed(a)));
    f(tb::transposed(b));
    f(tb::transposed(tb::to_csr(b)));
    f(tb::transposed(tb::to_bitmap(b)));
  });
}

/// A 3x4 matrix with one entry per row.
tb::coo_matrix<double> small() {
  return {{1, 2, 3}, {0, 1, 2}, {3, 0, 1}, {3, 4}};
}

template <class F>
void check_message(F&& f, const char* text) {
  const std::string message = message_of<tb::dimension_mismatch>(f);
  CAPTURE(message);
  CHECK(contains(message, text));
}

/// f must throw and leave the memory as it was.
template <class T, class F>
void check_overlap(std::vector<T>& memory, const char* text, F&& f) {
  const auto before = memory;
  const std::string message = message_of<std::invalid_argument>(f);
  CAPTURE(message);
  CHECK(contains(message, text));
  CHECK(memory == before);
}

double twice(double x) {
  return 2 * x;
}

} // namespace

TEST_CASE("beta = 0 overwrites NaN, alpha = 0 leaves A and x unread", "[multiply]") {
  source from(20);
  const auto a = generators::uniform<double>(13, 10, 30, from);
  auto poisoned = a;
  for (double& x : poisoned.values()) x = not_a_number;
  const reals nans(13, not_a_number);
  const matrix nan_matrix(reals(130, not_a_number), {13, 10});
  for_each_format(a, [&](const auto& m) {
    const auto x = generators::vector<double>(10, from);
    auto y = nans;
    tb::multiply(m, x, y);
    oracle::check_spmv(m, x, y);
    y = nans;
    tb::multiply(tb::scaled(2, m), x, tb::scaled(0, y), y);
    oracle::check_spmv(m, x, y, 2.0);
    const matrix b(generators::vector<double>(100, from), {10, 10});
    auto c = nan_matrix;
    tb::multiply(m, b, tb::scaled(0.0, nan_matrix), c);
    oracle::check_spmm(m, b, c);
  });
  for_each_format(poisoned, [&](const auto& m) {
    const reals x(10, not_a_number);
    reals y(13, 4.0);
    tb::multiply(tb::scaled(0, m), x, tb::scaled(0.5, y), y);
    CHECK(y == reals(13, 2.0));
    y = nans;
    tb::multiply(tb::scaled(0, m), x, y);
    CHECK(y == reals(13, 0.0));
    const matrix b(reals(100, inf), {10, 10});
    matrix c(reals(130, 4.0), {13, 10});
    tb::multiply(tb::scaled(0, m), b, tb::scaled(0.5, c), c, twice);
    CHECK(c == matrix(reals(130, 4.0), {13, 10}));
    c = nan_matrix;
    tb::multiply(tb::scaled(0, m), b, c);
    CHECK(c == matrix({13, 10}));
  });
}

TEST_CASE("Inf and NaN in x reach only rows that store the column", "[multiply]") {
  source from(21);
  for (const auto& a :
       {generators::uniform<double>(22, 19, 30, from), generators::blocks<double>(22, 19, from)}) {
    const auto dense_pattern = tb::to_dense(a);
    for_each_format(a, [&](const auto& m) {
      std::int64_t wrong = 0;
      for (std::int64_t j = 0; j < 19; ++j) {
        reals x(19, 1.0);
        x[static_cast<std::size_t>(j)] = j % 2 == 0 ? inf : not_a_number;
        reals y(22);
        tb::multiply(m, x, y);
        matrix b(reals(38, 1.0), {19, 2});
        b(j, 1) = x[static_cast<std::size_t>(j)];
        matrix c({22, 2});
        tb::multiply(m, b, c);
        for (std::int64_t i = 0; i < 22; ++i) {
          const bool stored = dense_pattern(i, j) != 0;
          wrong += std::isfinite(y[static_cast<std::size_t>(i)]) == stored;
          wrong += std::isfinite(c(i, 1)) == stored;
          wrong += !std::isfinite(c(i, 0));
        }
      }
      CHECK(wrong == 0);
    });
  }
  // A stored zero does multiply.
  const tb::coo_matrix<double> zero({0, 1}, {0, 1}, {1, 0}, {2, 2});
  for_each_format(zero, [](const auto& m) {
    reals y(2);
    tb::multiply(m, reals{1, inf}, y);
    CHECK(std::isnan(y[0]));
    CHECK(y[1] == 1);
  });
}

TEST_CASE("shapes that do not conform are named with their sizes", "[multiply]") {
  for_each_format(small(), [](const auto& m) {
    reals x(4, 1.0);
    reals y(3, 7.0);
    reals five(5, 7.0);
    check_message([&] { tb::multiply(m, five, y); }, "multiply: A is 3x4, x has 5 elements");
    check_message([&] { tb::multiply(tb::par, m, x, five); }, "A is 3x4, y has 5 elements");
    check_message([&] { tb::multiply(m, x, y, five); }, "A is 3x4, z has 5 elements");
    check_message([&] { tb::multiply(m, x, five, y); }, "A is 3x4, y has 5 elements");
    check_message([&] { tb::multiply(tb::transposed(m), x, y); }, "A is 4x3, x has 4 elements");
    check_message([&] { tb::multiply(tb::scaled(0, m), five, y); }, "x has 5 elements");
    matrix b({4, 2});
    matrix c(reals(6, 7.0), {3, 2});
    matrix other(reals(10, 7.0), {5, 2});
    check_message([&] { tb::multiply(m, other, c); }, "multiply: A is 3x4, B is 5x2");
    check_message([&] { tb::multiply(m, b, other); }, "A is 3x4, B is 4x2, C is 5x2");
    check_message([&] { tb::multiply(m, b, matrix({3, 1}).view()); }, "B is 4x2, C is 3x1");
    check_message([&] { tb::multiply(m, b, other, c); }, "C is 3x2, the addend is 5x2");
    check_message([&] { tb::multiply(m, b, c, tb::bias(five)); }, "the bias has 5 elements");
    check_message(
        [&] { tb::multiply(m, b, c, tb::epilogue(tb::epilogue(tb::bias(five)), tb::relu)); },
        "the bias has 5 elements");
    check_message([&] { tb::multiply(m, b, c, tb::epilogue(tb::relu, tb::row_scale(x))); },
                  "C is 3x2, the row scale has 4 elements");
    CHECK(y == reals(3, 7.0));
    CHECK(five == reals(5, 7.0));
    CHECK(c == matrix(reals(6, 7.0), {3, 2}));
    CHECK(other == matrix(reals(10, 7.0), {5, 2}));
  });
  CHECK_THROWS_AS(tb::threads(0), std::invalid_argument);
  CHECK_THROWS_AS(tb::threads(-3), std::invalid_argument);
}

TEST_CASE("an output of SpMV must not overlap an input", "[multiply]") {
  const tb::coo_matrix<double> square({1, 2, 3}, {0, 1, 2}, {2, 0, 1}, {3, 3});
  reals memory{1, 2, 3, 4, 5, 6, 7};
  const auto at = [&](std::size_t k) { return std::span(memory).subspan(k, 3); };
  for_each_format(square, [&](const auto& m) {
    check_overlap(memory, "x overlaps", [&] { tb::multiply(m, at(1), at(1)); });
    check_overlap(memory, "x overlaps", [&] { tb::multiply(m, at(0), at(2)); });
    check_overlap(memory, "x overlaps", [&] { tb::multiply(m, at(4), at(2)); });
    check_overlap(memory, "y overlaps", [&] { tb::multiply(m, at(4), at(0), at(1)); });
    CHECK_NOTHROW(tb::multiply(tb::scaled(0, m), at(0), at(3), at(3)));
  });
  auto csr = tb::to_csr(square);
  CHECK_THROWS_AS(tb::multiply(csr, at(0), csr.values()), std::invalid_argument);
  CHECK(csr == tb::to_csr(square));

  std::vector<std::int32_t> cols{2, 0, 1};
  std::vector<std::int32_t> offsets{0, 1, 2, 3};
  const std::vector<std::int32_t> x{1, 2, 3};
  const tb::csr_view a(x, offsets, cols, {3, 3});
  std::vector<std::int32_t> y(3);
  check_overlap(cols, "column indices", [&] { tb::multiply(a, x, cols); });
  check_overlap(offsets, "row offsets", [&] { tb::multiply(a, x, std::span(offsets).last(3)); });
  check_overlap(cols, "column indices", [&] {
    tb::multiply(tb::coo_view(x, std::span(offsets).first(3), cols, {3, 3}), x, cols);
  });
  CHECK_NOTHROW(tb::multiply(a, x, y)); // x may be A's values
}

TEST_CASE("an output of SpMM must not overlap an input", "[multiply]") {
  const tb::coo_matrix<double> square({1, 2, 3}, {0, 1, 2}, {2, 0, 1}, {3, 3});
  reals memory(40);
  for (std::size_t k = 0; k < memory.size(); ++k) memory[k] = static_cast<double>(k);
  const auto rows = [&](int k) { return tb::dense_view(memory.data() + k, {3, 2}, 6); };
  const tb::dense_view<double, tb::col_major> columns(memory.data(), {3, 2});
  const auto a = tb::to_bitmap(square);
  check_overlap(memory, "B overlaps", [&] { tb::multiply(a, rows(0), rows(0)); });
  check_overlap(memory, "B overlaps", [&] { tb::multiply(a, rows(0), rows(1)); });
  check_overlap(memory, "B overlaps", [&] { tb::multiply(a, rows(7), rows(0)); });
  check_overlap(memory, "B overlaps", [&] { tb::multiply(a, rows(0), rows(5)); });
  check_overlap(memory, "B overlaps", [&] { tb::multiply(a, columns, rows(0)); });
  check_overlap(memory, "addend overlaps", [&] { tb::multiply(a, rows(20), rows(0), rows(1)); });
  check_overlap(memory, "addend overlaps", [&] { tb::multiply(a, rows(20), columns, rows(0)); });
  check_overlap(memory, "the bias overlaps",
                [&] { tb::multiply(a, rows(20), rows(0), tb::bias(std::span(memory).first(3))); });
  // Column blocks of one matrix interleave without meeting.
  for (const int k : {2, 3, 4}) {
    matrix expected({3, 2});
    tb::multiply(a, rows(0), expected);
    tb::multiply(a, rows(0), rows(k));
    CHECK(rows(k)(2, 1) == expected(2, 1));
    CHECK(rows(k)(0, 0) == expected(0, 0));
  }
}

TEST_CASE("epilogues are applied to every element, in order", "[multiply]") {
  source from(22);
  const auto a = generators::scattered<double>(23, 17, 90, from);
  const matrix b(generators::small_vector<double>(17 * 37, from), {17, 37});
  const matrix c0(generators::small_vector<double>(23 * 37, from), {23, 37});
  const auto v = generators::small_vector<double>(23, from);
  const auto s = generators::small_vector<double>(23, from);
  matrix plain({23, 37});
  tb::multiply(tb::to_csr(a), b, tb::scaled(2, c0), plain);
  const auto check = [&](const auto& step, auto&& f) {
    for_each_format(a, [&](const auto& m) {
      matrix expected({23, 37});
      for (std::int64_t i = 0; i < 23; ++i) {
        for (std::int64_t j = 0; j < 37; ++j)
          expected(i, j) = f(plain(i, j), static_cast<std::size_t>(i));
      }
      matrix c = c0;
      tb::multiply(m, b, tb::scaled(2, c0), c, step);
      CHECK(c == expected);
      c = c0;
      tb::multiply(tb::par, m, b, tb::scaled(2, c), c, step);
      CHECK(c == expected);
    });
  };
  check(tb::bias(v), [&](double x, std::size_t i) { return x + v[i]; });
  check(tb::row_scale(s), [&](double x, std::size_t i) { return x * s[i]; });
  check(tb::relu, [](double x, std::size_t) { return x < 0 ? 0 : x; });
  check([](double x) { return x * x; }, [](double x, std::size_t) { return x * x; });
  check([](auto x) { return -x; }, [](double x, std::size_t) { return -x; });
  check(&twice, [](double x, std::size_t) { return 2 * x; });
  check(tb::epilogue<>(), [](double x, std::size_t) { return x; });
  check(tb::epilogue(tb::row_scale(s), tb::bias(v), tb::relu),
        [&](double x, std::size_t i) { return std::max(x * s[i] + v[i], 0.0); });
  check(tb::epilogue(tb::epilogue(tb::bias(v), tb::relu), tb::row_scale(s)),
        [&](double x, std::size_t i) { return std::max(x + v[i], 0.0) * s[i]; });
  check([](std::int64_t i, double x) { return x + static_cast<double>(i); },
        [](double x, std::size_t i) { return x + static_cast<double>(i); });
  check([](double x, double slope = 0.5) { return x < 0 ? slope * x : x; }, // not of (row, x)
        [](double x, std::size_t) { return x < 0 ? 0.5 * x : x; });
  check(tb::epilogue(tb::bias(v), &twice, tb::row_scale(s)),
        [&](double x, std::size_t i) { return 2 * (x + v[i]) * s[i]; });
  matrix c({23, 37});
  tb::multiply(a, b, c, tb::epilogue(tb::row_scale(reals(23, 0.0)), tb::bias(v)));
  CHECK(c(22, 36) == v[22]);
}

TEST_CASE("relu keeps NaN, gelu is the exact form, both in float and for integers", "[multiply]") {
  const tb::csr_matrix<float> identity({1, 1, 1}, {0, 1, 2, 3}, {0, 1, 2}, {3, 3});
  const tb::dense_matrix<float> b({-1.5F, 0.75F, std::numeric_limits<float>::quiet_NaN()}, {3, 1});
  tb::dense_matrix<float> c({3, 1});
  tb::multiply(identity, b, c, tb::relu);
  CHECK(c(0, 0) == 0);
  CHECK(c(1, 0) == 0.75F);
  CHECK(std::isnan(c(2, 0)));
  tb::multiply(identity, b, c, tb::gelu);
  for (const int i : {0, 1}) {
    const double x = static_cast<double>(b(i, 0));
    const double exact = 0.5 * x * std::erfc(-x / std::sqrt(2.0));
    CHECK(std::abs(static_cast<double>(c(i, 0)) - exact) < 1e-6);
  }
  const tb::coo_matrix<int> a({3, -4}, {0, 1}, {0, 0}, {2, 1});
  tb::dense_matrix<int> n({2, 1});
  tb::multiply(a, tb::dense_matrix<int>({5}, {1, 1}), n, tb::relu);
  CHECK(n == tb::dense_matrix<int>({15, 0}, {2, 1}));
}
