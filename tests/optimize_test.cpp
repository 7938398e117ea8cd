// optimize: exact round trips, products, bands; recommend; which kernel the tables choose.
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/inspect.hpp>
#include <tilebit/kernels/dispatch.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using generators::source;

namespace {

/// Dense blocks in the upper rows, scattered entries and some long rows in the lower ones, with
/// empty rows among them: more rows than one band and one sorting window.
template <class T>
tb::coo_matrix<T> mixed(source& from) {
  const std::int64_t rows = 9003;
  const std::int64_t cols = 700;
  generators::triples<T, std::int32_t> t;
  for (std::int64_t i = 0; i < rows; ++i) {
    if (i < 1000) {
      const std::int64_t first = i / 4 * 4 % 640;
      for (std::int64_t j = first; j < first + 40; ++j) t.add(i, j, from.value<T>());
    } else if (i % 997 == 0) {
      for (std::int64_t j = i % 3; j < cols; j += 2) t.add(i, j, from.value<T>());
    } else if (i % 5 != 0) {
      for (std::int64_t j = i % 41; j < cols; j += 50 + i % 100) t.add(i, j, from.value<T>());
    }
  }
  return std::move(t).matrix(rows, cols);
}

template <class T, class I>
void check_exact(const tb::coo_matrix<T, I>& a) {
  CAPTURE(a.rows(), a.cols(), a.nnz());
  const auto h = tb::optimize(a);
  tb::validate(h);
  CHECK(h.rows() == a.rows());
  CHECK(h.cols() == a.cols());
  CHECK(h.nnz() == a.nnz());
  CHECK(tb::to_coo(h) == a);
  CHECK(tb::to_csr(h) == tb::to_csr(a));
  CHECK(tb::to_bitmap(tb::transposed(h)) == tb::to_bitmap(tb::transposed(a)));
  CHECK(tb::to_coo(tb::optimize(tb::to_bitmap(a))) == a);
  CHECK(tb::to_coo(tb::optimize(tb::transposed(tb::to_csr(tb::transposed(a))))) == a);
  CHECK(tb::to_coo(tb::optimize(a, tb::operation::spmm)) == a);
  const auto t = tb::optimize(a, tb::operation::spmv_transposed);
  tb::validate(t);
  CHECK(t.rows() == a.rows());
  CHECK(t.view().cols() == a.cols());
  CHECK(tb::to_coo(t) == a);
  CHECK(tb::to_csr(tb::transposed(t)) == tb::to_csr(tb::transposed(a)));
  std::int64_t count = 0;
  for (const auto e : tb::entries(h)) count += e.value == T{} ? 0 : 1;
  CHECK(count == std::ranges::count_if(a.values(), [](const T& x) { return x != T{}; }));
}

} // namespace

TEMPLATE_TEST_CASE("an optimized matrix gives the matrix back exactly", "[optimize]", double, float,
                   std::complex<float>, std::int32_t) {
  using T = TestType;
  source from(31);
  oracle::at_every_isa([&] {
    for (const int m : {0, 1, 3, 4, 15, 16, 17, 63, 64, 65, 257}) {
      for (const int n : {0, 1, 5, 64, 200}) {
        check_exact(generators::uniform<T>(m, n, m % 2 == 0 ? 60 : 10, from));
      }
    }
    check_exact(generators::giant_row<T>(50, 300, from));
    check_exact(generators::empty_rows<T>(50, 90, from));
    check_exact(generators::blocks<T>(333, 222, from));
    check_exact(mixed<T>(from));
  });
}

TEST_CASE("explicit zeros and 64-bit indices pass through optimize", "[optimize]") {
  const tb::coo_matrix<double, std::int64_t> a({0.0, -0.0, 3.0}, {0, 2, 5}, {1, 0, 6}, {6, 7});
  const auto back = tb::to_coo(tb::optimize(a));
  CHECK(back == a);
  CHECK(std::signbit(back.values()[1]));
}

TEMPLATE_TEST_CASE("bands of tiles and slices multiply as one matrix", "[optimize]", double,
                   float) {
  using T = TestType;
  source from(32);
  const auto a = mixed<T>(from);
  const auto x = generators::vector<T>(a.cols(), from);
  const auto y0 = generators::vector<T>(a.rows(), from);
  const auto xt = generators::vector<T>(a.rows(), from);
  oracle::at_every_isa([&] {
    const auto h = tb::optimize(a);
    tb::validate(h);
    const auto view = h.view();
    CHECK(view.sliced().nnz() > 0);
    if (tb::active_isa() >= tb::isa::avx512) {
      CHECK(view.tiles().nnz() > 0);
      CHECK(view.tile_bands().size() == 1); // neighbouring bands are one
    }
    std::vector<T> y(y0.size(), T(99));
    tb::multiply(h, x, y);
    oracle::check_spmv(a, x, y);
    tb::multiply(tb::scaled(3, h), x, tb::scaled(2, y0), y);
    oracle::check_spmv(a, x, y, T(3), T(2), y0);
    std::vector<T> yt(x.size(), T(99));
    tb::multiply(tb::transposed(h), xt, yt);
    oracle::check_spmv(tb::transposed(a), xt, yt);
    for (const auto& policy : {tb::threads(2), tb::threads(5)}) {
      std::vector<T> other(y.size());
      tb::multiply(policy, tb::scaled(3, h), x, tb::scaled(2, y0), other);
      CHECK(std::memcmp(other.data(), y.data(), y.size() * sizeof(T)) == 0);
    }
  });
}

TEMPLATE_TEST_CASE("CSR is recommended where rows have one entry each", "[optimize]", double,
                   float) {
  source from(42);
  generators::triples<TestType, std::int32_t> t; // scattered, so that tiles have one entry, too
  for (std::int64_t i = 0; i < 3000; ++i) t.add(i, i * 1237 % 3000, from.value<TestType>());
  const auto a = std::move(t).matrix(3000, 3000);
  oracle::at_every_isa([&] {
    const tb::isa level = tb::active_isa(); // the scalar kernel of COO is faster indeed
    if (level == tb::isa::scalar || (level == tb::isa::avx2 && !tb::detail::slow_gathers())) return;
    CHECK(tb::recommend(a, tb::operation::spmv).best == tb::format::csr);
  });
}

TEMPLATE_TEST_CASE("long tile rows of one band each have their layout", "[optimize]", double,
                   float) {
  using T = TestType;
  source from(41);
  const std::int64_t m = 301, n = 16001;
  const auto a = generators::where<T, std::int32_t>(m, n, from, [&](auto i, auto j) {
    if (i < 200) return i == j;                   // short rows before the long ones
    if (i < 208) return (i + j) % 8 == 0;         // scattered
    return i < 212 ? j < n - 1 : i % 4 == j % 64; // full, and a few behind them
  });
  const auto x = generators::vector<T>(n, from);
  std::vector<T> y(static_cast<std::size_t>(m));
  oracle::at_every_isa([&] {
    const auto h = tb::optimize(a);
    tb::validate(h);
    CHECK(tb::to_coo(h) == a);
    if (tb::active_isa() >= tb::isa::avx512) {
      REQUIRE(h.view().tile_bands().size() == 1);
      CHECK(h.view().tile_bands()[0].first == 52);
      CHECK(h.view().tile_bands()[0].last == 53);
    }
    tb::multiply(h, x, y);
    oracle::check_spmv(a, x, y);
    std::vector<T> other(y.size());
    tb::multiply(tb::threads(3), h, x, other);
    CHECK(std::memcmp(other.data(), y.data(), y.size() * sizeof(T)) == 0);
  });
}

TEMPLATE_TEST_CASE("what is made for transposed products multiplies either way", "[optimize]",
                   double, float, std::complex<double>, std::int32_t) {
  using T = TestType;
  source from(36);
  const auto a = mixed<T>(from);
  const auto x = generators::vector<T>(a.cols(), from);
  const auto xt = generators::vector<T>(a.rows(), from);
  const tb::dense_matrix<T> b(generators::vector<T>(a.rows() * 20, from), {a.rows(), 20});
  oracle::at_every_isa([&] {
    const auto h = tb::optimize(a, tb::operation::spmv_transposed);
    CHECK(h.view().of_transpose());
    std::vector<T> yt(x.size(), T(99));
    tb::multiply(tb::transposed(h), xt, yt);
    oracle::check_spmv(tb::transposed(a), xt, yt);
    // The same bits as a plain product with what is made of A^T.
    std::vector<T> plain(x.size());
    tb::multiply(tb::optimize(tb::transposed(a)), xt, plain);
    CHECK(plain == yt);
    tb::multiply(tb::par, tb::transposed(h), xt, plain);
    CHECK(plain == yt);
    tb::multiply(tb::conjugated(tb::transposed(h)), xt, yt);
    oracle::check_spmv(tb::conjugated(tb::transposed(a)), xt, yt);
    std::vector<T> y(xt.size(), T(99));
    tb::multiply(h, x, y);
    oracle::check_spmv(a, x, y);
    tb::dense_matrix<T> c({a.cols(), 20});
    tb::dense_matrix<T> expected({a.cols(), 20});
    tb::multiply(tb::transposed(h), b, c);
    tb::multiply(tb::optimize(tb::transposed(a)), b, expected);
    CHECK(c == expected);
  });
  std::vector<T> y(xt.size());
  CHECK_THROWS_AS(tb::multiply(tb::optimize(a, tb::operation::spmv_transposed), xt, y),
                  tb::dimension_mismatch);
}

/// Nine diagonals with a gap each, an entry off them, and a number of rows that 16 does not divide.
template <class T, class I = std::int32_t>
tb::coo_matrix<T, I> stencil(std::int64_t rows, std::int64_t cols, source& from) {
  generators::triples<T, I> t;
  for (std::int64_t i = 0; i < rows; ++i) {
    for (const int d : {-40, -39, -38, -1, 0, 1, 38, 39, 40}) {
      const std::int64_t j = i == 250 && d == 40 ? cols - 1 : i + d;
      if (j >= 0 && j < cols && (i + d) % 77 != 5) t.add(i, j, from.value<T>());
    }
  }
  return std::move(t).matrix(rows, cols);
}

TEMPLATE_TEST_CASE("stencils are multiplied without gathering", "[optimize]", double, float) {
  using T = TestType;
  source from(35);
  for (const auto& size : {std::pair(509, 509), std::pair(501, 530), std::pair(530, 497)}) {
    const auto a = stencil<T>(size.first, size.second, from);
    oracle::at_every_isa([&] {
      const auto h = tb::optimize(a);
      tb::validate(h);
      const auto diagonals = h.view().diagonals();
      if (tb::active_isa() >= tb::isa::avx512) CHECK(diagonals.nnz() == a.nnz());
      CHECK(diagonals.nnz() <= 16 * tb::detail::length(diagonals.masks()));
      const auto x = generators::vector<T>(a.cols(), from);
      const auto y0 = generators::vector<T>(a.rows(), from);
      std::vector<T> y(y0.size(), T(99));
      tb::multiply(h, x, y);
      oracle::check_spmv(a, x, y);
      tb::multiply(tb::par, tb::scaled(3, h), x, tb::scaled(2, y0), y);
      oracle::check_spmv(a, x, y, T(3), T(2), y0);
      std::vector<T> z(x.size());
      tb::multiply(tb::transposed(h), y0, z);
      oracle::check_spmv(tb::transposed(a), y0, z);
    });
  }
}

TEST_CASE("diagonals of every type, mask and place give the matrix back", "[optimize]") {
  source from(36);
  const auto check = [&](const auto& a) {
    using A = std::remove_cvref_t<decltype(a)>;
    using T = typename A::scalar_type;
    using I = typename A::index_type;
    const auto csr = tb::to_csr(a);
    const std::int64_t slices = (a.rows() + 15) / 16;
    std::vector<tb::unit_range> bands{{0, slices}};
    auto arrays =
        tb::detail::diagonals_in_bands(csr.view(), std::span<const tb::unit_range>(bands));
    auto no_tiles =
        tb::detail::tiles_in_bands(tb::to_bitmap(csr), std::span<const tb::unit_range>());
    const tb::optimized_matrix<T, I> h(tb::detail::trusted{}, std::move(no_tiles), {},
                                       std::move(arrays), std::move(bands), {});
    tb::validate(h);
    CHECK(tb::to_coo(h) == a);
    CHECK(tb::to_bitmap(tb::transposed(h)) == tb::to_bitmap(tb::transposed(a)));
    std::int64_t count = 0;
    for (const auto e : tb::entries(h)) count += e.row >= 0 && e.col >= 0 ? 1 : 0;
    CHECK(count == a.nnz());
    const auto x = generators::vector<T>(a.cols(), from);
    const auto xt = generators::vector<T>(a.rows(), from);
    const tb::dense_matrix<T> b(generators::vector<T>(3 * a.cols(), from), {a.cols(), 3});
    oracle::at_every_isa([&] {
      std::vector<T> y(xt.size());
      tb::multiply(tb::conjugated(h), x, y);
      oracle::check_spmv(tb::conjugated(a), x, y);
      std::vector<T> z(x.size());
      tb::multiply(tb::transposed(h), xt, z);
      oracle::check_spmv(tb::transposed(a), xt, z);
      tb::dense_matrix<T> c({a.rows(), 3});
      tb::multiply(h, b, c);
      oracle::check_spmm(a, b, tb::dense_view<const T>(c));
    });
  };
  for (const int m : {1, 15, 16, 17, 40}) {
    for (const int n : {1, 3, 16, 60}) {
      check(generators::uniform<double>(m, n, 30, from));
      check(generators::uniform<float, std::int64_t>(m, n, 85, from));
    }
  }
  check(stencil<float>(300, 295, from));
  check(stencil<double>(300, 295, from));
  check(stencil<std::complex<double>>(70, 80, from));
  check(stencil<std::int32_t, std::int64_t>(70, 80, from));
}

TEST_CASE("an Inf in x reaches only rows that store its column, in diagonals, too", "[optimize]") {
  source from(37);
  const auto a = stencil<double>(509, 509, from);
  std::vector<double> x(509, 1.0);
  x[100] = std::numeric_limits<double>::infinity();
  oracle::at_every_isa([&] {
    std::vector<double> y(509);
    tb::multiply(tb::optimize(a), x, y);
    std::vector<bool> stores(509);
    for (const auto& e : tb::entries(a)) {
      if (e.col == 100) stores[static_cast<std::size_t>(e.row)] = true;
    }
    for (std::size_t i = 0; i < y.size(); ++i) CHECK(std::isfinite(y[i]) == !stores[i]);
  });
}

TEST_CASE("long rows share slices unless these are few", "[optimize]") {
  source from(40);
  generators::triples<float, std::int32_t> t; // 2,040 to 2,060 entries a row; small integers
  for (std::int64_t i = 0; i < 150; ++i) {
    const std::int64_t entries = 2040 + from.below(21);
    for (std::int64_t j = 0; j < entries; ++j) {
      t.add(i, 37 * j + from.below(37), from.small<float>());
    }
  }
  const auto a = tb::to_csr(std::move(t).matrix(150, 37 * 2060));
  const auto offsets = a.row_offsets();
  const tb::csr_view<const float> few(
      a.values().first(tb::detail::at(offsets[60])), offsets.first(61),
      a.col_indices().first(tb::detail::at(offsets[60])), tb::shape(60, a.cols()));
  const auto x = generators::small_vector<float>(a.cols(), from);
  oracle::at_every_isa([&] {
    const auto h = tb::optimize(a);
    tb::validate(h);
    REQUIRE(h.view().sliced().nnz() == a.nnz());
    CHECK(h.view().sliced().slices() == 10);
    CHECK(tb::to_csr(h) == a);
    CHECK(tb::optimize(few).view().sliced().slices() > 4); // the longer ones alone
    std::vector<float> y(150), expected(150);
    tb::multiply(h, x, y);
    tb::multiply(a, x, expected);
    CHECK(y == expected);
    std::vector<float> yt(tb::detail::at(a.cols())), expected_t(yt.size());
    tb::multiply(tb::transposed(h), y, yt);
    tb::multiply(tb::transposed(a), y, expected_t);
    CHECK(yt == expected_t);
  });
}

TEST_CASE("slices that come from memory are multiplied like others", "[optimize]") {
  source from(36);
  // 13 and 18 MB, asked for ahead; small integers, whose sums are exact.
  for (const std::int64_t cols : {50000, 90000}) {
    const auto a = tb::to_csr(generators::scattered<float>(90000, cols, 2200000, from));
    const auto h = tb::optimize(a);
    const auto slices = h.view().sliced();
    CHECK(slices.narrow() == (cols == 50000));
    REQUIRE(slices.nnz() * (slices.narrow() ? 6 : 8) > tb::detail::far_bytes / 4 * 3);
    const auto x = generators::small_vector<float>(cols, from);
    std::vector<float> y(90000);
    std::vector<float> expected(90000);
    tb::multiply(a, x, expected);
    oracle::at_every_isa([&] {
      tb::multiply(h, x, y);
      CHECK(y == expected);
    });
  }
}

/// What optimize made of a multiplies like a and gives it back.
template <class T>
void check_products(const tb::coo_matrix<T>& a, const tb::optimized_matrix<T>& h, source& from) {
  const std::int64_t m = a.rows();
  const std::int64_t n = a.cols();
  tb::validate(h);
  CHECK(tb::to_coo(h) == a);
  const auto x = generators::vector<T>(n, from);
  const auto xt = generators::vector<T>(m, from);
  const auto y0 = generators::vector<T>(m, from);
  std::vector<T> y(y0.size(), T(99));
  tb::multiply(h, x, y);
  oracle::check_spmv(a, x, y);
  tb::multiply(tb::scaled(3, h), x, tb::scaled(2, y0), y);
  oracle::check_spmv(a, x, y, T(3), T(2), y0);
  std::vector<T> other(y.size());
  tb::multiply(tb::threads(3), tb::scaled(3, h), x, tb::scaled(2, y0), other);
  CHECK(other == y);
  std::vector<T> yt(x.size(), T(99));
  tb::multiply(tb::transposed(h), xt, yt);
  oracle::check_spmv(tb::transposed(a), xt, yt);
  const tb::dense_matrix<T> b(generators::vector<T>(n * 5, from), {n, 5});
  tb::dense_matrix<T> c({m, 5});
  tb::multiply(h, b, c);
  oracle::check_spmm(a, b, c);
}

/// For each number as many empty rows, and before them up to `most` rows of three entries or so.
template <class T>
tb::coo_matrix<T> empty_between(const std::vector<int>& numbers, std::int64_t most, source& from) {
  generators::triples<T, std::int32_t> t;
  std::int64_t m = 0;
  for (const int empty : numbers) {
    for (std::int64_t i = from.below(most); i >= 0; --i, ++m) {
      for (std::int64_t j = from.below(50); j < 90; j += 1 + from.below(40)) {
        t.add(m, j, from.value<T>());
      }
    }
    m += empty;
  }
  return std::move(t).matrix(m, 90);
}

TEMPLATE_TEST_CASE("many empty rows in a row are one slice", "[optimize]", double, float,
                   std::int32_t) {
  using T = TestType;
  source from(38);
  const auto a = empty_between<T>({0, 1, 15, 16, 17, 40, 511, 3, 1500, 31, 1, 30}, 300, from);
  oracle::at_every_isa([&] {
    const bool of_integers = std::is_same_v<T, std::int32_t>;
    const auto h = tb::optimize(a, of_integers ? tb::operation::spmm : tb::operation::spmv);
    check_products(a, h, from);
    if (tb::active_isa() > tb::isa::scalar) {
      const auto slices = h.view().sliced();
      REQUIRE(slices.nnz() == a.nnz());
      std::int64_t empty = 0;
      for (std::int64_t s = 0; s < slices.slices(); ++s) empty += slices.empty_rows(s);
      CHECK(empty > 2100); // of 2,145, some of which windows cut off from theirs
    }
  });
}

TEMPLATE_TEST_CASE("a matrix of almost only empty rows stays COO", "[optimize]", double, float) {
  using T = TestType;
  source from(39);
  const auto a = empty_between<T>({13, 40, 0, 100, 25, 9, 200, 33, 61}, 3, from);
  oracle::at_every_isa([&] {
    const auto h = tb::optimize(a);
    CHECK(h.view().coo().nnz() == a.nnz());
    CHECK(h.bytes() > a.nnz() * std::int64_t{sizeof(T) + 8});
    check_products(a, h, from);
    const auto made_for_transpose = tb::optimize(tb::transposed(a), tb::operation::spmv_transposed);
    CHECK(made_for_transpose.view().coo().nnz() == a.nnz());
    check_products(tb::to_coo(tb::to_csr(tb::transposed(a))), made_for_transpose, from);
  });
  std::int64_t k = 0;
  for (const auto e : tb::entries(tb::optimize(a))) {
    CHECK(e.value == a.values()[tb::detail::at(k++)]);
  }
  CHECK(k == a.nnz());
}

TEMPLATE_TEST_CASE("columns of slices are narrow where no slice is wide", "[optimize]", double,
                   float, std::complex<float>) {
  using T = TestType;
  source from(37);
  // Rows of a few entries near a diagonal and a long one, a slice of its own.
  for (const std::int64_t width : {65536, 65537}) {
    const std::int64_t m = 2011;
    const std::int64_t n = 100000;
    generators::triples<T, std::int32_t> t;
    for (std::int64_t i = 0; i < m; ++i) {
      if (i == 700) {
        for (std::int64_t j = 0; j + 5 < width; j += 5) t.add(i, 30000 + j, from.value<T>());
        t.add(i, 30000 + width - 1, from.value<T>());
      } else if (i % 7 != 0) {
        for (std::int64_t j = from.below(1000); j < 40000; j += 3000 + from.below(9000)) {
          t.add(i, 3 * i + j, from.value<T>());
        }
      }
    }
    const auto a = std::move(t).matrix(m, n);
    const auto x = generators::vector<T>(n, from);
    const auto xt = generators::vector<T>(m, from);
    oracle::at_every_isa([&] {
      const auto h = tb::optimize(a);
      tb::validate(h);
      CAPTURE(width, tb::active_isa());
      const auto slices = h.view().sliced();
      REQUIRE(slices.nnz() == a.nnz());
      CHECK(slices.narrow() == (width == 65536));
      CHECK(tb::to_coo(h) == a);
      std::vector<T> y(tb::detail::at(m), T(99));
      tb::multiply(h, x, y);
      oracle::check_spmv(a, x, y);
      std::vector<T> yt(tb::detail::at(n), T(99));
      tb::multiply(tb::transposed(h), xt, yt);
      oracle::check_spmv(tb::transposed(a), xt, yt);
      std::vector<T> other(y.size());
      tb::multiply(tb::threads(3), h, x, other);
      CHECK(other == y);
    });
  }
}

TEST_CASE("an optimized matrix is empty when default made or moved from", "[optimize]") {
  tb::optimized_matrix<double> none;
  tb::validate(none);
  CHECK(none.rows() == 0);
  source from(33);
  auto h = tb::optimize(generators::uniform<double>(20, 30, 20, from));
  const auto other = std::move(h);
  CHECK(other.nnz() > 0);
  tb::validate(h); // NOLINT(bugprone-use-after-move)
  std::vector<double> nothing;
  tb::multiply(h, nothing, nothing);
  CHECK(tb::to_coo(h).nnz() == 0);
}

TEST_CASE("validate names what is broken in optimized arrays", "[optimize]") {
  using offsets = std::vector<std::int64_t>;
  const std::vector<double> values{1, 2, 3};
  const std::vector<int> cols{0, 1, 2};
  const offsets zeros{0, 0};
  const tb::bitmap_view<const double, int> no_tiles({}, std::vector<std::uint16_t>{},
                                                    std::vector<int>{}, zeros, zeros, {3, 4});
  const auto message = [&](const offsets& slice_offsets, const offsets& slice_rows,
                           const std::vector<int>& order, const std::vector<std::int32_t>& lengths,
                           const std::vector<tb::unit_range>& bands = {}) {
    const tb::sliced_view<const double, int> sliced(values, cols, slice_offsets, slice_rows, order,
                                                    lengths, {3, 4});
    const tb::optimized_view<const double, int> a(no_tiles, bands, {}, {}, sliced);
    return oracle::message_of<tb::invalid_matrix>([&] { tb::validate(a); });
  };
  CHECK(oracle::contains(message({0, 2}, {0, 3}, {0, 1, 2}, {2, 1, 0}), "slice_offsets"));
  CHECK(oracle::contains(message({0, 3}, {0, 3}, {0, 1, 3}, {2, 1, 0}), "row_order"));
  CHECK(oracle::contains(message({0, 3}, {0, 3}, {0, 1, 2}, {1, 2, 0}), "slice 0"));
  CHECK(oracle::contains(message({0, 3}, {0, 3}, {0, 1, 2}, {2, 2, 0}), "slice 0"));
  CHECK(oracle::contains(message({0, 3}, {0, 3}, {0, 1, 1}, {2, 1, 0}), "row 1 is in two parts"));
  CHECK(oracle::contains(message({0, 3}, {0, 2}, {0, 2}, {2, 1}), "row 1 is in no part"));
  CHECK(oracle::contains(message({0, 3}, {0, 3}, {0, 1, 2}, {2, 1, 0}, {{0, 1}}), "two parts"));
  CHECK(oracle::contains(message({0, 3, 3}, {0, 1, 2}, {0, 1}, {3, 3}), "slice 1"));
  CHECK(oracle::contains(message({0, 3, 3}, {0, 1, 2}, {0, 1}, {3, 0}), "slice 1"));
  CHECK(oracle::contains(message({0, 3, 3}, {0, 1, 2}, {1, 0}, {3, 2}), "row 1 is in two parts"));
  CHECK(oracle::contains(message({0, 3, 3}, {0, 1, 2}, {0, 1}, {3, 1}), "row 2 is in no part"));
  CHECK(oracle::contains(message({0, 3}, {0, 3}, {0, 1, 2}, {2, 1, 0}, {{0, 2}}), "no band"));

  const auto message_of_narrow = [&](const std::vector<std::uint16_t>& narrow,
                                     const std::vector<int>& bases) {
    const offsets all{0, 3};
    const std::vector<int> order{0, 1, 2};
    const std::vector<std::int32_t> lengths{2, 1, 0};
    const tb::sliced_view<const double, int> sliced(values, narrow, bases, all, all, order, lengths,
                                                    {3, 4});
    const tb::optimized_view<const double, int> a(no_tiles, {}, {}, {}, sliced);
    return oracle::message_of<tb::invalid_matrix>([&] { tb::validate(a); });
  };
  CHECK(oracle::contains(message_of_narrow({0, 1}, {1}), "the columns and values disagree"));
  CHECK(oracle::contains(message_of_narrow({0, 1, 2}, {}), "the columns and values disagree"));
  CHECK(oracle::contains(message_of_narrow({0, 1, 2}, {4}), "column_bases"));
  CHECK(oracle::contains(message_of_narrow({0, 1, 2}, {2}), "column 4 of slice 0"));
  const std::vector<std::uint16_t> narrow{0, 1, 2};
  CHECK(tb::sliced_view<const double, int>(values, narrow, cols, {}, {}, {}, {}, {3, 4})
            .column(1, 2) == 3);

  const auto message_of_coo = [&](const std::vector<int>& rows, tb::shape shape_of_it) {
    const tb::coo_view<const double, int> coo(values, rows, cols, shape_of_it);
    const tb::optimized_view<const double, int> a(no_tiles, {}, {}, {}, {}, {}, {}, coo);
    return oracle::message_of<tb::invalid_matrix>([&] { tb::validate(a); });
  };
  CHECK(oracle::contains(message_of_coo({0, 2, 1}, {3, 4}), "row-major order"));
  CHECK(oracle::contains(message_of_coo({0, 2, 3}, {3, 4}), "row_indices"));
  CHECK(oracle::contains(message_of_coo({0, 1, 2}, {3, 5}), "COO of 3 rows and 5"));

  const auto check_csr = [&](const std::vector<tb::unit_range>& bands, tb::shape s) {
    const offsets row_offsets{0, 2, 3, 3};
    const tb::csr_view<const double, int> csr(values, row_offsets, cols, s);
    tb::validate(tb::optimized_view<const double, int>(no_tiles, bands, {}, {}, {}, {}, csr));
  };
  check_csr({}, {3, 4});
  const auto message_of_csr = [&](const auto&... arguments) {
    return oracle::message_of<tb::invalid_matrix>([&] { check_csr(arguments...); });
  };
  const std::vector<tb::unit_range> all{{0, 1}};
  CHECK(oracle::contains(message_of_csr(all, tb::shape(3, 4)), "row 0 is in two parts"));
  const std::vector<tb::unit_range> none;
  CHECK(oracle::contains(message_of_csr(none, tb::shape(3, 5)), "CSR of 3 rows and 5 columns"));
  for (const std::size_t rows : {std::size_t{1}, std::size_t{3}}) {
    offsets row_offsets(rows + 2, 3);
    row_offsets.front() = 0;
    const tb::csr_view<const double, int> csr(values, row_offsets, cols, {rows + 1, 4});
    const tb::optimized_view<const double, int> a(no_tiles, none, {}, {}, {}, {}, csr);
    CHECK(oracle::contains(oracle::message_of<tb::invalid_matrix>([&] { tb::validate(a); }),
                           "CSR of"));
  }
}

TEST_CASE("entries outside the bands of an optimized matrix are an error", "[optimize]") {
  source from(35);
  const auto b = tb::to_bitmap(generators::uniform<double>(8, 9, 60, from));
  const auto check = [&](const std::vector<tb::unit_range>& bands) {
    tb::validate(
        tb::optimized_view<const double, std::int32_t>(std::as_const(b).view(), bands, {}, {}, {}));
  };
  check({{0, 1}, {1, 2}});
  CHECK(oracle::contains(oracle::message_of<tb::invalid_matrix>([&] {
                           check({{0, 1}});
                         }),
                         "outside its bands"));
}

TEST_CASE("validate names what is broken in diagonals", "[optimize]") {
  const auto check = [&](const std::vector<std::uint16_t>& masks, const std::vector<int>& cols,
                         std::size_t values = 32) {
    const std::vector<std::int64_t> slices{0, static_cast<std::int64_t>(masks.size())};
    const std::vector<double> padded(values, 1);
    tb::validate(tb::diagonal_view<const double, int>(padded, masks, cols, slices, 3, {5, 4}));
  };
  const auto message = [&](const auto&... arrays) {
    return oracle::message_of<tb::invalid_matrix>([&] { check(arrays...); });
  };
  using masks = std::vector<std::uint16_t>;
  using columns = std::vector<int>;
  CHECK_NOTHROW(check({6, 1}, {-1, 3}));
  CHECK(oracle::contains(message(masks{6, 1}, columns{-2, 3}), "piece 0"));
  CHECK(oracle::contains(message(masks{3, 1}, columns{3, 3}), "piece 0"));
  CHECK(oracle::contains(message(masks{3, 1}, columns{1, 0}), "piece 1"));
  CHECK(oracle::contains(message(masks{3, 1}, columns{1, 1}), "piece 1"));
  CHECK(oracle::contains(message(masks{7, 0}, columns{0, 1}), "piece 1"));
  CHECK(oracle::contains(message(masks{0x30, 1}, columns{-4, 1}), "piece 0"));
  CHECK(oracle::contains(message(masks{3, 3}, columns{0, 1}), "count 4"));
  CHECK(oracle::contains(message(masks{6, 1}, columns{-1, 3}, std::size_t{3}), "lengths"));
  CHECK(oracle::contains(message(masks{6, 1}, columns{-1}), "lengths"));
}

TEST_CASE("recommend tells blocks from scattered entries", "[optimize]") {
  source from(34);
  const auto blocks = generators::uniform<double>(400, 400, 90, from);
  const auto scattered = generators::scattered<double>(3000, 3000, 60000, from);
  const auto r = tb::recommend(scattered);
  CHECK(r.best == tb::format::csr);
  CHECK(r.gain == 1.0);
  CHECK(oracle::contains(r.reason, "CSR"));
  oracle::at_every_isa([&] {
    const auto b = tb::recommend(tb::to_bitmap(blocks));
    if (tb::active_isa() >= tb::isa::avx512) {
      CHECK(b.best == tb::format::bitmap);
      CHECK(b.gain > 1.5);
    }
    CHECK(oracle::contains(b.reason, std::string(tb::to_string(tb::active_isa()))));
  });
  oracle::at_every_isa([&] {
    const auto dense = tb::recommend(blocks, tb::operation::spmm);
    CHECK((dense.best == tb::format::bitmap) == (tb::active_isa() >= tb::isa::avx2));
    CHECK((dense.gain > 1) == (tb::active_isa() >= tb::isa::avx2));
    CHECK(tb::recommend(scattered, tb::operation::spmm).best == tb::format::csr);
    CHECK(tb::recommend(scattered, tb::operation::spmm).gain == 1);
    CHECK(tb::recommend(tb::coo_matrix<double>(), tb::operation::spmm).gain == 1);
  });
  oracle::at_every_isa([&] { // taking tiles apart is repaid by many columns, not by few
    const auto sparse = generators::uniform<float>(64, 2048, 20, from);
    const auto of_few = tb::recommend(sparse, tb::operation::spmm, 32);
    const auto of_many = tb::recommend(sparse, tb::operation::spmm, 1024);
    CHECK(of_few.best == tb::format::csr);
    CHECK((of_many.best == tb::format::bitmap) == (tb::active_isa() >= tb::isa::avx512));
    CHECK(tb::recommend(sparse, tb::operation::spmm, 1).reason == tb::recommend(sparse).reason);
    const auto filled = generators::uniform<float>(256, 256, 95, from); // tiles stay whole
    const auto two = tb::recommend(filled, tb::operation::spmm, 2);
    CHECK((two.best == tb::format::bitmap) == (tb::active_isa() >= tb::isa::avx2));
    const auto many = tb::recommend(filled, tb::operation::spmm, 64); // are grouped as they stand
    CHECK((many.best == tb::format::bitmap) == (tb::active_isa() >= tb::isa::avx2));
  });
  CHECK_THROWS_AS(tb::recommend(blocks, tb::operation::spmm, 0), std::invalid_argument);
  CHECK(tb::recommend(blocks, tb::operation::spmv, 7).reason == tb::recommend(blocks).reason);
  const auto rows = tb::to_csr(scattered);
  CHECK(std::isfinite(
      tb::recommend(blocks, tb::operation::spmm, std::numeric_limits<std::int64_t>::max()).gain));
  CHECK(tb::detail::count_tiles(std::as_const(rows).view()) ==
        tb::detail::length(tb::to_bitmap(scattered).bitmaps()));
  const auto t = tb::recommend(blocks, tb::operation::spmv_transposed);
  CHECK(t.gain >= 1.0);
  CHECK(oracle::contains(t.reason, "CSR"));
  CHECK(tb::recommend(generators::uniform<std::int32_t>(20, 20, 90, from)).best == tb::format::csr);
  CHECK(tb::recommend(tb::coo_matrix<double>()).gain == 1.0);
  CHECK(tb::to_string(tb::format::bitmap_grid) == "bitmap grid");
}

TEMPLATE_TEST_CASE("every instruction set has its SpMV kernels, which products run", "[dispatch]",
                   float, double) {
  using T = TestType;
  // The kernel's name at AVX2, at AVX-512, and from which level on which one where gathers are
  // microcode; at AVX2 there may be another one for those. `runs`: the function of a product.
  const auto check = [](const auto& rows, const auto& runs, std::string_view avx2,
                        std::string_view avx512, tb::isa from, std::string_view in_microcode,
                        std::string_view avx2_in_microcode = {}) {
    oracle::at_every_isa([&] {
      const tb::isa level = tb::active_isa();
      const bool microcode = tb::detail::gathers_in_microcode();
      const auto at_avx2 = microcode && !avx2_in_microcode.empty() ? avx2_in_microcode : avx2;
      const auto expected = microcode && level >= from ? in_microcode
                            : level >= tb::isa::avx512 ? avx512
                            : level == tb::isa::avx2   ? at_avx2
                                                       : std::string_view("reference");
      const auto& row = tb::kernels::select(rows);
      CHECK(row.name == expected);
      CHECK(row.level <= level);
      CHECK(runs(false) == row.function);
    });
  };
#ifndef TILEBIT_DISABLE_SIMD
  namespace k = tb::kernels;
  using tb::isa;
  using i32 = std::int32_t;
  using i64 = std::int64_t;
  const auto check_plain = [&]<class View>(std::type_identity<View>, auto... names) {
    check(k::spmv_table<View>::rows, &k::plain_kernel<View>, names...);
  };
  const auto check_each = [&]<class I>(I) {
    check_plain(std::type_identity<tb::coo_view<const T, I>>(), "entries, runs by gathers",
                "entries, segmented sums", isa::avx512_bf16,
                "entries, segmented sums of single loads", "entries, runs by single loads");
    check_plain(std::type_identity<tb::csr_view<const T, I, i64>>(), "rows, gathers",
                "rows, gathers", isa::avx2, "rows, single loads");
    check_plain(std::type_identity<tb::sliced_view<const T, I>>(), "slices, gathers",
                "slices, gathers", isa::avx2, "slices, single loads");
    check_plain(std::type_identity<tb::bitmap_view<const T, I>>(), "tiles, permutations",
                "tiles, expanding loads", isa::avx512_bf16, "tiles, expanding loads, rows apart");
    check_plain(std::type_identity<tb::diagonal_view<const T, I>>(), "diagonals", "diagonals",
                isa::avx2, "diagonals");
    const auto check_transposed = [&]<class View>(std::type_identity<View>) {
      check(k::spmv_transposed_table<View>::rows, &k::transposed_kernel<View>,
            "entries and tiles, scattered", "entries and tiles, scattered", isa::avx512_bf16,
            "entries and tiles, scattered by fours");
    };
    check_transposed(std::type_identity<tb::diagonal_view<const T, I>>());
    check_transposed(std::type_identity<tb::coo_view<const T, I>>());
    check_transposed(std::type_identity<tb::csr_view<const T, I, i64>>());
    check_transposed(std::type_identity<tb::bitmap_view<const T, I>>());
    check_transposed(std::type_identity<tb::sliced_view<const T, I>>());
  };
  check_each(i32{});
  check_each(i64{});
  check_plain(std::type_identity<tb::csr_view<const T, i64, i32>>(), "rows, gathers",
              "rows, gathers", isa::avx2, "rows, single loads");
#endif
}
