// Conversions between all formats: exact round trips, duplicates, thresholds, lazy operands, large
// matrices. Wide ones and what is refused: convert_limits_test.cpp.
#include <algorithm>
#include <array>
#include <bit>
#include <complex>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include <tilebit/convert.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using generators::column_ordered;
using generators::shuffled;
using oracle::contains;
using oracle::message_of;
using oracle::position_of;

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
using reals = std::vector<double>;

/// Equal bit by bit: NaN equals itself, -0.0 does not equal 0.0.
template <class R, class S>
bool same_bits(const R& a, const S& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), std::span(a).size_bytes()) == 0);
}

template <class T, class I>
bool identical(const tb::coo_matrix<T, I>& a, const tb::coo_matrix<T, I>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && same_bits(a.values(), b.values()) &&
         same_bits(a.row_indices(), b.row_indices()) && same_bits(a.col_indices(), b.col_indices());
}
template <class T, class I, class O>
bool identical(const tb::csr_matrix<T, I, O>& a, const tb::csr_matrix<T, I, O>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && same_bits(a.values(), b.values()) &&
         same_bits(a.row_offsets(), b.row_offsets()) && same_bits(a.col_indices(), b.col_indices());
}
template <class T, class I>
bool identical(const tb::bitmap_matrix<T, I>& a, const tb::bitmap_matrix<T, I>& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() && same_bits(a.elements(), b.elements()) &&
         same_bits(a.bitmaps(), b.bitmaps()) && same_bits(a.tile_cols(), b.tile_cols()) &&
         same_bits(a.tile_row_offsets(), b.tile_row_offsets()) &&
         same_bits(a.element_offsets(), b.element_offsets());
}

/// Every road between the formats; a is in row-major order without duplicates.
template <class T, class I>
void check_round_trips_here(const tb::coo_matrix<T, I>& a, generators::source& from) {
  CAPTURE(a.rows(), a.cols(), a.nnz());
  const auto csr = tb::to_csr(a);
  const auto bitmap = tb::to_bitmap(a);
  CHECK(identical(tb::to_coo(a), a));
  CHECK(identical(tb::to_coo(csr), a));
  CHECK(identical(tb::to_coo(bitmap), a));
  CHECK(identical(tb::to_csr(csr.view()), csr));
  CHECK(identical(tb::to_csr(bitmap), csr));
  CHECK(identical(tb::to_bitmap(csr), bitmap));
  CHECK(identical(tb::to_bitmap(bitmap.view()), bitmap));
  for (const auto& other : {shuffled(a, from), column_ordered(a)}) {
    CHECK(identical(tb::to_csr(other), csr));
    CHECK(identical(tb::to_bitmap(other.view()), bitmap));
  }
  const auto csc = tb::to_csr(tb::transposed(csr)); // the arrays of a as CSC
  CHECK(identical(tb::to_csr(tb::transposed(a)), csc));
  CHECK(identical(tb::to_csr(tb::transposed(bitmap)), csc));
  CHECK(identical(tb::to_bitmap(tb::transposed(csc)), bitmap));
  CHECK(identical(tb::to_coo(tb::transposed(tb::to_bitmap(csc))), a));
  CHECK(identical(tb::to_bitmap(tb::transposed(tb::to_coo(csc))), bitmap));
  const auto other_offsets = tb::to_csr<std::int64_t, std::int32_t>(bitmap);
  CHECK(identical(tb::to_csr<I, std::int64_t>(other_offsets), csr));
  CHECK(identical(tb::to_bitmap<I>(tb::to_bitmap<std::uint32_t>(other_offsets)), bitmap));
}

/// The same with every instruction set.
template <class T, class I>
void check_round_trips(const tb::coo_matrix<T, I>& a, generators::source& from) {
  oracle::at_every_isa([&] { check_round_trips_here(a, from); });
}

template <class T, class I>
void check_sizes() {
  generators::source from(5);
  for (const int m : {0, 1, 3, 4, 5, 15, 16, 17, 63, 64, 65}) {
    for (const int n : {0, 1, 3, 4, 5, 15, 16, 17, 63, 64, 65}) {
      check_round_trips(generators::uniform<T, I>(m, n, m % 4 == 0 ? 50 : 10, from), from);
    }
  }
  check_round_trips(generators::uniform<T, I>(1, 200, 20, from), from);
  check_round_trips(generators::uniform<T, I>(200, 1, 20, from), from);
  check_round_trips(generators::uniform<T, I>(37, 41, 100, from), from);
  check_round_trips(generators::uniform<T, I>(37, 41, 0, from), from);
  check_round_trips(generators::giant_row<T, I>(50, 90, from), from);
  check_round_trips(generators::empty_rows<T, I>(50, 90, from), from);
  check_round_trips(generators::blocks<T, I>(21, 22, from), from);
}

/// What a COO matrix means, by a tree: slow and independent of the library.
template <class T, class I>
tb::coo_matrix<T, I> summed(const tb::coo_matrix<T, I>& a) {
  std::map<std::pair<I, I>, T> sums;
  for (const auto e : tb::entries(a)) sums[{e.row, e.col}] += e.value;
  generators::triples<T, I> t;
  for (const auto& [place, x] : sums) {
    t.add(static_cast<std::int64_t>(place.first), static_cast<std::int64_t>(place.second), x);
  }
  return std::move(t).matrix(a.rows(), a.cols());
}

} // namespace

TEMPLATE_TEST_CASE("round trips are exact", "[convert]", double, float, std::complex<float>,
                   std::int32_t, std::int8_t, tb::bfloat16) {
  check_sizes<TestType, std::int32_t>();
  check_sizes<TestType, std::int64_t>();
  check_sizes<TestType, std::uint32_t>();
}

TEST_CASE("zeros, signs of zero, NaN payloads and infinities are kept", "[convert]") {
  generators::source from(6);
  const std::array special{0.0,
                           -0.0,
                           std::bit_cast<double>(0x7ff8dead0000beefULL),
                           std::bit_cast<double>(0xfff0000000000001ULL),
                           inf,
                           -inf,
                           5e-324,
                           not_a_number};
  auto a = generators::uniform<double>(30, 30, 40, from);
  for (double& x : a.values()) x = special[static_cast<std::size_t>(from.below(8))];
  check_round_trips(a, from);
  auto b = generators::uniform<float>(30, 30, 40, from);
  for (float& x : b.values()) x = from.below(2) == 0 ? -0.0F : std::bit_cast<float>(0x7fc12345U);
  check_round_trips(b, from);
}

TEST_CASE("to_dense keeps the bits of entries, the sign of zero included", "[convert]") {
  const reals bits{-0.0, std::bit_cast<double>(0x7ff8dead0000beefULL), inf};
  const tb::coo_matrix<double> a(bits, {0, 0, 0}, {0, 1, 2}, {1, 3});
  CHECK(same_bits(tb::to_dense(a).values(), bits));
  CHECK(same_bits(tb::to_dense(tb::to_csr(a)).values(), bits));
  CHECK(same_bits(tb::to_dense(tb::to_bitmap(a)).values(), bits));
}

TEST_CASE("duplicates are summed in order of appearance", "[convert]") {
  // (1e16 + 1) - 1e16 is 0, (1e16 - 1e16) + 1 is 1; both in one matrix, in and out of order.
  const reals values{1e16, 1e16, -1e16, 1, 1, -1e16, 3};
  const std::vector<int> rows{1, 2, 2, 1, 2, 1, 1};
  const std::vector<int> cols{5, 0, 0, 5, 0, 5, 0};
  const tb::coo_matrix<double> unsorted(values, rows, cols, {4, 6});
  auto sorted = unsorted;
  sorted.sort();
  const tb::coo_matrix<double> expected({3, 0, 1}, {1, 1, 2}, {0, 5, 0}, {4, 6});
  for (const auto& a : {unsorted, sorted}) {
    CHECK(tb::to_coo(tb::to_csr(a)) == expected);
    oracle::at_every_isa([&] { CHECK(tb::to_coo(tb::to_bitmap(a)) == expected); });
    CHECK(tb::to_dense(a) == tb::to_dense(expected));
    CHECK(tb::to_coo(tb::to_csr(tb::transposed(tb::to_csr(tb::transposed(a))))) == expected);
    CHECK(tb::to_coo(a) == a);
    tb::dense_matrix<double> d(reals(24, 7.0), {4, 6});
    const auto before = d;
    const tb::convert_options strict{.duplicates = tb::duplicates::error};
    CHECK(position_of<tb::invalid_matrix>([&] { tb::to_csr(a, strict); }) == 1);
    CHECK(position_of<tb::invalid_matrix>([&] { tb::to_bitmap(a, strict); }) == 1);
    CHECK(position_of<tb::invalid_matrix>([&] { tb::to_dense(a, d, strict); }) == 1);
    CHECK(contains(message_of<tb::invalid_matrix>([&] { tb::to_csr(a, strict); }),
                   "row 1, column 5 is stored more than once"));
    CHECK(d == before);
  }
  const tb::convert_options strict{.duplicates = tb::duplicates::error};
  CHECK(tb::to_coo(tb::to_bitmap(expected, strict)) == expected);
}

TEST_CASE("drop_zeros drops what equals zero after summing and scaling", "[convert]") {
  const tb::coo_matrix<double> a({0, -0.0, not_a_number, 4, -4, 2}, {0, 3, 1, 2, 2, 3},
                                 {0, 1, 1, 2, 2, 0}, {4, 3});
  const tb::coo_matrix<double> kept({not_a_number, 2}, {1, 3}, {1, 0}, {4, 3});
  CHECK(identical(tb::to_coo(tb::to_csr(a, {.drop_zeros = true})), kept));
  CHECK(identical(tb::to_coo(tb::to_bitmap(a, {.drop_zeros = true})), kept));
  CHECK(identical(tb::to_bitmap(tb::to_csr(a), {.drop_zeros = true}), tb::to_bitmap(kept)));
  CHECK(tb::to_csr(a).nnz() == 5);
  CHECK(tb::to_bitmap(tb::scaled(0, kept), {.drop_zeros = true}).nnz() == 1); // 0 * NaN
}

TEMPLATE_TEST_CASE("thresholds select from dense matrices of both layouts", "[convert]",
                   tb::row_major, tb::col_major) {
  tb::dense_matrix<double, TestType> d({2, 5});
  const reals row{-0.5, 0.25, 0, -0.0, 2};
  for (int j = 0; j < 5; ++j) d(1, j) = row[static_cast<std::size_t>(j)];
  d(0, 4) = not_a_number;
  d(0, 1) = -inf;
  const auto count = [&](double threshold) {
    const auto n = tb::to_csr(d, {.threshold = threshold}).nnz();
    CHECK(tb::to_bitmap(d, {.threshold = threshold}).nnz() == n);
    CHECK(tb::to_coo<std::int64_t>(d, {.threshold = threshold}).nnz() == n);
    return n;
  };
  CHECK(count(0) == 5);
  CHECK(count(0.25) == 4);
  CHECK(count(0.5) == 3);
  CHECK(count(inf) == 1);
  CHECK(count(-1) == 10);
  CHECK(tb::to_coo(d).nnz() == 5);
  CHECK(tb::to_coo(tb::to_bitmap(d)).col_indices()[4] == 4);
  CHECK_THROWS_AS(tb::to_csr(d, {.threshold = not_a_number}), std::invalid_argument);
  CHECK_THROWS_AS(tb::to_coo(d.view(), {.threshold = not_a_number}), std::invalid_argument);
  CHECK_THROWS_AS(tb::to_bitmap(d, {.threshold = not_a_number}), std::invalid_argument);
  const tb::dense_matrix<std::int32_t, TestType> integers({-2, 0, 1, 2}, {2, 2});
  CHECK(tb::to_bitmap(integers, {.threshold = 1.5}).nnz() == 2);
  const tb::dense_matrix<std::complex<double>, TestType> z({{3, 4}, {0, -1}}, {1, 2});
  CHECK(tb::to_csr(z, {.threshold = 4.5}).nnz() == 1);
  CHECK(tb::to_csr(z).nnz() == 2);
}

TEST_CASE("the default threshold keeps whatever is not zero", "[convert]") {
  const auto kept = [](auto tiny) {
    return tb::to_csr(tb::dense_matrix<decltype(tiny)>({tiny}, {1, 1})).nnz();
  };
  CHECK(kept(std::numeric_limits<float>::denorm_min()) == 1);
  CHECK(kept(std::numeric_limits<double>::denorm_min()) == 1);
  CHECK(kept(std::numeric_limits<long double>::denorm_min()) == 1);
  CHECK(kept(std::complex<double>(0, std::numeric_limits<double>::denorm_min())) == 1);
  CHECK(kept(std::complex<long double>(std::numeric_limits<long double>::denorm_min())) == 1);
  CHECK(kept(std::numeric_limits<std::int64_t>::min()) == 1);
}

TEST_CASE("lazy operands are applied by conversions", "[convert]") {
  using C = std::complex<float>;
  const tb::coo_matrix<C> a({C(1, 2), C(3, -4)}, {0, 1}, {2, 0}, {2, 3});
  const tb::coo_matrix<C> expected({C(-8, 6), C(4, 2)}, {0, 2}, {1, 0}, {3, 2}); // 2i conj(a)^T
  const auto lazy = [](const auto& b) {
    return tb::scaled(C(0, 2), tb::conjugated(tb::transposed(b)));
  };
  CHECK(tb::to_coo(lazy(tb::to_csr(a))) == expected);
  CHECK(tb::to_csr(lazy(a)) == tb::to_csr(expected));
  CHECK(tb::to_bitmap(lazy(tb::to_bitmap(a).view())).nnz() == 2);
  CHECK(tb::to_bitmap(tb::conjugated(tb::scaled(C(0, -2), tb::transposed(tb::to_bitmap(a))))) ==
        tb::to_bitmap(expected));
  CHECK(tb::to_dense(lazy(a)) == tb::to_dense(expected));
  CHECK_THROWS_AS(tb::scaled(0.5, tb::coo_matrix<int>()), std::invalid_argument);
}

TEST_CASE("large matrices in any order, with and without duplicates", "[convert]") {
  generators::source from(7);
  for (const auto& [m, n] : {std::pair{10007, 9001}, {70000, 40}, {40, 70000}, {150001, 150001}}) {
    CAPTURE(m, n);
    const auto a = generators::scattered<double>(m, n, 150000, from);
    const auto expected = summed(a);
    CHECK(tb::to_coo(tb::to_csr(a)) == expected);
    oracle::at_every_isa([&] { CHECK(tb::to_coo(tb::to_bitmap(a)) == expected); });
    auto in_place = a;
    in_place.sum_duplicates();
    CHECK(in_place == expected);
    CHECK(a.has_duplicates() == (a.nnz() != expected.nnz()));
    check_round_trips(expected, from);
  }
}

TEST_CASE("crowded and lonely tile rows of one matrix give the same tiles by every road",
          "[convert]") {
  generators::source from(8);
  for (const int n : {77, 1000, 9003}) {
    CAPTURE(n);
    generators::triples<double, std::int32_t> t;
    for (int i = 0; i < n; ++i) {
      if (i / 4 % 3 == 2) { // a few entries far apart: merged
        for (const int j : {0, n / 2 + i % 7, n - 1}) t.add(i, j, from.small<double>());
      } else if (i / 4 % 16 != 3) { // a band: swept
        for (int j = std::max(0, i - 9); j <= std::min(n - 1, i + 5); j += 1 + i % 2) {
          t.add(i, j, from.small<double>());
        }
      }
    }
    check_round_trips(std::move(t).matrix(n, n), from);
  }
}

TEST_CASE("duplicates are found in tile rows of every length", "[convert]") {
  generators::source from(9);
  for (const int count : {2, 15, 16, 17, 31, 32, 33, 48, 49, 63, 64, 65, 200}) {
    CAPTURE(count);
    generators::triples<double, std::int32_t> t;
    for (int k = 0; k + 1 < count; ++k) t.add(k % 4, 3 * k, from.small<double>());
    t.add((count / 2) % 4, 3 * (count / 2), from.small<double>());
    const auto a = shuffled(std::move(t).matrix(7, 1000), from);
    const bool last_is_twice = count / 2 <= count - 2;
    oracle::at_every_isa([&] {
      CHECK(tb::to_coo(tb::to_bitmap(a)) == summed(a));
      CHECK(tb::to_bitmap(a).nnz() == count - (last_is_twice ? 1 : 0));
      if (last_is_twice) {
        CHECK_THROWS_AS(tb::to_bitmap(a, {.duplicates = tb::duplicates::error}),
                        tb::invalid_matrix);
      }
    });
  }
}
