// Matrices of bfloat16 and float16 in all formats: products, conversions, files.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tilebit/inspect.hpp>
#include <tilebit/io/matrix_market.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "catch.hpp"
#include "every_format.hpp"
#include "generators.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using generators::for_each_format;
using generators::source;

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
  oracle::at_every_isa([&] { // 30% of the entries: nearly no tile is empty
    const bool portable = tb::active_isa() == tb::isa::scalar;
    CHECK(tb::recommend(a).best == (portable ? tb::format::csr : tb::format::bitmap_grid));
    CHECK((tb::recommend(a).gain > 1.5) == !portable);
    CHECK(tb::recommend(generators::banded<T>(40, 400, 3, from)).best ==
          (portable ? tb::format::csr : tb::format::bitmap));
    CHECK(tb::recommend(tb::coo_matrix<T>({T(1), T(2)}, {0, 9}, {0, 90}, {10, 100})).best ==
          tb::format::csr);
  });

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
