// Blocks cover every entry once and in order, whatever the matrix looks like; products of matrices
// whose rows are cut inside.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/kernels/blocks.hpp>
#include <tilebit/kernels/entry_blocks.hpp>
#include <tilebit/kernels/unit_pieces.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using generators::source;

namespace {

/// Scattered entries and full rows, among them the first and the last one.
template <class T>
tb::coo_matrix<T> with_giant_rows(std::int64_t m, std::int64_t n, source& from) {
  generators::triples<T, std::int32_t> t;
  for (std::int64_t i = 0; i < m; ++i) {
    const bool giant = i == 0 || i == m - 1 || i == m / 2 || i == m / 2 + 1;
    for (std::int64_t j = from.below(7); j < n; j += giant ? 1 : 1 + from.below(n)) {
      t.add(i, j, from.value<T>());
    }
  }
  return std::move(t).matrix(m, n);
}

/// Checks the blocks of one matrix; returns whether any unit was cut inside.
template <class View>
bool check_blocks(const View& a, int count) {
  using piece = tb::kernels::unit_piece<View>;
  const tb::kernels::block_list<View> blocks(a, count);
  const tb::kernels::unit_pieces<View> pieces(blocks);
  std::int64_t unit = 0;
  std::int64_t passed = 0;
  std::int64_t most = 0;
  std::int64_t largest_unit = 0;
  bool cut = false;
  const std::int64_t units = tb::kernels::units(a);
  for (std::int64_t u = 0; u < units; ++u) {
    largest_unit =
        std::max(largest_unit, piece::bytes_before(a, u + 1) - piece::bytes_before(a, u));
  }
  bool in_order = true;
  for (int b = 0; b < blocks.count(); ++b) {
    std::int64_t bytes = 0;
    blocks.visit(
        b,
        [&](std::int64_t first, std::int64_t last) {
          in_order = in_order && passed == 0 && first == unit && first < last;
          bytes += piece::bytes_before(a, last) - piece::bytes_before(a, first);
          unit = last;
        },
        [&](std::int64_t u, std::int64_t first, std::int64_t last) {
          cut = true;
          in_order = in_order && u == unit && first == passed && first < last;
          pieces.with(b, u, first, last,
                      [&](const auto& part) { bytes += piece::bytes_before(part, 1); });
          passed = last == piece::entries(a, u) ? 0 : last;
          if (passed == 0) ++unit;
        });
    most = std::max(most, bytes);
  }
  CHECK(in_order);
  CHECK(unit == units);
  CHECK(passed == 0);
  if (units > 0) {
    // A cut may miss its place by half a unit that it cannot divide, and by one entry.
    const std::int64_t share = piece::bytes_before(a, units) / count;
    CHECK(most <= 2 * share + 64 + (cut ? 0 : largest_unit));
  }
  return cut;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

} // namespace

TEST_CASE("blocks cover every entry once", "[blocks]") {
  source from(31);
  const auto giant = with_giant_rows<float>(30, 3000, from);
  const auto meshy = generators::scattered<float>(500, 400, 3000, from);
  for (const int count : {1, 2, 3, 7, 64, 128}) {
    CAPTURE(count);
    const bool cut = count >= 7; // four rows hold nearly everything
    const auto csr = tb::to_csr(giant);
    const auto bitmap = tb::to_bitmap(giant);
    const auto optimized = tb::optimize(giant);
    CHECK((check_blocks(csr.view(), count) || !cut));
    CHECK((check_blocks(bitmap.view(), count) || !cut));
    const auto grid = tb::to_bitmap_grid(giant);
    check_blocks(grid.view(), count);
    check_blocks(optimized.view().sliced(), count);
    check_blocks(optimized.view().tiles(), count);
    const std::vector<tb::unit_range> all{{0, (meshy.rows() + 15) / 16}};
    const auto csr_of_mesh = tb::to_csr(meshy);
    const auto diagonals =
        tb::detail::diagonals_in_bands(csr_of_mesh.view(), std::span<const tb::unit_range>(all));
    check_blocks(diagonals.view({meshy.rows(), meshy.cols()}), count);
    const auto short_rows = tb::to_csr(meshy);
    check_blocks(short_rows.view(), count);
    check_blocks(tb::csr_view<const float>(), count);
  }
}

TEST_CASE("blocks of ordered entries cut rows that reach over one", "[blocks]") {
  source from(36);
  const auto check = [](const tb::coo_matrix<float>& a, int count, bool cuts) {
    CAPTURE(a.nnz(), count);
    const auto rows = a.row_indices();
    const tb::kernels::entry_blocks blocks(a.view(), count);
    CHECK(blocks.begin(0) == 0);
    CHECK(blocks.begin(count) == a.nnz());
    std::int64_t most = 0;
    bool cut = false;
    bool right = true;
    for (int b = 0; b < count; ++b) {
      const std::int64_t begin = blocks.begin(b);
      const std::int64_t end = blocks.begin(b + 1);
      const std::int64_t inner = blocks.end_of_lead(begin, end);
      right = right && begin <= inner && inner <= end;
      for (std::int64_t k = begin; k < end; ++k) { // led by what belongs to the row before
        const bool of_lead =
            begin > 0 && rows[tb::detail::at(k)] == rows[tb::detail::at(begin - 1)];
        right = right && of_lead == (k < inner);
      }
      cut = cut || begin < inner;
      most = std::max(most, end - begin);
    }
    CHECK(right);
    CHECK(cut == cuts);
    CHECK(most <= 2 * (a.nnz() / count) + count);
  };
  const auto giant = with_giant_rows<float>(30, 3000, from);
  for (const int count : {1, 2, 3, 7, 64, 128}) {
    check(giant, count, count >= 7); // four rows hold nearly everything
    const auto scattered = generators::scattered<float>(500, 400, 3000, from);
    check(tb::to_coo(tb::to_csr(scattered)), count, false);
  }
  check(tb::coo_matrix<float>(std::vector<float>(9, 1), std::vector<int>(9, 0),
                              {0, 1, 2, 3, 4, 5, 6, 7, 8}, {1, 9}),
        9, true);
}

TEST_CASE("blocks between units cut no row", "[blocks]") {
  source from(32);
  const auto giant = tb::to_csr(with_giant_rows<double>(40, 2000, from));
  const auto view = giant.view();
  const tb::kernels::block_list blocks(view, 16, tb::kernels::cuts::between_units);
  std::int64_t row = 0;
  for (int b = 0; b < blocks.count(); ++b) {
    const tb::unit_range rows = blocks.units_of(b);
    CHECK(rows.first == row);
    row = rows.last;
  }
  CHECK(row == 40);
}

TEST_CASE("bits of many bitmaps are counted", "[blocks]") {
  source from(33);
  std::vector<std::uint16_t> bitmaps;
  std::int64_t bits = 0;
  for (int k = 0; k < 300; ++k) {
    oracle::at_every_isa([&] {
      CHECK(tb::kernels::select(tb::kernels::count_bits_table::rows).function(bitmaps) == bits);
    });
    bitmaps.push_back(k % 3 == 0 ? std::uint16_t{0xffff}
                                 : static_cast<std::uint16_t>(from.below(65536)));
    bits += std::popcount(bitmaps.back());
  }
}

TEMPLATE_TEST_CASE("rows that are cut inside multiply with the same bits by any threads",
                   "[blocks]", float, double) {
  using T = TestType;
  source from(34);
  const auto check = [&](const auto& m) {
    const auto x = generators::vector<T>(m.cols(), from);
    const auto y0 = generators::vector<T>(m.rows(), from);
    std::vector<T> y(y0.size());
    tb::multiply(tb::scaled(3, m), x, tb::scaled(T(0.3), y0), y);
    oracle::check_spmv(m, x, y, T{3}, T(0.3), y0);
    for (const auto& policy : {tb::threads(2), tb::threads(3), tb::threads(8), tb::par}) {
      std::vector<T> other(y.size());
      tb::multiply(policy, tb::scaled(3, m), x, tb::scaled(T(0.3), y0), other);
      CHECK(same_bits(other, y));
    }
  };
  const auto wide = with_giant_rows<T>(30, 40000, from); // giant rows of 480 KB and more as CSR
  const auto tall = tb::to_coo(tb::transposed(wide));    // every row is short
  const auto shuffled = generators::shuffled(wide, from);
  oracle::at_every_isa([&] {
    for (const auto* a : {&wide, &tall, &shuffled}) {
      check(*a);
      check(tb::transposed(*a));
    }
    for (const auto* a : {&wide, &tall}) {
      const auto csr = tb::to_csr(*a);
      const auto bitmap = tb::to_bitmap(*a);
      const auto optimized = tb::optimize(*a);
      check(csr);
      check(bitmap);
      check(optimized);
      check(tb::transposed(csr));
      check(tb::transposed(bitmap));
      check(tb::transposed(optimized));
    }
  });
}

TEMPLATE_TEST_CASE("blocks that begin among the last tiles of a bitmap multiply", "[blocks]", float,
                   double) {
  using T = TestType;
  source from(35);
  const auto check = [&](const auto& m) {
    const auto x = generators::vector<T>(m.cols(), from);
    std::vector<T> y(static_cast<std::size_t>(m.rows()));
    tb::multiply(m, x, y);
    oracle::check_spmv(m, x, y);
  };
  // Few entries in so many rows that blocks begin between them.
  const auto sparse = tb::to_bitmap(
      tb::coo_matrix<T>(std::vector<T>{2, 3, 5}, std::vector<int>{0, 100'000, 150'000},
                        std::vector<int>{1, 0, 3}, tb::shape(200'000, 4)));
  // A tile row that is cut inside, with a few entries behind it.
  std::vector<T> values;
  std::vector<int> rows;
  std::vector<int> cols;
  for (int j = 0; j < 400'000; j += 2) {
    values.push_back(static_cast<T>(j % 7 + 1));
    rows.push_back(j % 4);
    cols.push_back(j);
  }
  for (const int row : {5, 9, 14}) {
    values.push_back(static_cast<T>(row));
    rows.push_back(row);
    cols.push_back(3 * row);
  }
  const auto cut = tb::to_bitmap(tb::coo_matrix<T>(values, rows, cols, tb::shape(16, 400'000)));
  oracle::at_every_isa([&] {
    check(sparse);
    check(cut);
    check(tb::optimize(sparse));
    check(tb::optimize(cut));
  });
}
