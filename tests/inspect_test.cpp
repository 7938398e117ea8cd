// What can be asked of a matrix and of the machine: analyze, validate, entries, order and
// duplicates, instruction sets.
#include <array>
#include <complex>
#include <cstdint>
#include <numeric>
#include <string>
#include <type_traits>
#include <vector>

#include <tilebit/inspect.hpp>
#include <tilebit/kernels/dispatch.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using oracle::contains;
using oracle::message_of;

namespace {

using reals = std::vector<double>;
using ints = std::vector<std::int32_t>;

tb::coo_matrix<double> figure() {
  return {{1, 2, 3, 4, 5, 6, 7, 8, 9},
          {0, 1, 1, 1, 2, 3, 3, 6, 6},
          {1, 2, 4, 5, 5, 1, 7, 4, 7},
          {8, 8}};
}

template <class A>
void check_figure(const A& a) {
  const auto s = tb::analyze(a);
  CHECK(s.rows == 8);
  CHECK(s.cols == 8);
  CHECK(s.nnz == 9);
  CHECK(s.tiles == 3);
  CHECK(s.fill == 3.0);
  CHECK(s.fill_histogram == std::array<std::int64_t, 17>{0, 0, 1, 1, 1});
  CHECK(s.bytes.coo == 9 * (8 + 4 + 4));
  CHECK(s.bytes.csr == 9 * (8 + 4) + 9 * 8);
  CHECK(s.bytes.bitmap == 9 * 8 + 3 * (4 + 2) + 3 * 8 + 3 * 8);
  CHECK(s.bytes.bitmap_grid == 9 * 8 + 4 * 2 + 3 * 8);
}

/// The statistics of a counted by hand in a dense picture of the pattern.
template <class T, class I>
void check_counts(const tb::coo_matrix<T, I>& a) {
  CAPTURE(a.rows(), a.cols(), a.nnz());
  const std::int64_t tile_rows = (a.rows() + 3) / 4;
  const std::int64_t tile_cols = (a.cols() + 3) / 4;
  std::vector<char> stored(static_cast<std::size_t>(16 * tile_rows * tile_cols));
  for (const auto e : tb::entries(a)) {
    const auto i = static_cast<std::int64_t>(e.row);
    const auto j = static_cast<std::int64_t>(e.col);
    const std::int64_t tile = i / 4 * tile_cols + j / 4;
    stored[static_cast<std::size_t>(16 * tile + i % 4 * 4 + j % 4)] = 1;
  }
  std::array<std::int64_t, 17> histogram{};
  std::int64_t nnz = 0;
  for (auto tile = stored.begin(); tile != stored.end(); tile += 16) {
    const int k = std::accumulate(tile, tile + 16, 0);
    if (k > 0) ++histogram[static_cast<std::size_t>(k)];
    nnz += k;
  }
  const auto s = tb::analyze(a);
  const std::int64_t tiles = std::accumulate(histogram.begin(), histogram.end(), std::int64_t{0});
  CHECK(s.nnz == nnz);
  CHECK(s.tiles == tiles);
  CHECK(s.fill_histogram == histogram);
  CHECK(s.fill == (tiles == 0 ? 0.0 : static_cast<double>(nnz) / static_cast<double>(tiles)));
  // The formats themselves say what they hold.
  const auto csr = tb::to_csr(a);
  const auto bitmap = tb::to_bitmap(a);
  CHECK(s.bytes.coo == nnz * static_cast<std::int64_t>(sizeof(T) + 2 * sizeof(I)));
  CHECK(s.bytes.csr ==
        static_cast<std::int64_t>(csr.values().size_bytes() + csr.row_offsets().size_bytes() +
                                  csr.col_indices().size_bytes()));
  CHECK(s.bytes.bitmap ==
        static_cast<std::int64_t>(bitmap.elements().size_bytes() + bitmap.bitmaps().size_bytes() +
                                  bitmap.tile_cols().size_bytes() +
                                  bitmap.tile_row_offsets().size_bytes() +
                                  bitmap.element_offsets().size_bytes()));
  CHECK(s.bytes.bitmap_grid == nnz * static_cast<std::int64_t>(sizeof(T)) +
                                   tile_rows * tile_cols * 2 + (tile_rows + 1) * 8);
}

template <class View>
void check_kernel_table() {
  const auto& rows = tb::kernels::spmv_table<View>::rows;
  REQUIRE(rows.size() > 0);
  CHECK(rows.back().level == tb::isa::scalar);
  tb::isa above = tb::isa::amx;
  for (const auto& row : rows) {
    CHECK(!tb::to_string(row.level).empty());
    CHECK(!row.name.empty());
    CHECK(row.function != nullptr);
    if (row.in_microcode) continue; // stands before all that it is better than
    CHECK(row.level <= above);      // best first
    above = row.level;
  }
  oracle::at_every_isa([&] { CHECK(tb::kernels::select(rows).level <= tb::active_isa()); });
}

} // namespace

TEST_CASE("analyze counts the published figure", "[inspect]") {
  const auto coo = figure();
  const auto csr = tb::to_csr(coo);
  const auto bitmap = tb::to_bitmap(coo);
  check_figure(coo);
  check_figure(coo.view());
  check_figure(csr);
  check_figure(csr.view());
  check_figure(bitmap);
  check_figure(bitmap.view());
  check_figure(tb::scaled(2, tb::conjugated(bitmap)));
  check_figure(tb::transposed(tb::to_bitmap(tb::transposed(csr))));
}

TEMPLATE_TEST_CASE("analyze counts random matrices", "[inspect]", float, std::complex<double>,
                   std::uint8_t) {
  generators::source from(30);
  check_counts(generators::uniform<TestType>(33, 46, 30, from));
  check_counts(generators::uniform<TestType, std::int64_t>(17, 9, 100, from));
  check_counts(generators::scattered<TestType, std::uint32_t>(40, 40, 900, from)); // duplicates
  check_counts(generators::banded<TestType>(50, 31, 3, from));
  check_counts(generators::empty_rows<TestType>(50, 31, from));
  check_counts(tb::coo_matrix<TestType>({5, 7}));
  check_counts(tb::coo_matrix<TestType>({5, 0}));
  check_counts(tb::coo_matrix<TestType>());
}

TEST_CASE("validate takes every owning matrix and view", "[inspect]") {
  const auto coo = figure();
  CHECK_NOTHROW(tb::validate(coo));
  CHECK_NOTHROW(tb::validate(coo.view()));
  CHECK_NOTHROW(tb::validate(tb::to_csr(coo)));
  CHECK_NOTHROW(tb::validate(tb::to_csr(coo).view()));
  CHECK_NOTHROW(tb::validate(tb::to_bitmap(coo)));
  CHECK_NOTHROW(tb::validate(tb::to_bitmap(coo).view()));
  reals values{1, 2};
  const ints bad{0, 9};
  const ints offsets{0, 1, 2};
  const std::vector<std::uint16_t> maps{1, 0};
  const std::vector<std::int64_t> tile_offsets{0, 2};
  CHECK_THROWS_AS(tb::validate(tb::coo_view(values, offsets, bad, {2, 3})), tb::dimension_mismatch);
  CHECK_THROWS_AS(tb::validate(tb::coo_view(values, bad, bad, {2, 3})), tb::invalid_matrix);
  CHECK_THROWS_AS(tb::validate(tb::csr_view(values, offsets, bad, {2, 3})), tb::invalid_matrix);
  CHECK_THROWS_AS(
      tb::validate(tb::bitmap_view(values, maps, ints{0, 1}, tile_offsets, tile_offsets, {4, 8})),
      tb::invalid_matrix);
  CHECK(contains(message_of<tb::invalid_matrix>([&] {
                   tb::validate(tb::csr_view(values, offsets, bad, {2, 3}));
                 }),
                 "col_indices[1] is 9"));
  static_assert(std::is_base_of_v<std::invalid_argument, tb::invalid_matrix>);
  static_assert(std::is_base_of_v<std::invalid_argument, tb::dimension_mismatch>);
}

TEMPLATE_TEST_CASE("entries() walks any format, lazy view and temporary", "[inspect]", float,
                   std::complex<double>, std::int32_t) {
  generators::source from(3);
  const auto a = generators::empty_rows<TestType>(30, 23, from);
  const auto csr = tb::to_csr(a);
  const auto collect = [](const auto& range, std::int64_t m, std::int64_t n) {
    generators::triples<TestType, std::int32_t> t;
    for (auto [i, j, x] : range) t.add(i, j, x);
    CHECK(t.values.size() == range.size());
    return std::move(t).matrix(m, n);
  };
  CHECK(collect(tb::entries(a), 30, 23) == a);
  CHECK(collect(tb::entries(csr), 30, 23) == a);
  CHECK(collect(tb::entries(csr.view()), 30, 23) == a);
  CHECK(collect(tb::entries(tb::to_csr(a)), 30, 23) == a);
  auto from_tiles = collect(tb::entries(tb::to_bitmap(a)), 30, 23);
  from_tiles.sort();
  CHECK(from_tiles == a);
  auto twice = collect(tb::entries(tb::transposed(tb::scaled(2, tb::to_bitmap(a)))), 23, 30);
  twice.sort();
  CHECK(twice == tb::to_coo(tb::to_csr(tb::scaled(2, tb::transposed(a)))));
}

TEST_CASE("COO answers for order and duplicates, and changes them", "[inspect]") {
  tb::coo_matrix<double> a({1, 2, 4, 8}, {1, 0, 1, 0}, {1, 2, 1, 0}, {2, 3});
  CHECK(!a.is_sorted());
  CHECK(a.has_duplicates());
  a.sort();
  CHECK(a.is_sorted());
  CHECK(a.has_duplicates());
  CHECK(a == tb::coo_matrix<double>({8, 2, 1, 4}, {0, 0, 1, 1}, {0, 2, 1, 1}, {2, 3}));
  a.sum_duplicates();
  CHECK(!a.has_duplicates());
  CHECK(a == tb::coo_matrix<double>({8, 2, 5}, {0, 0, 1}, {0, 2, 1}, {2, 3}));
  tb::coo_matrix<double> empty({3, 3});
  CHECK(empty.is_sorted());
  CHECK(!empty.has_duplicates());
  empty.sort();
  empty.sum_duplicates();
  CHECK(empty == tb::coo_matrix<double>({3, 3}));
  generators::source from(1);
  const auto b = generators::uniform<double>(60, 50, 20, from);
  auto shuffled = generators::shuffled(b, from);
  CHECK(!shuffled.is_sorted());
  CHECK(!shuffled.has_duplicates());
  CHECK(!generators::column_ordered(b).has_duplicates());
  shuffled.sort();
  CHECK(shuffled == b);
}

TEST_CASE("instruction sets are listed best first and can be chosen", "[inspect]") {
  const auto levels = tb::supported_isas();
  REQUIRE(levels.size() > 0);
  CHECK(levels.back() == tb::isa::scalar);
  for (std::size_t k = 1; k < levels.size(); ++k) CHECK(levels[k] < levels[k - 1]);
  const tb::isa before = tb::active_isa();
  CHECK(before <= levels.front());
  for (const tb::isa level : levels) {
    tb::set_isa(level);
    CHECK(tb::active_isa() == level);
  }
  for (const int wrong : {-1, static_cast<int>(levels.front()) + 1, 1000}) {
    CHECK_THROWS_AS(tb::set_isa(static_cast<tb::isa>(wrong)), std::invalid_argument);
    CHECK(tb::active_isa() == tb::isa::scalar);
  }
  tb::set_isa(before);
  CHECK(tb::to_string(tb::isa::scalar) == "scalar");
  CHECK(tb::to_string(tb::isa::avx2) == "avx2");
  CHECK(tb::to_string(tb::isa::avx512) == "avx512");
  CHECK(tb::to_string(tb::isa::avx512_bf16) == "avx512_bf16");
}

TEST_CASE("every kernel has a level and a name, the last one runs anywhere", "[inspect]") {
  check_kernel_table<tb::csr_view<const double>>();
  check_kernel_table<tb::csr_view<const float, std::int64_t, std::int32_t>>();
  check_kernel_table<tb::csr_view<const std::complex<float>>>();
  check_kernel_table<tb::bitmap_view<const double>>();
  check_kernel_table<tb::bitmap_view<const float>>();
  check_kernel_table<tb::bitmap_view<const std::int32_t, std::int64_t>>();
}
