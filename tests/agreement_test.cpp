// Every format and lazy view against a dense product in small integers, where each sum is exact.
#include <algorithm>
#include <complex>
#include <cstdint>
#include <random>
#include <vector>

#include <tilebit/inspect.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "catch.hpp"

namespace tb = tilebit;

namespace {

template <class T, class I>
struct example {
  tb::coo_matrix<T, I> a;
  std::int64_t n = 0;
  std::mt19937 random;

  explicit example(unsigned seed) : random(seed) {
    const auto draw = [&](unsigned below) { return static_cast<std::int64_t>(random() % below); };
    const std::int64_t rows = draw(40);
    const std::int64_t cols = draw(40);
    n = draw(70);
    const std::int64_t count = rows * cols == 0 ? 0 : draw(200);
    std::vector<T> values;
    std::vector<I> i;
    std::vector<I> j;
    for (std::int64_t k = 0; k < count; ++k) {
      values.push_back(small());
      i.push_back(static_cast<I>(draw(static_cast<unsigned>(rows))));
      j.push_back(static_cast<I>(draw(static_cast<unsigned>(cols))));
    }
    a = tb::coo_matrix<T, I>(values, i, j, {rows, cols});
  }

  T small() { return static_cast<T>(static_cast<int>(random() % 19) - 9); }
};

template <class T, class I, class A>
void check(const A& a, example<T, I>& e) {
  const auto dense = tb::to_dense(a);
  tb::dense_matrix<T> b({a.cols(), e.n});
  for (T& v : b.values()) v = e.small();
  tb::dense_matrix<T> expected({a.rows(), e.n});
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    for (std::int64_t j = 0; j < e.n; ++j) {
      for (std::int64_t k = 0; k < a.cols(); ++k) expected(i, j) += dense(i, k) * b(k, j);
    }
  }
  tb::dense_matrix<T> c({a.rows(), e.n});
  tb::multiply(a, b, c);
  CHECK(c == expected);
  tb::multiply(tb::par, tb::scaled(-1, a), b, c, c);
  CHECK(std::ranges::all_of(c.values(), [](const T& x) { return x == T{}; }));

  std::vector<T> x(static_cast<std::size_t>(a.cols()));
  for (T& v : x) v = e.small();
  std::vector<T> y(static_cast<std::size_t>(a.rows()), T{99});
  std::vector<T> reference(y.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (std::size_t k = 0; k < x.size(); ++k) {
      reference[i] += dense(static_cast<std::int64_t>(i), static_cast<std::int64_t>(k)) * x[k];
    }
  }
  tb::multiply(a, x, y);
  CHECK(y == reference);
}

} // namespace

TEMPLATE_TEST_CASE("all formats and their transposes give the dense product", "[agreement]", double,
                   float, std::complex<double>, std::int32_t) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    example<TestType, std::int32_t> e(seed);
    check(e.a, e);
    check(tb::to_csr(e.a), e);
    check(tb::to_bitmap(e.a), e);
    check(tb::to_bitmap_grid(e.a), e);
    check(tb::optimize(e.a), e);
    check(tb::transposed(tb::optimize(e.a)), e);
    check(tb::transposed(e.a), e);
    check(tb::transposed(tb::to_csr(e.a)), e);
    check(tb::transposed(tb::to_bitmap(e.a)), e);
  }
}
