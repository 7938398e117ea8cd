// Masked rows: what optimize makes of 16-bit and 8-bit matrices of which much is stored, for
// vectors, against products of small integers, which are exact in every order of additions.
#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include <tilebit/conversions/masks.hpp>
#include <tilebit/convert.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "low_precision.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using generators::source;
using low_precision::has_dot_products;
using low_precision::small_integers;
using low_precision::sum_of;

namespace {

/// The entries of masked rows by their definition.
template <class T>
tb::dense_matrix<T> entries_of(const tb::masked_view<const T>& m) {
  tb::dense_matrix<T> out({m.rows(), m.cols()});
  std::size_t e = 0;
  for (std::int64_t k = 0; k < tb::detail::length(m.bitmaps()); ++k) {
    const std::int64_t row = k / 16 / m.pieces() * 16 + k % 16;
    for (std::int64_t bit = 0; bit < m.width; ++bit) {
      if ((m.bitmaps()[static_cast<std::size_t>(k)] >> bit & 1U) == 0) continue;
      out(row, k / 16 % m.pieces() * m.width + bit) = m.elements()[e++];
    }
  }
  CHECK(e == m.elements().size());
  return out;
}

/// Products with x of either kind of processor, at every level, by one and by several threads.
template <class T>
void check_products(const tb::optimized_matrix<T>& h, const std::vector<T>& x) {
  using R = sum_of<T>;
  std::vector<R> expected(static_cast<std::size_t>(h.rows()));
  for (const auto e : tb::entries(tb::to_coo(h))) {
    expected[static_cast<std::size_t>(e.row)] +=
        static_cast<R>(e.value) * static_cast<R>(x[static_cast<std::size_t>(e.col)]);
  }
  for (const bool slow : {false, true}) {
    const oracle::gathers_as_if processor(slow);
    oracle::at_every_isa([&] {
      for (const auto& policy : {tb::seq, tb::threads(3)}) {
        std::vector<R> y(expected.size(), R(-1));
        tb::multiply(policy, h, x, y);
        CHECK(y == expected);
      }
    });
  }
}

/// What optimize makes of a matrix for which masked rows pay.
template <class T>
tb::optimized_matrix<T> with_masks(const tb::coo_matrix<T>& a) {
  const auto rows = tb::to_csr(a);
  tb::detail::packed_arrays<T, std::int32_t> copy;
  copy.masked = tb::detail::masks_of(rows.view());
  return {tb::detail::trusted{}, tb::to_bitmap_grid(a), std::move(copy)};
}

} // namespace

TEMPLATE_TEST_CASE("masked rows are a copy that multiplies vectors", "[low precision]",
                   tb::bfloat16, std::int8_t) {
  using T = TestType;
  source from(91);
  struct problem {
    int m, n, percent;
  };
  for (const problem& p : {problem{1, 1, 100},
                           {16, 64, 100},
                           {37, 70, 80},
                           {33, 256, 60},
                           {16, 1025, 70},
                           {130, 257, 90}}) {
    CAPTURE(p.m, p.n, p.percent);
    const auto a = small_integers<T>(p.m, p.n, p.percent, from);
    const auto h = with_masks(a);
    const auto m = h.view().masked();
    REQUIRE(m.bands() == (p.m + 15) / 16);
    tb::validate(h.view());
    CHECK(tb::to_csr(h) == tb::to_csr(a));
    tb::dense_matrix<T> dense({p.m, p.n});
    tb::to_dense(a, dense);
    CHECK(entries_of(m) == dense);
    CHECK(h.bytes() > 2 * h.nnz() * std::int64_t{sizeof(T)}); // the copy is counted
    check_products(h, generators::small_vector<T>(p.n, from));
  }
}

TEST_CASE("masked rows of 8-bit integers are exact up to the largest", "[low precision]") {
  source from(92);
  auto a = generators::uniform<std::int8_t>(40, 3000, 95, from);
  for (std::int8_t& x : a.values()) x = -128;
  const auto h = with_masks(a);
  REQUIRE(h.view().masked().bands() == 3);
  for (const int x : {-128, 127}) {
    check_products(h, std::vector<std::int8_t>(3000, static_cast<std::int8_t>(x)));
  }
}

TEST_CASE("masked rows do not multiply zeros by Inf or NaN", "[low precision]") {
  using T = tb::bfloat16;
  source from(93);
  const auto a = small_integers<T>(40, 200, 60, from);
  const auto h = with_masks(a);
  const auto plain = tb::to_csr(a);
  for (const float special :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    std::vector<T> x(200, T(1));
    x[7] = T(special);
    std::vector<float> y(40);
    std::vector<float> expected(40);
    tb::multiply(h, x, y);
    tb::multiply(plain, x, expected);
    for (std::size_t i = 0; i < 40; ++i) CHECK(std::isfinite(y[i]) == std::isfinite(expected[i]));
    CHECK(std::ranges::any_of(y, [](float v) { return std::isfinite(v); }));
  }
}

TEST_CASE("masked rows are there where they pay", "[low precision]") {
  if (!has_dot_products()) return;
  source from(94);
  for (const bool slow : {false, true}) {
    const oracle::gathers_as_if processor(slow);
    const auto masked = [&](int percent) {
      const auto a = generators::uniform<std::int8_t>(64, 1024, percent, from);
      return tb::optimize(a).view().masked().bands() > 0;
    };
    CHECK(masked(70));
    CHECK(!masked(10)); // windows
    const auto few = generators::scattered<std::int8_t>(2000, 5000, 300, from);
    CHECK(tb::optimize(few).view().masked().bands() == 0); // nearly all pieces would be empty
  }
  const auto a = generators::uniform<tb::bfloat16>(64, 512, 60, from);
  const bool unit = tb::active_isa() >= tb::isa::amx && tb::detail::amx_allowed();
  const auto h = tb::optimize(a, tb::operation::spmm);
  CHECK((h.view().masked().bands() > 0) == unit);
  CHECK((h.view().packed().blocks() > 0) == !unit);
}

TEST_CASE("validate names what is wrong with masked rows", "[low precision]") {
  using view = tb::masked_view<const tb::bfloat16>; // pieces of 32 columns
  std::vector<tb::bfloat16> elements(3);
  std::vector<std::uint32_t> bitmaps(32);
  std::vector<std::int64_t> offsets{0, 3};
  std::vector<std::int32_t> sums;
  const auto message = [&] {
    return oracle::message_of<tb::invalid_matrix>(
        [&] { tb::validate(view(elements, bitmaps, offsets, sums, tb::shape(10, 40))); });
  };
  bitmaps[0] = 3;
  bitmaps[25] = 1U << 7; // row 9, column 39
  tb::validate(view(elements, bitmaps, offsets, sums, tb::shape(10, 40)));
  bitmaps[25] = 1U << 8;
  CHECK(message() == "masked: bitmap 25 has bits outside 10 rows and 40 columns");
  bitmaps[25] = 0;
  bitmaps[10] = 1;
  CHECK(message() == "masked: bitmap 10 has bits outside 10 rows and 40 columns");
  bitmaps[10] = 0;
  CHECK(message() == "masked: band 0 has 3 elements and bitmaps of 2");
  bitmaps.pop_back();
  CHECK(oracle::contains(message(), "disagree"));
  bitmaps.push_back(0);
  sums.resize(16);
  CHECK(oracle::contains(message(), "disagree"));

  const std::vector<std::int64_t> none{0, 0};
  const tb::shape wide(16, std::int64_t{1} << 62); // more bitmaps than their number can count
  CHECK(oracle::contains(
      oracle::message_of<tb::invalid_matrix>([&] { tb::validate(view({}, {}, none, {}, wide)); }),
      "disagree"));
}
