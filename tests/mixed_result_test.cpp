// Products of 16-bit and 8-bit matrices whose results are wider: sums in float or in 32 bits, in
// all formats, layouts and forms, at every instruction set level.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "catch.hpp"
#include "every_format.hpp"
#include "generators.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using generators::for_each_format;
using generators::source;

namespace {

template <class T, class R>
struct result {
  using element = T;
  using type = R;
};

} // namespace

TEMPLATE_TEST_CASE("results of low-precision products may be wider than their operands",
                   "[low precision]", (result<tb::bfloat16, float>), (result<tb::float16, float>),
                   (result<std::int8_t, std::int32_t>), (result<std::int8_t, float>)) {
  using T = typename TestType::element;
  using R = typename TestType::type;
  source from(61);
  for (const auto& size : {std::pair{0, 5}, {7, 1}, {33, 70}, {70, 33}, {130, 257}}) {
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
    const auto y0 = generators::small_vector<R>(m, from);
    constexpr int width = 37;
    const tb::dense_matrix<T> b(generators::small_vector<T>(n * width, from), {n, width});
    const tb::dense_matrix<R, tb::col_major> c0(generators::small_vector<R>(m * width, from),
                                                {m, width});
    const auto bias = generators::small_vector<R>(m, from);
    std::vector<R> sums(y0.size()); // of small integers, exact
    tb::dense_matrix<R> sums_of_c({m, width});
    for (const auto e : tb::entries(a)) {
      sums[static_cast<std::size_t>(e.row)] +=
          static_cast<R>(e.value * x[static_cast<std::size_t>(e.col)]);
      for (int j = 0; j < width; ++j) {
        sums_of_c(e.row, j) += static_cast<R>(e.value * b(e.col, j));
      }
    }
    for_each_format(a, from, [&](const auto& f) {
      oracle::at_every_isa([&] {
        std::vector<R> y(y0.size());
        tb::multiply(f, x, y);
        CHECK(y == sums);
        tb::multiply(tb::threads(2), tb::scaled(2, f), x, tb::scaled(-3, y0), y);
        bool right = true;
        for (std::size_t i = 0; i < y.size(); ++i) right = right && y[i] == 2 * sums[i] - 3 * y0[i];
        CHECK(right);
        tb::dense_matrix<R> c({m, width});
        tb::multiply(f, b, c);
        CHECK(c == sums_of_c);
        tb::multiply(tb::threads(2), tb::scaled(-2, f), b, tb::scaled(3, c0), c,
                     tb::epilogue(tb::bias(bias), tb::relu));
        std::int64_t wrong = 0;
        for (int i = 0; i < m; ++i) {
          for (int j = 0; j < width; ++j) {
            const R sum = -2 * sums_of_c(i, j) + 3 * c0(i, j) + bias[static_cast<std::size_t>(i)];
            wrong += c(i, j) != std::max(sum, R{});
          }
        }
        CHECK(wrong == 0);
      });
    });
  }
}

TEST_CASE("8-bit products are summed in 32 bits and scaled in float", "[low precision]") {
  constexpr int n = 1000;
  generators::triples<std::int8_t, std::int32_t> t;
  for (int j = 0; j < n; ++j) {
    t.add(0, j, std::int8_t{127});
    t.add(1, j, std::int8_t{-128});
  }
  const auto a = std::move(t).matrix(2, n);
  const tb::dense_matrix<std::int8_t> b(std::vector<std::int8_t>(n, -128), {n, 1});
  const std::vector<float> scales{0.5F, 2.0F};
  source from(62);
  for_each_format(a, from, [&](const auto& f) {
    oracle::at_every_isa([&] {
      tb::dense_matrix<std::int32_t> sums({2, 1});
      tb::multiply(f, b, sums);
      CHECK(sums(0, 0) == -n * 127 * 128);
      CHECK(sums(1, 0) == n * 128 * 128);
      tb::dense_matrix<float> c({2, 1});
      tb::multiply(f, b, c, tb::row_scale(scales));
      CHECK(c(0, 0) == -0.5F * n * 127 * 128);
      CHECK(c(1, 0) == 2.0F * n * 128 * 128);
      std::vector<std::int8_t> y(2);
      tb::multiply(f, std::span(b.data(), n), y); // modulo 2^8
      CHECK(y[0] == static_cast<std::int8_t>(-n * 127 * 128));
    });
  });
}
