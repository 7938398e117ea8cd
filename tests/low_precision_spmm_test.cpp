// Products of 16-bit and 8-bit matrices with any number of columns, in all layouts, at every
// instruction set level, against sums in a wider type: within the bound of float sums, 8-bit
// integers exactly; Inf and NaN reach only the rows that they must; the same bits from any number
// of threads; which kernels the tables choose.
#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/inspect.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "low_precision.hpp"
#include "oracle.hpp"
#include "padded.hpp"

namespace tb = tilebit;
using generators::source;
using low_precision::has_dot_products;
using low_precision::sum_of;
using padded_dense::first_columns;
using padded_dense::padded;
using padded_dense::same_bits;

namespace {

/// A and B in numbers in which their product is exact or nearly so.
template <class T>
struct problem {
  tb::coo_matrix<T> a;
  tb::dense_matrix<T> b;
  tb::dense_matrix<double> product;
  tb::dense_matrix<double> magnitudes;
  std::vector<int> stored;

  problem(tb::coo_matrix<T> of, std::int64_t n, source& from)
      : a(std::move(of)), b({a.cols(), n}), product({a.rows(), n}), magnitudes({a.rows(), n}),
        stored(static_cast<std::size_t>(a.rows())) {
    for (std::int64_t k = 0; k < b.rows(); ++k) {
      for (std::int64_t j = 0; j < n; ++j) b(k, j) = from.value<T>();
    }
    for (const auto e : tb::entries(a)) {
      ++stored[static_cast<std::size_t>(e.row)];
      for (std::int64_t j = 0; j < n; ++j) {
        const double term = static_cast<double>(e.value) * static_cast<double>(b(e.col, j));
        product(e.row, j) += term;
        magnitudes(e.row, j) += std::abs(term);
      }
    }
  }

  /// Elements of C outside the bound around alpha * product + beta * c0.
  template <class C, class C0>
  std::int64_t outside(const C& c, double alpha, double beta, const C0& c0) const {
    using R = typename C::scalar_type;
    std::int64_t count = 0;
    for (std::int64_t j = 0; j < c.cols(); ++j) {
      for (std::int64_t i = 0; i < c.rows(); ++i) {
        const double added = beta == 0 ? 0 : beta * static_cast<double>(c0(i, j));
        const double value = alpha * product(i, j) + added;
        double bound = 0;
        if constexpr (!std::is_integral_v<T>) {
          const double magnitude = std::abs(alpha) * magnitudes(i, j) + std::abs(added);
          bound = (stored[static_cast<std::size_t>(i)] + 4) *
                  double{std::numeric_limits<float>::epsilon()} * magnitude;
          if constexpr (!std::is_same_v<R, float>) {
            bound += static_cast<double>(std::numeric_limits<R>::epsilon()) * std::abs(value);
          }
        }
        count += !(std::abs(static_cast<double>(c(i, j)) - value) <= bound);
      }
    }
    return count;
  }
};

template <class T, class F>
void for_each_form(const tb::coo_matrix<T>& a, F&& f) {
  f(a);
  f(tb::to_csr(a));
  f(tb::to_bitmap(a));
  f(tb::to_bitmap_grid(a));
  f(tb::optimize(a, tb::operation::spmm));
  f(tb::transposed(tb::to_bitmap_grid(tb::transposed(a))));
}

template <class R, class LayoutB, class LayoutC, class T, class A>
void check_width(const A& a, const problem<T>& p, std::int64_t n) {
  const auto b = first_columns<LayoutB>(p.b, n, n % 3);
  padded<R, LayoutC> c(a.rows(), n, (n + 1) % 4);
  tb::multiply(a, b.view, c.view);
  CHECK(p.outside(c.view, 1, 0, c.view) == 0);
  CHECK(c.padding_survives());
  padded<R, LayoutC> c0(a.rows(), n, n % 2);
  c0.for_each([k = 0](R& x) mutable { x = static_cast<R>(k++ % 7 - 3); });
  padded<R, LayoutC> updated(c0);
  tb::multiply(tb::scaled(-2, a), b.view, tb::scaled(3, updated.view), updated.view);
  CHECK(p.outside(updated.view, -2, 3, c0.view) == 0);
  CHECK(updated.padding_survives());
}

template <class T>
void check_every_width(tb::coo_matrix<T> a, std::int64_t most, source& from) {
  CAPTURE(a.rows(), a.cols(), a.nnz());
  const problem<T> p(std::move(a), most, from);
  for_each_form(p.a, [&](const auto& m) {
    oracle::at_every_isa([&] {
      for (std::int64_t n = 1; n <= most; n += n < 18 ? 1 : 15) {
        CAPTURE(n);
        check_width<sum_of<T>, tb::col_major, tb::col_major>(m, p, n);
        check_width<float, tb::row_major, tb::row_major>(m, p, n);
        if (n % 4 != 1) continue;
        check_width<sum_of<T>, tb::col_major, tb::row_major>(m, p, n);
        if constexpr (!std::is_integral_v<T>) {
          check_width<T, tb::row_major, tb::col_major>(m, p, n);
        }
      }
    });
  });
}

} // namespace

TEMPLATE_TEST_CASE("low-precision SpMM of every width, in all forms", "[low precision]",
                   tb::bfloat16, tb::float16, std::int8_t) {
  using T = TestType;
  source from(71);
  check_every_width(generators::uniform<T>(1, 1, 100, from), 20, from);
  check_every_width(generators::uniform<T>(6, 9, 60, from), 20, from);
  check_every_width(generators::uniform<T>(37, 70, 45, from), 80, from);
  check_every_width(generators::uniform<T>(34, 131, 5, from), 80, from); // many empty tiles
  check_every_width(generators::blocks<T>(21, 66, from), 20, from);
  check_every_width(generators::empty_rows<T>(40, 33, from), 20, from);
}

TEMPLATE_TEST_CASE("a low-precision product of many columns", "[low precision]", tb::bfloat16,
                   std::int8_t) {
  using T = TestType;
  source from(72);
  const problem<T> p(generators::uniform<T>(45, 200, 30, from), 300, from);
  for_each_form(p.a, [&](const auto& m) {
    check_width<sum_of<T>, tb::col_major, tb::col_major>(m, p, 300);
    check_width<sum_of<T>, tb::row_major, tb::row_major>(m, p, 299);
  });
}

TEMPLATE_TEST_CASE("a wide low-precision matrix is packed slab by slab", "[low precision]",
                   tb::bfloat16, tb::float16, std::int8_t) {
  using T = TestType;
  source from(76);
  const problem<T> p(generators::uniform<T>(43, 2301, 12, from), 70, from);
  const auto h = tb::optimize(p.a, tb::operation::spmm);
  if (h.view().packed().blocks() > 0) CHECK(h.view().packed().slabs() > 1);
  const auto band = tb::optimize(generators::banded<T>(900, 2301, 250, from), tb::operation::spmm);
  tb::validate(band.view());
  CHECK(band.view().packed().slabs() == 1); // blocks see a quarter of the columns, at most
  tb::validate(h.view());
  oracle::at_every_isa([&] {
    for (const std::int64_t n : {9, 16, 33, 70}) {
      check_width<sum_of<T>, tb::col_major, tb::col_major>(h, p, n);
      check_width<sum_of<T>, tb::row_major, tb::row_major>(h, p, n);
      check_width<float, tb::col_major, tb::row_major>(h, p, n);
    }
  });
}

TEMPLATE_TEST_CASE("Inf and NaN in B reach only rows with an entry in their row of B",
                   "[low precision]", tb::bfloat16, tb::float16) {
  using T = TestType;
  source from(73);
  problem<T> p(generators::uniform<T>(23, 61, 25, from), 33, from);
  constexpr std::int64_t special = 17; // not alone in a pair or a tile
  std::vector<bool> reached(23);
  for (const auto e : tb::entries(p.a)) {
    if (e.col == special) reached[static_cast<std::size_t>(e.row)] = true;
  }
  CHECK(std::ranges::count(reached, true) > 0);
  for_each_form(p.a, [&](const auto& m) {
    oracle::at_every_isa([&] {
      for (const float x :
           {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
        for (const std::int64_t n : {1, 3, 9, 33}) {
          auto b = first_columns<tb::col_major>(p.b, n, 0);
          b.view(special, n - 1) = T(x);
          tb::dense_matrix<float> c({23, n});
          tb::multiply(m, b.view, c);
          std::int64_t wrong = 0;
          for (std::int64_t i = 0; i < 23; ++i) {
            for (std::int64_t j = 0; j < n; ++j) {
              const bool expected = j == n - 1 && reached[static_cast<std::size_t>(i)];
              wrong += std::isfinite(c(i, j)) == expected;
            }
          }
          CHECK(wrong == 0);
        }
      }
    });
  });
}

TEMPLATE_TEST_CASE("low-precision products have the same bits for any number of threads",
                   "[low precision][threads]", tb::bfloat16, tb::float16, std::int8_t) {
  using T = TestType;
  using R = sum_of<T>;
  source from(74);
  const problem<T> p(generators::uniform<T>(260, 380, 40, from), 70, from);
  for_each_form(p.a, [&](const auto& m) {
    oracle::at_every_isa([&] {
      for (const std::int64_t n : {1, 2, 16, 17, 70}) {
        const auto b = first_columns<tb::row_major>(p.b, n, 0);
        std::vector<std::vector<R>> results;
        for (const int threads : {1, 2, 3, 8}) {
          tb::dense_matrix<R> c({260, n});
          tb::multiply(tb::threads(threads), m, b.view, c);
          results.emplace_back(c.data(), c.data() + 260 * n);
          CHECK(same_bits(results.front(), results.back()));
        }
      }
    });
  });
}

TEMPLATE_TEST_CASE("optimized low-precision matrices hold their entries once, and a packed copy",
                   "[low precision]", tb::bfloat16, tb::float16, std::int8_t) {
  using T = TestType;
  source from(75);
  for (const int percent : {0, 1, 50, 100}) {
    auto a = generators::uniform<T>(50, 83, percent, from);
    if (a.nnz() > 3) a.values()[3] = T(0); // an explicit zero
    for (const auto what : {tb::operation::spmv, tb::operation::spmm}) {
      oracle::at_every_isa([&] {
        const auto h = tb::optimize(a, what);
        tb::validate(h.view());
        CHECK(h.nnz() == a.nnz());
        CHECK(tb::to_csr(h) == tb::to_csr(a));
        CHECK(tb::to_bitmap(tb::transposed(h)) == tb::to_bitmap(tb::transposed(a)));
        CHECK((h.view().grid().rows() > 0) == (percent >= 50));
        constexpr bool widens = std::is_same_v<T, tb::float16>;
        const bool by_unit = !widens && percent >= 50 && tb::active_isa() >= tb::isa::amx &&
                             tb::detail::amx_allowed();
        const bool packs = what == tb::operation::spmm && !by_unit &&
                           tb::active_isa() >= (widens ? tb::isa::avx2 : tb::isa::avx512_bf16);
        CHECK((h.view().packed().blocks() > 0) == packs);
        CHECK(h.bytes() > static_cast<std::int64_t>(sizeof(T)) * a.nnz());
      });
    }
  }
}

TEMPLATE_TEST_CASE("low-precision matrices made for transposed products multiply either way",
                   "[low precision]", tb::bfloat16, tb::float16, std::int8_t) {
  using T = TestType;
  source from(78);
  for (const int percent : {2, 12, 50}) {
    const auto a = generators::uniform<T>(131, 383, percent, from);
    const problem<T> p(a, 1, from);
    const problem<T> pt(tb::to_coo(tb::transposed(a)), 1, from);
    oracle::at_every_isa([&] {
      const auto h = tb::optimize(a, tb::operation::spmv_transposed);
      tb::validate(h.view());
      CHECK(h.rows() == 131);
      CHECK(tb::to_coo(h) == a);
      check_width<sum_of<T>, tb::col_major, tb::col_major>(h, p, 1);
      check_width<sum_of<T>, tb::col_major, tb::col_major>(tb::transposed(h), pt, 1);
      check_width<float, tb::row_major, tb::row_major>(tb::transposed(h), pt, 1);
    });
  }
}

namespace {

/// Optimized for SpMV as where gathers are microcode.
template <class T>
tb::optimized_matrix<T> optimized_in_windows(const tb::coo_matrix<T>& a) {
  const oracle::gathers_as_if slow(true);
  return tb::optimize(a);
}

} // namespace

TEMPLATE_TEST_CASE("windowed rows are a copy that multiplies few columns", "[low precision]",
                   tb::bfloat16, std::int8_t) {
  using T = TestType;
  if (!has_dot_products()) return;
  source from(77);
  const std::vector<tb::coo_matrix<T>> matrices{
      generators::uniform<T>(37, 700, 10, from),  generators::uniform<T>(260, 380, 20, from),
      generators::uniform<T>(100, 129, 5, from),  generators::uniform<T>(33, 256, 20, from),
      generators::uniform<T>(16, 1025, 15, from), generators::uniform<T>(19, 90, 10, from)};
  for (const auto& a : matrices) {
    CAPTURE(a.rows(), a.cols());
    const problem<T> p(a, 5, from);
    const auto h = optimized_in_windows(p.a);
    tb::validate(h.view());
    CHECK(tb::to_csr(h) == tb::to_csr(p.a));
    const auto w = h.view().windowed();
    REQUIRE(w.blocks() == (a.rows() + 15) / 16);
    tb::dense_matrix<float> sums({a.rows(), a.cols()});
    std::size_t k = 0;
    for (std::int64_t block = 0; block < w.blocks(); ++block) {
      std::array<std::int64_t, 16> columns{};
      for (std::int64_t i = 0; i < w.strips(); ++i) {
        const int steps = w.steps_of_strip()[static_cast<std::size_t>(block * w.strips() + i)];
        for (std::int64_t e = 0; e < steps * 16 * w.depth; ++e, ++k) {
          const auto r = static_cast<std::size_t>(e / w.depth % 16);
          columns[r] = w.column(static_cast<std::int64_t>(k), i, columns[r]);
          const std::int64_t row = 16 * block + static_cast<std::int64_t>(r);
          if (row < a.rows()) sums(row, columns[r]) += static_cast<float>(w.values()[k]);
        }
      }
    }
    tb::dense_matrix<T> dense({a.rows(), a.cols()});
    tb::to_dense(p.a, dense);
    std::int64_t different = 0;
    for (std::int64_t i = 0; i < a.rows(); ++i) {
      for (std::int64_t j = 0; j < a.cols(); ++j) {
        different += sums(i, j) != static_cast<float>(dense(i, j));
      }
    }
    CHECK(different == 0);
    oracle::at_every_isa([&] {
      for (const std::int64_t n : {1, 2, 3, 4, 5}) {
        check_width<sum_of<T>, tb::col_major, tb::col_major>(h, p, n);
        check_width<sum_of<T>, tb::row_major, tb::row_major>(h, p, n);
        const auto b = first_columns<tb::row_major>(p.b, n, 0);
        tb::dense_matrix<sum_of<T>> one({a.rows(), n}), several({a.rows(), n});
        tb::multiply(h, b.view, one);
        tb::multiply(tb::threads(3), h, b.view, several);
        const auto size = a.rows() * n;
        CHECK(same_bits(std::vector(one.data(), one.data() + size),
                        std::vector(several.data(), several.data() + size)));
      }
    });
  }
}

TEST_CASE("distances of windowed rows are bridged, or bytes where that takes too many steps",
          "[low precision]") {
  if (!has_dot_products()) return;
  source from(84);
  const auto check = [&](const tb::coo_matrix<tb::bfloat16>& a, int bits) {
    const problem<tb::bfloat16> p(a, 2, from);
    const auto h = optimized_in_windows(p.a);
    const auto w = h.view().windowed();
    REQUIRE(w.blocks() == 2);
    CHECK(w.position_bits() == bits);
    tb::validate(h.view());
    check_width<float, tb::col_major, tb::col_major>(h, p, 2);
    return w.step_offsets().back();
  };
  // While the others go on, a row is brought to the columns of its first entries.
  const auto late_row = generators::where<tb::bfloat16, std::int32_t>(
      32, 9000, from,
      [&](std::int64_t i, std::int64_t j) { return from.below(4) < 1 && (i != 3 || j > 6000); });
  const std::int64_t words = 2 * 9000 / 4 / 2; // of all rows of two blocks
  CHECK(check(late_row, 4) < words + words / 10);
  const auto gap_of_all = generators::where<tb::bfloat16, std::int32_t>(
      32, 40000, from,
      [&](std::int64_t, std::int64_t j) { return j > 12000 && from.below(3) == 0; });
  check(gap_of_all, 8);
}

TEST_CASE("windowed rows do not multiply zeros by Inf or NaN", "[low precision]") {
  using T = tb::bfloat16;
  if (!has_dot_products()) return;
  source from(78);
  const auto a = generators::uniform<T>(40, 200, 10, from);
  const auto h = optimized_in_windows(a);
  REQUIRE(h.view().windowed().blocks() > 0);
  const auto plain = tb::to_csr(a);
  for (const float special :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<T> x(200, T(1));
    x[0] = T(special); // where zeros that fill windows stand
    std::vector<float> y(40), expected(40);
    tb::multiply(h, x, y);
    tb::multiply(plain, x, expected);
    for (std::size_t i = 0; i < 40; ++i) CHECK(std::isfinite(y[i]) == std::isfinite(expected[i]));
    CHECK(std::ranges::any_of(y, [](float v) { return std::isfinite(v); }));
  }
}

TEST_CASE("windows are there where they pay", "[low precision]") {
  if (!has_dot_products()) return;
  source from(79);
  const auto blocks_of = [&](int percent) {
    return optimized_in_windows(generators::uniform<std::int8_t>(64, 512, percent, from))
        .view()
        .windowed()
        .blocks();
  };
  CHECK(blocks_of(10) == 4);
  CHECK(blocks_of(20) == 4);
  CHECK(blocks_of(40) == 0);
  CHECK(blocks_of(70) == 0);
  const auto few = generators::scattered<std::int8_t>(2000, 5000, 300, from);
  CHECK(optimized_in_windows(few).view().windowed().blocks() == 0); // nearly all would be empty
  const auto a = generators::uniform<tb::bfloat16>(64, 512, 10, from);
  CHECK(tb::optimize(a, tb::operation::spmm).view().windowed().blocks() == 0);
}

TEST_CASE("validate names what is wrong with windowed rows", "[low precision]") {
  using view = tb::windowed_view<const std::int8_t>; // strips of 64 columns, words of four
  const std::vector<std::int8_t> values(128);
  std::vector<std::uint8_t> positions(128, 0);
  std::vector<std::uint8_t> steps{1, 1, 0, 0, 0, 0, 0, 0};
  const std::vector<std::int64_t> offsets{0, 2};
  const std::vector<std::int32_t> row_sums(16);
  const tb::shape s(16, 300);
  const auto message = [&] {
    return oracle::message_of<tb::invalid_matrix>(
        [&] { tb::validate(view(values, positions, steps, offsets, row_sums, s)); });
  };
  tb::validate(view(values, positions, steps, offsets, row_sums, s));
  positions[127] = 44; // the window of the second step ends with column 319, the matrix with 299
  CHECK(message() == "windowed: entry 127 has column 300, not under strips 1 to 4 of 300 columns");
  positions[127] = 43;
  steps[1] = 0;
  CHECK(message() == "windowed: the strips of block 0 end with step 1, not 2");
  steps[1] = 2;
  CHECK(message() == "windowed: the strips of block 0 end with step 3, not 2");
  steps.pop_back();
  CHECK(oracle::contains(message(), "disagree"));

  steps = {1, 1, 0, 0, 0, 0, 0, 0};
  std::vector<std::int8_t> ones(128);
  const std::vector<std::uint8_t> gaps(64, 0xff); // columns 15 to 60, 75 to 120
  const auto message_of_gaps = [&] {
    return oracle::message_of<tb::invalid_matrix>(
        [&] { tb::validate(view(ones, gaps, steps, offsets, row_sums, s, 4)); });
  };
  ones[3] = ones[124] = 1;
  tb::validate(view(ones, gaps, steps, offsets, row_sums, s, 4));
  steps = {0, 2, 0, 0, 0, 0, 0, 0};
  CHECK(message_of_gaps() ==
        "windowed: entry 3 has column 60, not under strips 1 to 4 of 300 columns");
}

TEST_CASE("low-precision kernels of every level", "[dispatch]") {
#ifndef TILEBIT_DISABLE_SIMD
  oracle::at_every_isa([&] {
    const tb::isa level = tb::active_isa();
    const auto& widen = tb::kernels::select(tb::kernels::widen_table<float, tb::float16>::rows);
    CHECK(widen.level == std::min(level, tb::isa::avx512));
#ifndef TILEBIT_DISABLE_AVX512
    using pairs = tb::grouped_view<const tb::detail::bfloat16_pair, std::int32_t>;
    using quads = tb::kernels::row_chunks_view<tb::detail::int8_quad>;
    const bool dots = level >= tb::isa::avx512_bf16;
    CHECK((tb::kernels::panel_kernels<pairs>(level) != nullptr) == dots);
    CHECK((tb::kernels::panel_kernels<quads>(level) != nullptr) == dots);
    CHECK(tb::kernels::dots_table<tb::bitmap_grid_view<const std::int8_t, std::int32_t>>::rows[0]
              .level == tb::isa::avx512_bf16);
    CHECK(tb::kernels::windowed_table<tb::bfloat16>::rows[0].level == tb::isa::avx512_bf16);
    CHECK(tb::kernels::windowed_table<tb::float16>::rows.empty());
    CHECK(tb::kernels::masked_table<tb::bfloat16>::rows[0].level == tb::isa::avx512_bf16);
    CHECK(tb::kernels::masked_table<tb::float16>::rows.empty());
    CHECK(tb::kernels::blocks_table<tb::masked_view<const std::int8_t>>::rows[0].level ==
          tb::isa::amx);
#endif
  });
#endif
}
