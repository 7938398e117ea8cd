// Conversions at their limits: wide matrices, index types too small, invalid views, dense outputs.
#include <cstdint>
#include <limits>
#include <vector>

#include <tilebit/convert.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using oracle::contains;
using oracle::message_of;

namespace {

using reals = std::vector<double>;
using ints = std::vector<std::int32_t>;
using wide_coo = tb::coo_matrix<double, std::int64_t>;

/// Random columns over the whole width, some in one tile, and the first and last one.
wide_coo wide_matrix(std::int64_t rows, std::int64_t cols, generators::source& from) {
  generators::triples<double, std::int64_t> t;
  for (std::int64_t i = 0; i < rows; ++i) {
    t.add(i, 0, from.small<double>());
    for (std::int64_t k = 1; k < 40; ++k) {
      const std::int64_t col = cols / 41 * k + (k % 5 == 0 ? i : from.below(1000));
      t.add(i, col, from.small<double>());
    }
    t.add(i, cols - 1, from.small<double>());
  }
  return std::move(t).matrix(rows, cols);
}

void check_wide(std::int64_t cols) {
  CAPTURE(cols);
  generators::source from(8);
  const wide_coo a = wide_matrix(11, cols, from);
  CHECK(a.is_sorted());
  CHECK(!a.has_duplicates());
  const auto bitmap = tb::to_bitmap(tb::to_csr(a));
  CHECK(tb::to_coo(bitmap) == a);
  CHECK(tb::to_bitmap(a) == bitmap);
  for (const auto& other : {generators::shuffled(a, from), generators::column_ordered(a)}) {
    CHECK(tb::to_coo(tb::to_csr(other)) == a);
    CHECK(tb::to_coo(tb::to_bitmap(other)) == a);
    auto sorted = other;
    sorted.sort();
    CHECK(sorted == a);
  }
}

template <class A>
void check_refused(const A& a) {
  CHECK_THROWS_AS(tb::to_coo(a), tb::invalid_matrix);
  CHECK_THROWS_AS(tb::to_csr(a), tb::invalid_matrix);
  CHECK_THROWS_AS(tb::to_bitmap(a), tb::invalid_matrix);
  tb::dense_matrix<double> d(reals(static_cast<std::size_t>(a.rows() * a.cols()), 7.0),
                             {a.rows(), a.cols()});
  const auto before = d;
  CHECK_THROWS_AS(tb::to_dense(a, d), tb::invalid_matrix);
  CHECK(d == before);
}

} // namespace

TEST_CASE("columns beyond 32 bits", "[convert]") {
  check_wide((std::int64_t{1} << 32) - 1);
  check_wide((std::int64_t{1} << 32) + 1);
  check_wide((std::int64_t{1} << 33) + 77);
  check_wide(std::int64_t{1} << 48); // no room for a position beside a sort key
  check_wide(std::int64_t{1} << 62);
}

TEST_CASE("columns up to the largest index", "[convert]") {
  check_wide(std::numeric_limits<std::int64_t>::max());
}

TEST_CASE("32-bit unsigned columns up to the largest index", "[convert]") {
  const std::int64_t cols = std::numeric_limits<std::uint32_t>::max();
  using coo = tb::coo_matrix<double, std::uint32_t>;
  const auto last = static_cast<std::uint32_t>(cols - 1);
  const coo a({1, 2, 3, 4, 5}, {0, 0, 0, 1, 1}, {0, last - 1, last, 1U << 31, last}, {2, cols});
  CHECK(tb::to_coo(tb::to_bitmap(a)) == a);
  CHECK(tb::to_coo(tb::to_bitmap(tb::to_csr(a))) == a);
  generators::source from(9);
  for (int k = 0; k < 5; ++k) {
    CHECK(tb::to_coo(tb::to_bitmap(generators::shuffled(a, from))) == a);
    CHECK(tb::to_coo(tb::to_csr(generators::shuffled(a, from))) == a);
  }
}

TEST_CASE("a shape beyond the index type throws length_error", "[convert]") {
  const wide_coo wide({1}, {0}, {5}, {3, std::int64_t{1} << 31});
  CHECK_THROWS_AS(tb::to_coo<std::int32_t>(wide), std::length_error);
  CHECK_THROWS_AS(tb::to_csr<std::int32_t>(wide), std::length_error);
  CHECK_THROWS_AS(tb::to_bitmap<std::int32_t>(wide), std::length_error);
  CHECK_THROWS_AS(tb::to_bitmap<std::int32_t>(tb::to_csr(wide)), std::length_error);
  CHECK_THROWS_AS(tb::to_csr<std::int32_t>(tb::to_bitmap(wide)), std::length_error);
  CHECK(contains(message_of<std::length_error>([&] { tb::to_csr<std::int32_t>(wide); }),
                 "a 3x2147483648 matrix does not fit 32-bit indices"));
  CHECK(tb::to_bitmap<std::uint32_t>(wide).nnz() == 1);
  const tb::dense_view<double> tall(nullptr, {std::int64_t{1} << 33, 0});
  CHECK_THROWS_AS(tb::to_csr(tall), std::length_error);
  CHECK_THROWS_AS(tb::to_coo(tall), std::length_error);
  CHECK_THROWS_AS(tb::to_bitmap(tall), std::length_error);
}

TEST_CASE("invalid views are refused and outputs stay untouched", "[convert]") {
  const reals values{1, 2, 3};
  const ints offsets{0, 2, 2, 3};
  const auto csr = [&](const ints& o, const ints& cols) {
    const tb::csr_view view(values, o, cols, {3, 3});
    check_refused(view);
    check_refused(tb::transposed(view));
    check_refused(tb::scaled(2, tb::conjugated(view)));
  };
  csr(offsets, {0, 3, 0});
  csr(offsets, {0, -1, 0});
  csr(offsets, {1, 0, 0});
  csr(offsets, {1, 1, 0});
  csr({0, 2, 1, 3}, {0, 1, 0});
  csr({0, 900000000, 2, 3}, {0, 1, 0});
  csr({1, 2, 2, 3}, {0, 1, 0});
  const auto coo = [&](const ints& rows, const ints& cols) {
    const tb::coo_view view(values, rows, cols, {3, 3});
    check_refused(view);
    check_refused(tb::transposed(view));
    check_refused(tb::scaled(-1, view));
  };
  coo({0, 3, 1}, {0, 1, 2});
  coo({0, -1, 1}, {0, 1, 2});
  coo({0, 1, 2}, {0, 1, 3});
  coo({2, 1, 0}, {0, -2000000000, 1});
  const std::vector<std::uint16_t> maps{0x0007};
  const std::vector<std::int64_t> one{0, 1};
  const std::vector<std::int64_t> three{0, 3};
  const ints first{0};
  check_refused(tb::bitmap_view(values, maps, first, one, three, {3, 2}));
  check_refused(tb::transposed(tb::bitmap_view(values, maps, first, one, three, {3, 2})));
}

TEST_CASE("to_dense writes every element and leaves padding alone", "[convert]") {
  generators::source from(10);
  const auto a = generators::uniform<double>(5, 7, 40, from);
  const auto expected = tb::to_dense(a);
  reals memory(100, 99.0);
  const auto check = [&](const auto& view, auto&& convert) {
    memory.assign(memory.size(), 99.0);
    convert(view);
    bool equal = true;
    for (std::int64_t i = 0; i < 5; ++i) {
      for (std::int64_t j = 0; j < 7; ++j) {
        equal &= view(i, j) == expected(i, j);
        view(i, j) = 99.0;
      }
    }
    CHECK(equal);
    CHECK(memory == reals(memory.size(), 99.0)); // nothing but the elements was written
  };
  const auto to_both = [&](auto&& source) {
    const auto convert = [&](const auto& view) { tb::to_dense(source, view); };
    check(tb::dense_view<double>(memory.data() + 1, {5, 7}), convert);
    check(tb::dense_view<double>(memory.data() + 1, {5, 7}, 10), convert);
    check(tb::dense_view<double, tb::col_major>(memory.data() + 1, {5, 7}, 9), convert);
  };
  to_both(a);
  to_both(tb::to_csr(a));
  to_both(tb::to_bitmap(a).view());
  to_both(tb::transposed(tb::to_csr(tb::transposed(a))));
  CHECK(tb::to_coo(tb::to_dense<tb::col_major>(a)) == tb::to_coo(expected));
}

TEST_CASE("to_dense refuses other shapes and outputs that overlap A", "[convert]") {
  tb::csr_matrix<std::int32_t> a({1, 2, 3, 4}, {0, 2, 4}, {0, 1, 0, 1}, {2, 2});
  tb::dense_matrix<std::int32_t> d({2, 3});
  CHECK(contains(message_of<tb::dimension_mismatch>([&] { tb::to_dense(a, d); }),
                 "to_dense: A is 2x2, D is 2x3"));
  const auto before = a;
  CHECK_THROWS_AS(tb::to_dense(a, tb::dense_view(a.values(), {2, 2})), std::invalid_argument);
  CHECK(a == before);
}

TEST_CASE("to_dense refuses an output over the index arrays of A", "[convert]") {
  const ints values{1, 2, 3, 4};
  const ints offsets{0, 2, 4};
  ints cols{0, 1, 0, 1};
  const auto before = cols;
  const tb::csr_view a(values, offsets, cols, {2, 2});
  CHECK_THROWS_AS(tb::to_dense(a, tb::dense_view(cols, {2, 2})), std::invalid_argument);
  CHECK(cols == before);
}
