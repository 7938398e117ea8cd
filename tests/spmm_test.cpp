// SpMM with every number of columns, layout, leading dimension, form and instruction set against
// sums in a wider type; the same bits from any number of threads; which kernels the tables choose.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/inspect.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"
#include "padded.hpp"

namespace tb = tilebit;
using generators::source;
using padded_dense::first_columns;
using padded_dense::padded;
using padded_dense::same_bits;

namespace {

template <class T>
T scale_of(std::int64_t i) {
  return static_cast<T>(i % 7) / 4 - T(0.5);
}

/// The products of a with the columns of b, and what their errors may be measured by.
template <class T, class A, class B>
std::vector<oracle::product<T>> expected_columns(const A& a, const B& b) {
  std::vector<oracle::product<T>> all;
  for (std::int64_t j = 0; j < b.cols(); ++j) {
    all.push_back(oracle::expected_spmv(a, oracle::column(b, j)));
  }
  return all;
}

template <class T>
tb::dense_matrix<T> random_dense(std::int64_t m, std::int64_t n, source& from) {
  return {generators::vector<T>(m * n, from), {m, n}};
}

/// Elements outside the bound of alpha * product + beta * c0, then f(row, x), an exact or
/// monotonous step that does not enlarge the error beyond `growth` times.
template <class T, class C, class F>
std::int64_t outside(const std::vector<oracle::product<T>>& expected, const C& c, long double alpha,
                     long double beta, const tb::dense_matrix<T>& c0, F&& f,
                     long double growth = 1) {
  std::int64_t count = 0;
  constexpr auto eps = static_cast<long double>(std::numeric_limits<T>::epsilon());
  for (std::int64_t j = 0; j < c.cols(); ++j) {
    const auto& p = expected[static_cast<std::size_t>(j)];
    for (std::int64_t i = 0; i < c.rows(); ++i) {
      const auto k = static_cast<std::size_t>(i);
      const long double added = beta == 0 ? 0 : beta * static_cast<long double>(c0(i, j));
      const long double value = f(i, alpha * p.value[k] + added);
      const long double magnitude = std::abs(alpha) * p.magnitudes[k] + std::abs(added) + 1;
      const long double bound =
          static_cast<long double>(p.stored[k] + 6) * eps * magnitude * growth;
      count += !(std::abs(static_cast<long double>(c(i, j)) - value) <= bound);
    }
  }
  return count;
}

constexpr auto unchanged = [](std::int64_t, long double x) { return x; };

/// Calls f for the forms of a that have SpMM kernels of their own, and one that has none.
template <class T, class I, class F>
void for_each_form(const tb::coo_matrix<T, I>& a, F&& f) {
  f(a);
  f(tb::to_csr(a));
  f(tb::to_csr<I, std::int32_t>(a));
  f(tb::to_bitmap(a));
  f(tb::optimize(a, tb::operation::spmm));
  f(tb::optimize(a));
}

/// The same for transposed matrices that are a.
template <class T, class I, class F>
void for_each_transposed_form(const tb::coo_matrix<T, I>& a, F&& f) {
  for_each_form(tb::to_coo(tb::transposed(a)), [&](const auto& m) { f(tb::transposed(m)); });
}

template <class LayoutB, class LayoutC, class T, class A>
void check_width(const A& a, const tb::dense_matrix<T>& b, const tb::dense_matrix<T>& c0,
                 const std::vector<oracle::product<T>>& expected, std::int64_t n) {
  const auto bn = first_columns<LayoutB>(b, n, n % 3);
  padded<T, LayoutC> c(a.rows(), n, (n + 1) % 4);
  tb::multiply(a, bn.view, c.view);
  CHECK(outside(expected, c.view, 1, 0, c0, unchanged) == 0);
  CHECK(c.padding_survives());
  auto in_place = first_columns<LayoutC>(c0, n, n % 2);
  tb::multiply(tb::scaled(-2, a), bn.view, tb::scaled(0.5, in_place.view), in_place.view);
  CHECK(outside(expected, in_place.view, -2, 0.5L, c0, unchanged) == 0);
  CHECK(in_place.padding_survives());
}

template <class T, class I>
void check_every_width(const tb::coo_matrix<T, I>& a, std::int64_t most, std::int64_t step,
                       source& from) {
  CAPTURE(a.rows(), a.cols(), a.nnz());
  const auto b = random_dense<T>(a.cols(), most, from);
  const auto c0 = random_dense<T>(a.rows(), most, from);
  const auto expected = expected_columns<T>(a, b);
  const auto check_widths = [&](const auto& m, std::int64_t first, std::int64_t last,
                                std::int64_t by) {
    for (std::int64_t n = first; n <= last; n += by) {
      CAPTURE(n);
      check_width<tb::row_major, tb::row_major>(m, b, c0, expected, n);
      if (n % 4 != 1 && n % 16 != 0) continue; // the other layouts share the kernels
      check_width<tb::col_major, tb::row_major>(m, b, c0, expected, n);
      check_width<tb::row_major, tb::col_major>(m, b, c0, expected, n);
      check_width<tb::col_major, tb::col_major>(m, b, c0, expected, n);
    }
  };
  const auto check = [&](const auto& m, std::int64_t by) {
    // Few columns are multiplied by kernels of their own, of which there are more.
    constexpr std::int64_t few = tb::kernels::most_single;
    oracle::at_every_isa([&] { check_widths(m, 1, few, 1); });
    oracle::at_every_isa_up_to(tb::isa::avx512, [&] { check_widths(m, few + 1, most, by); });
  };
  for_each_form(a, [&](const auto& m) { check(m, step); });
  // Threes reach every remainder of vectors.
  for_each_transposed_form(a, [&](const auto& m) { check(m, std::max<std::int64_t>(step, 3)); });
}

/// The kernels of another type of indices, of which there are as many as of int32, in one layout.
template <class T, class I>
void check_indices(const tb::coo_matrix<T, I>& a, source& from) {
  CAPTURE(a.rows(), a.cols(), a.nnz());
  const auto b = random_dense<T>(a.cols(), 70, from);
  const auto c0 = random_dense<T>(a.rows(), 70, from);
  const auto expected = expected_columns<T>(a, b);
  const auto check = [&](const auto& m) {
    oracle::at_every_isa([&] {
      for (const int n : {1, 2, 3, 4, 7, 8, 11, 16, 21, 32, 47, 70}) {
        CAPTURE(n);
        check_width<tb::row_major, tb::row_major>(m, b, c0, expected, n);
      }
    });
  };
  for_each_form(a, check);
  for_each_transposed_form(a, check);
}

/// A bitmap matrix times few columns, for which there are several ways.
template <class T>
void check_few_columns(const tb::coo_matrix<T>& a, source& from) {
  CAPTURE(a.rows(), a.cols(), a.nnz());
  const auto b = random_dense<T>(a.cols(), 17, from);
  const auto c0 = random_dense<T>(a.rows(), 17, from);
  const auto expected = expected_columns<T>(a, b);
  const auto m = tb::to_bitmap(a);
  oracle::at_every_isa([&] {
    for (int n = 2; n <= 17; ++n) { // the last one is too many
      CAPTURE(n);
      check_width<tb::row_major, tb::row_major>(m, b, c0, expected, n);
      check_width<tb::col_major, tb::row_major>(m, b, c0, expected, n);
      check_width<tb::row_major, tb::col_major>(m, b, c0, expected, n);
      check_width<tb::col_major, tb::col_major>(m, b, c0, expected, n);
    }
  });
}

} // namespace

TEMPLATE_TEST_CASE("SpMM of 1 to 130 columns keeps the error bound", "[spmm]", float, double) {
  using T = TestType;
  source from(71);
  check_every_width(generators::uniform<T>(26, 39, 40, from), 130, 1, from);
}

TEMPLATE_TEST_CASE("few columns of tiles that stay whole keep the error bound", "[spmm]", float,
                   double) {
  using T = TestType;
  source from(94);
  const auto check = [&](const tb::coo_matrix<T>& a) { check_few_columns(a, from); };
  check(generators::uniform<T>(37, 50, 60, from));  // ends inside a tile, both ways
  check(generators::uniform<T>(36, 48, 100, from)); // full tiles
  check(generators::uniform<T>(3, 2, 80, from));    // the last tile is the first
  check(generators::uniform<T>(90, 301, 12, from)); // some columns have their tiles divided
  check(generators::empty_rows<T>(70, 31, from));
}

TEST_CASE("tiles stay whole for few columns where that is faster", "[dispatch]") {
  const auto keeps = [](double fill, std::int64_t columns, std::size_t bytes) {
    return tb::detail::keeps_tiles(fill, columns, bytes, tb::active_isa());
  };
  oracle::at_every_isa([&] {
    const bool simd = tb::active_isa() > tb::isa::scalar;
    for (const std::size_t bytes : {4U, 8U}) {
      CHECK_FALSE(keeps(8, 1, bytes)); // SpMV
      CHECK(keeps(8, 2, bytes) == simd);
      CHECK(keeps(16, 4, bytes) == simd);
      CHECK_FALSE(keeps(1.2, 16, bytes));
      CHECK_FALSE(keeps(16, 17, bytes));
    }
    CHECK(keeps(8, 4, 4) == simd);
    CHECK(keeps(8, 4, 8) == (tb::active_isa() >= tb::isa::avx512)); // AVX2: entry by entry
    CHECK(keeps(8, 8, 4) == simd);
    CHECK(keeps(16, 8, 8) == (tb::active_isa() >= tb::isa::avx512)); // AVX2 has too few registers
    CHECK_FALSE(keeps(3, 8, 8));
  });
}

TEST_CASE("entries of tiles are multiplied one by one where tiles hold few", "[dispatch]") {
  const auto takes = [](double fill, std::int64_t columns, std::size_t bytes) {
    return tb::detail::takes_entries(fill, columns, bytes, tb::active_isa()) &&
           !tb::detail::keeps_tiles(fill, columns, bytes, tb::active_isa());
  };
  oracle::at_every_isa([&] {
    const bool avx2 = tb::active_isa() == tb::isa::avx2; // AVX-512 takes tiles apart faster
    for (const std::size_t bytes : {4U, 8U}) {
      const auto panel = static_cast<std::int64_t>(64 / bytes);
      CHECK(takes(1.5, panel / 2, bytes) == avx2);
      CHECK(takes(3, panel, bytes) == avx2);
      CHECK_FALSE(takes(3, panel + 1, bytes));
      CHECK_FALSE(takes(16, panel / 2, bytes));
    }
  });
}

TEMPLATE_TEST_CASE("entries of tiles one by one keep the error bound", "[spmm]", float, double) {
  using T = TestType;
  source from(95);
  const auto check = [&](const tb::coo_matrix<T>& a) { check_few_columns(a, from); };
  check(generators::uniform<T>(33, 41, 8, from));    // ends inside a tile, both ways
  check(generators::uniform<T>(9, 1030, 9, from));   // lists of one tile row in several pieces
  check(generators::scattered<T>(61, 90, 80, from)); // tiles with a single entry, empty tile rows
  check(generators::uniform<T>(1, 3, 60, from));
}

TEMPLATE_TEST_CASE("SpMM of matrices of many kinds keeps the error bound", "[spmm]", float,
                   double) {
  using T = TestType;
  source from(72);
  check_every_width(generators::banded<T>(90, 90, 2, from), 70, 23, from);
  check_every_width(generators::giant_row<T>(21, 1300, from), 40, 13, from);
  check_every_width(generators::blocks<T>(41, 83, from), 70, 23, from);
  check_every_width(generators::empty_rows<T>(70, 31, from), 70, 23, from);
  check_every_width(generators::uniform<T>(1, 70, 30, from), 70, 23, from);
  check_every_width(generators::uniform<T>(70, 1, 30, from), 70, 23, from);
  check_every_width(generators::uniform<T>(4, 400, 100, from), 70, 23, from);
  check_every_width(generators::scattered<T>(60, 90, 200, from), 70, 23, from);
}

TEST_CASE("SpMM with indices of other types keeps the error bound", "[spmm]") {
  source from(92);
  check_indices(generators::uniform<float, std::int64_t>(23, 150, 55, from), from);
  check_indices(generators::uniform<double, std::uint32_t>(10, 230, 8, from), from);
}

TEMPLATE_TEST_CASE("SpMM whose operands outgrow the caches keeps the error bound", "[spmm]", float,
                   double) {
  using T = TestType;
  source from(73);
  // Panels of B that do not stay in a cache, some copied in several chunks; then many entries.
  const auto tall = generators::scattered<T>(50, 30000, 2000, from);
  const auto wide = generators::scattered<T>(40, 5000, 90000, from);
  // Of the transpose, the first one spreads few rows of sums; those of the third leave the caches.
  const auto high = generators::scattered<T>(20000, 30, 2000, from);
  for (const auto* a : {&tall, &wide, &high}) {
    const auto b = random_dense<T>(a->cols(), 150, from);
    const auto c0 = random_dense<T>(a->rows(), 150, from);
    const auto summed = tb::to_csr(*a);
    const auto expected = expected_columns<T>(summed, b);
    const auto check = [&](const auto& m) {
      check_width<tb::row_major, tb::row_major>(m, b, c0, expected, 150);
      check_width<tb::col_major, tb::row_major>(m, b, c0, expected, 59);
    };
    for_each_form(tb::to_coo(summed), check);
    for_each_transposed_form(tb::to_coo(summed), check);
  }
}

TEMPLATE_TEST_CASE("where B and C begin in memory does not matter", "[spmm]", float, double) {
  using T = TestType;
  using namespace tb::kernels;
  constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(T));
  for (const std::int64_t lanes : {line, line / 2}) { // AVX-512 and AVX2
    for (std::int64_t head = 2 * lanes; head < 4 * lanes; ++head) {
      std::int64_t next = 0;
      for (const panel_range& panel : cut_full_panels(512, lanes, 4, head, line)) {
        CHECK(panel.first == next);
        CHECK(panel.vectors == 4);
        CHECK(panel.width >= 2 * lanes);
        CHECK(panel.width <= 4 * lanes);
        if (panel.first > 0) CHECK((panel.first - head) % line == 0);
        next += panel.width;
      }
      CHECK(next == 512);
    }
  }

  // B and C take 18 MB and more, and begin 0 to 63 bytes before a line: the same bits. Rows of B
  // are loaded twice, so that they are read in place, and 20 times, so that they are copied; 66 and
  // 130 columns are rows of C that are joined.
  const std::int64_t wide = sizeof(T) == 4 ? 512 : 256;
  const std::int64_t narrow = sizeof(T) == 4 ? 130 : 66;
  source from(98);
  for (const auto& [s, nnz, n] : {std::tuple{tb::shape(4001, 5003), 10000, wide},
                                  {tb::shape(7603, 1501), 31000, wide},
                                  {tb::shape(26007, 8009), 30000, narrow}}) {
    auto a = generators::scattered<T>(s.rows(), s.cols(), nnz, from);
    for (T& value : a.values()) value = from.value<T>(); // sums depend on their order
    const tb::shape of_b(a.cols(), n);
    const tb::shape of_c(a.rows(), n);
    const auto b = generators::vector<T>(of_b.rows() * of_b.cols(), from);
    const auto on_line = [](std::vector<T>& memory) {
      return memory.data() + -reinterpret_cast<std::uintptr_t>(memory.data()) % 64 / sizeof(T);
    };
    std::vector<T> b_memory(b.size() + 2 * line);
    std::vector<T> c_memory(
        static_cast<std::size_t>(of_c.rows() * (of_c.cols() + line) + 3 * line));
    const tb::dense_matrix<T> addend(generators::vector<T>(of_c.rows() * of_c.cols(), from), of_c);
    const auto check = [&](const auto& m) {
      std::vector<T> expected;
      for (const auto& [b_shift, c_shift, ld, beta] :
           {std::tuple{std::int64_t{0}, std::int64_t{0}, of_c.cols() + line - of_c.cols() % line,
                       T{0}},
            {line / 4, line / 4, of_c.cols(), T{0}},
            {std::int64_t{1}, line - 1, of_c.cols(), T{0}},
            {std::int64_t{0}, std::int64_t{0}, of_c.cols() + line - of_c.cols() % line, T{3}},
            {std::int64_t{1}, line - 1, of_c.cols(), T{3}}}) {
        CAPTURE(of_c.rows(), b_shift, c_shift, beta);
        T* const b_start = std::copy(b.begin(), b.end(), on_line(b_memory) + b_shift) - b.size();
        std::fill(c_memory.begin(), c_memory.end(), T(77));
        const tb::dense_view<T> c(on_line(c_memory) + line + c_shift, of_c, ld);
        const tb::dense_view<const T> b_view(b_start, of_b);
        if (beta == 0) {
          tb::multiply(tb::threads(2), m, b_view, c);
        } else {
          tb::multiply(tb::threads(2), m, b_view, tb::scaled(beta, addend), c);
        }
        if (ld > of_c.cols()) {
          expected.clear();
          for (std::int64_t i = 0; i < c.rows(); ++i) {
            expected.insert(expected.end(), &c(i, 0), &c(i, 0) + c.cols());
          }
          continue;
        }
        CHECK(std::memcmp(c.data(), expected.data(), expected.size() * sizeof(T)) == 0);
        CHECK(c.data()[-1] == T(77));
        CHECK(c.data()[expected.size()] == T(77));
      }
    };
    oracle::at_every_isa_up_to(tb::isa::avx512, [&] {
      check(tb::to_csr(a));
      check(tb::to_bitmap(a));
    });
  }
}

TEMPLATE_TEST_CASE("rows of C that go past the caches are the same as others", "[spmm]", float,
                   double) {
  using T = TestType;
  // B and C take 18 MB, or C alone 35 MB, where 8 MB of B are copied at a time.
  constexpr std::int64_t rows = sizeof(T) == 4 ? 3301 : 4201;
  constexpr std::int64_t n = 1040; // the last panel is not a whole one
  constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(T));
  source from(74);
  const auto pattern = generators::uniform<T>(rows, 1040, 2, from);              // two slabs
  const std::vector<T> small = generators::small_vector<T>(pattern.nnz(), from); // sums are exact
  const tb::coo_matrix<T> a(small, pattern.row_indices(), pattern.col_indices(), {rows, 1040});
  const tb::dense_matrix<T> b(generators::small_vector<T>(1040 * n, from), {1040, n});
  const std::vector<T> bias = generators::small_vector<T>(rows, from);
  const tb::dense_matrix<T> addend(generators::small_vector<T>(rows * n, from), {rows, n});
  std::vector<T> memory(static_cast<std::size_t>((rows + 1) * (n + line)));
  void* start = memory.data();
  std::size_t space = memory.size() * sizeof(T);
  REQUIRE(std::align(64, 1, start, space) != nullptr);
  tb::dense_matrix<T> expected({rows, n});
  const auto check = [&](const auto& m) {
    for (std::int64_t j = 0; j < n; j += 128) { // too little to go past them
      const std::int64_t width = std::min<std::int64_t>(128, n - j);
      tb::multiply(m, tb::dense_view<const T>(&b(0, j), {1040, width}, n),
                   tb::dense_view<T>(&expected(0, j), {rows, width}, n), tb::bias(bias));
    }
    // On cache lines, a line further apart, and beside them, where rows are fetched instead.
    for (const auto& [shift, ld] :
         {std::pair{std::int64_t{0}, n}, {std::int64_t{0}, n + line}, {std::int64_t{1}, n}}) {
      CAPTURE(shift, ld);
      const tb::dense_view<T> c(static_cast<T*>(start) + shift, {rows, n}, ld);
      std::fill(memory.begin(), memory.end(), T(77));
      tb::multiply(tb::threads(2), m, b, c, tb::bias(bias));
      std::int64_t different = 0;
      for (std::int64_t i = 0; i < rows; ++i) {
        different += !std::equal(&c(i, 0), &c(i, 0) + n, &expected(i, 0));
      }
      CHECK(different == 0);
      tb::multiply(tb::threads(2), m, b, tb::scaled(T{3}, addend), c, tb::bias(bias));
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < n; ++j) {
          different += c(i, j) != expected(i, j) + 3 * addend(i, j);
        }
      }
      CHECK(different == 0);
      std::int64_t kept = 0;
      for (std::int64_t i = 0; i + 1 < rows; ++i) kept += ld == n || (&c(i, 0))[n] == T(77);
      CHECK(kept == rows - 1);
    }
  };
  oracle::at_every_isa_up_to(tb::isa::avx512, [&] {
    if (tb::active_isa() == tb::isa::scalar) return; // has no such stores
    check(tb::to_csr(a));
    check(tb::to_bitmap(a));
    check(tb::optimize(a, tb::operation::spmm));
  });
}

namespace {

/// f() at a level.
template <class F>
auto at_level(tb::isa level, F&& f) {
  const tb::isa before = tb::active_isa();
  tb::set_isa(level);
  auto result = f();
  tb::set_isa(before);
  return result;
}
template <class T>
auto optimized_at(tb::isa level, const tb::coo_matrix<T>& a, std::int64_t columns = 128) {
  return at_level(level, [&] { return tb::optimize(a, tb::operation::spmm, columns); });
}
/// Where no kernels are for pairs of rows, four rows share columns.
template <class T>
auto in_fours(const tb::coo_matrix<T>& a, std::int64_t columns = 128) {
  return optimized_at(tb::isa::scalar, a, columns);
}

/// Has this machine the level, of kernels for grouped rows in pairs? Says so if not.
bool has_pairs_of(tb::isa level) {
  if (tb::active_isa() >= level) return true;
  WARN("skipped: no kernels for grouped rows in pairs at level " << tb::to_string(level));
  return false;
}

/// A third of the columns at a time, which are too few to lie in memory.
template <class A, class T>
tb::dense_matrix<T> product_by_thirds(const A& a, const tb::dense_matrix<T>& b) {
  const std::int64_t n = b.cols();
  const std::int64_t width = n / 3;
  tb::dense_matrix<T> c({a.rows(), n});
  for (std::int64_t first = 0; first < n; first += width) {
    tb::multiply(a, tb::dense_view<const T>(&b(0, first), {a.cols(), width}, n),
                 tb::dense_view<T>(&c(0, first), {a.rows(), width}, n));
  }
  return c;
}

} // namespace

TEMPLATE_TEST_CASE("rows of B that lie in memory are the same as others", "[spmm]", float, double) {
  using T = TestType;
  constexpr std::int64_t n = 96 / static_cast<std::int64_t>(sizeof(T)); // one panel at every level
  constexpr std::int64_t rows = 24'003;
  constexpr std::int64_t cols = 200'000; // B and C take more than 20 MB
  constexpr std::int64_t last = cols - 1;
  source from(75);
  std::vector<std::int32_t> i, j;
  const auto draw = [&](std::int64_t columns_of_block) {
    i.clear();
    j.clear();
    std::vector<std::int64_t> k(static_cast<std::size_t>(columns_of_block));
    for (std::int64_t tile_row = 0; tile_row < rows / 4 - 5; ++tile_row) { // the last are empty
      for (std::int64_t& col : k) col = from.below(cols);
      k.back() = tile_row % 7 == 0 ? last : 5;
      std::sort(k.begin(), k.end());
      const bool shared = from.below(6) > 0;
      for (std::int64_t r = 0; r < 4; ++r) {
        for (const std::int64_t col : k) { // rows of four share columns or have their own
          const std::int64_t own = shared ? col : (col + 1001 * r) % cols;
          const bool fits = i.empty() || i.back() != 4 * tile_row + r || j.back() < own;
          if (from.below(8) < 2 || !fits) continue;
          i.push_back(static_cast<std::int32_t>(4 * tile_row + r));
          j.push_back(static_cast<std::int32_t>(own));
        }
      }
    }
  };
  const auto of_entries = [&](std::size_t count) {
    i.resize(count);
    j.resize(count);
    const auto nnz = static_cast<std::int64_t>(count);
    return tb::coo_matrix<T>(generators::small_vector<T>(nnz, from), i, j, {rows, cols});
  };
  const tb::dense_matrix<T> b(generators::small_vector<T>(cols * n, from), {cols, n});
  const auto check_with = [&](const auto& m, const tb::dense_matrix<T>& of) {
    const auto expected = product_by_thirds(m, of);
    for (const int threads : {1, 2}) {
      tb::dense_matrix<T> c({rows, of.cols()});
      tb::multiply(tb::threads(threads), m, of, c);
      CHECK(c == expected);
    }
  };
  const auto check = [&](const auto& m) { check_with(m, b); };
  constexpr std::int64_t few = n / 2; // AVX2 multiplies entries of tiles one by one
  const tb::dense_matrix<T> narrow(generators::small_vector<T>(cols * few, from), {cols, few});
  draw(3);
  for (const std::size_t count : {i.size(), std::size_t{20}}) { // more than are asked for, or fewer
    const auto a = of_entries(count);
    const auto grouped = in_fours(a);
    if (count > 20) CHECK(grouped.view().grouped().blocks() > 0);
    oracle::at_every_isa_up_to(tb::isa::avx512, [&] {
      check(tb::to_csr(a));
      check(tb::to_bitmap(a));
      check_with(tb::to_bitmap(a), narrow);
      check(grouped);
    });
  }
  if (!has_pairs_of(tb::isa::avx2)) return;
  draw(16); // so many that pairs of rows share some
  const auto tiles = tb::to_bitmap(of_entries(i.size()));
  auto grouped = at_level(tb::isa::avx2, [&] {
    return tb::kernels::grouped_rows_of(
        tb::kernels::stored_tile_rows<T, std::int32_t>(tiles.view()), 128);
  });
  const tb::optimized_matrix<T, std::int32_t> in_pairs(tb::detail::trusted{}, std::move(grouped),
                                                       tb::shape(rows, cols));
  CHECK(in_pairs.view().grouped().in_pairs());
  CHECK(in_pairs.view().grouped().slabs() == 1);
  oracle::at_every_isa_up_to(tb::isa::avx512, [&] { check(in_pairs); });
}

TEMPLATE_TEST_CASE("several panels of B that lie in memory are the same as others", "[spmm]", float,
                   double) {
  using T = TestType;
  constexpr std::int64_t n = 600 / static_cast<std::int64_t>(sizeof(T)); // three panels or more
  source from(77);
  // Of so many columns from the diagonal on, which may be all.
  const auto three_a_row = [&](std::int64_t rows, std::int64_t span) {
    std::vector<std::int32_t> i, j;
    for (std::int64_t row = 0; row < rows; ++row) {
      std::int64_t col = std::min(row, rows - span);
      for (int k = 0; k < 3; ++k) {
        col += from.below(span / 3);
        i.push_back(static_cast<std::int32_t>(row));
        j.push_back(static_cast<std::int32_t>(col++));
      }
    }
    const auto values = generators::small_vector<T>(3 * rows, from);
    return tb::coo_matrix<T>(values, i, j, {rows, rows});
  };
  const auto check = [&](const auto& m, const tb::dense_matrix<T>& b) {
    const auto expected = product_by_thirds(m, b);
    tb::dense_matrix<T> c({m.rows(), n});
    tb::multiply(tb::threads(2), m, b, c);
    CHECK(c == expected);
    return expected;
  };
  // 12 and 24 MB of B and C.
  for (const auto& kind : {std::pair{10'403, false}, {20'003, false}, {20'003, true}}) {
    const std::int64_t rows = kind.first;
    const bool near = kind.second;
    CAPTURE(rows, near);
    const tb::dense_matrix<T> b(generators::small_vector<T>(rows * n, from), {rows, n});
    const auto a = three_a_row(rows, near ? 40 : rows);
    const auto csr = tb::to_csr(a);
    CHECK(tb::kernels::scatters_loads(csr.view()) == !near);
    oracle::at_every_isa_up_to(tb::isa::avx512, [&] {
      if (tb::active_isa() == tb::isa::scalar) return; // fetches nothing
      check(tb::to_bitmap(a), b);
      check(tb::optimize(a, tb::operation::spmm), b);
      const auto expected = check(csr, b);
      tb::dense_matrix<T> c({rows, n});
      tb::multiply(csr, b, c, tb::epilogue([](T sum) { return sum; })); // by way of staged sums
      CHECK(c == expected);
    });
  }
}

TEMPLATE_TEST_CASE("steps of an epilogue are applied in their order", "[spmm]", float, double) {
  using T = TestType;
  source from(74);
  const auto a = generators::uniform<T>(30, 45, 30, from);
  const auto b = random_dense<T>(45, 70, from);
  const auto c0 = random_dense<T>(30, 70, from);
  const auto expected = expected_columns<T>(a, b);
  std::vector<T> scale(30);
  for (std::size_t i = 0; i < 30; ++i) scale[i] = scale_of<T>(static_cast<std::int64_t>(i));
  const auto bias = generators::vector<T>(30, from);
  const auto wide_of = [&](const std::vector<T>& v, std::int64_t i) {
    return static_cast<long double>(v[static_cast<std::size_t>(i)]);
  };
  const auto linear = [&](std::int64_t i, long double x) {
    return std::max(x * wide_of(scale, i) + wide_of(bias, i), 0.0L);
  };
  const auto squared = [&](std::int64_t i, long double x) {
    const long double y = x + wide_of(bias, i);
    return y * y;
  };
  for_each_form(a, [&](const auto& m) {
    oracle::at_every_isa([&] {
      for (const int n : {1, 5, 33, 70}) {
        CAPTURE(n);
        const auto bn = first_columns<tb::row_major>(b, n, 1);
        padded<T, tb::row_major> c(30, n, 2);
        padded<T, tb::col_major> f(30, n, 1);
        const auto steps = tb::epilogue(tb::row_scale(scale), tb::bias(bias), tb::relu);
        tb::multiply(m, bn.view, c.view, steps);
        CHECK(outside(expected, c.view, 1, 0, c0, linear, 3) == 0);
        tb::multiply(m, bn.view, f.view, steps);
        CHECK(outside(expected, f.view, 1, 0, c0, linear, 3) == 0);
        const auto any = tb::epilogue(tb::bias(bias), [](T x) { return x * x; });
        tb::multiply(m, bn.view, c.view, any);
        CHECK(outside(expected, c.view, 1, 0, c0, squared, 100) == 0);
        auto in_place = first_columns<tb::col_major>(c0, n, 3);
        tb::multiply(m, bn.view, tb::scaled(2, in_place.view), in_place.view, steps);
        CHECK(outside(expected, in_place.view, 1, 2, c0, linear, 3) == 0);
        CHECK((c.padding_survives() && f.padding_survives() && in_place.padding_survives()));
      }
    });
  });
}

TEMPLATE_TEST_CASE("Inf and NaN in B reach only rows that store an entry there", "[spmm]", float,
                   double) {
  using T = TestType;
  source from(75);
  const auto a = generators::uniform<T>(33, 50, 35, from);
  constexpr T infinity = std::numeric_limits<T>::infinity();
  constexpr T nan_value = std::numeric_limits<T>::quiet_NaN();
  std::vector<bool> reached(33, false);
  std::vector<bool> reached_by_nan(33, false);
  for (const auto e : tb::entries(a)) {
    const auto i = static_cast<std::size_t>(e.row);
    if (e.col == 17 || e.col == 49) reached[i] = true;
    if (e.col == 17) reached_by_nan[i] = true;
  }
  REQUIRE(std::ranges::count(reached, false) > 5);
  REQUIRE(std::ranges::count(reached_by_nan, true) > 5);
  for_each_form(a, [&](const auto& m) {
    oracle::at_every_isa([&] {
      for (const int n : {1, 2, 3, 4, 7, 9, 20, 64, 77}) {
        auto b = random_dense<T>(50, n, from);
        for (int j = 0; j < n; ++j) b(17, j) = nan_value;
        for (int j = 0; j < n; ++j) b(49, j) = infinity;
        padded<T, tb::row_major> c(33, n, 1);
        tb::multiply(m, b, tb::scaled(0, c.view), c.view, tb::relu); // NaN stays NaN
        std::int64_t wrong = 0;
        for (std::int64_t i = 0; i < 33; ++i) {
          for (std::int64_t j = 0; j < n; ++j) {
            const T x = c.view(i, j);
            wrong += !reached[static_cast<std::size_t>(i)] && !std::isfinite(x);
            wrong += reached_by_nan[static_cast<std::size_t>(i)] && !std::isnan(x);
          }
        }
        CHECK(wrong == 0);
        const auto nan_c = [&] {
          for (std::int64_t i = 0; i < 33; ++i) c.view(i, 0) = nan_value;
        };
        nan_c();
        tb::multiply(tb::scaled(0, m), b, tb::scaled(0, c.view), c.view); // neither A, B nor C read
        CHECK(c.view(0, 0) == T{});
      }
    });
  });
}

TEMPLATE_TEST_CASE("SpMM gives the same bits with any number of threads", "[spmm]", float, double) {
  using T = TestType;
  source from(76);
  const auto a = tb::to_csr(generators::scattered<T>(501, 700, 30000, from));
  const auto bias = generators::vector<T>(501, from);
  for (const int n : {3, 70, 200}) {
    const auto b = random_dense<T>(700, n, from);
    const auto transposed_b = random_dense<T>(501, n, from);
    for_each_form(tb::to_coo(a), [&](const auto& m) {
      oracle::at_every_isa([&] {
        padded<T, tb::row_major> c(501, n, 1);
        padded<T, tb::col_major> f(700, n, 1);
        tb::multiply(m, b, c.view, tb::bias(bias));
        tb::multiply(tb::transposed(m), transposed_b, f.view);
        for (const auto& policy : {tb::threads(2), tb::threads(3), tb::par}) {
          padded<T, tb::row_major> other(501, n, 1);
          padded<T, tb::col_major> other_f(700, n, 1);
          tb::multiply(policy, m, b, other.view, tb::bias(bias));
          tb::multiply(policy, tb::transposed(m), transposed_b, other_f.view);
          CHECK(same_bits(other.memory, c.memory));
          CHECK(same_bits(other_f.memory, f.memory));
        }
      });
    });
  }
}

TEMPLATE_TEST_CASE("SpMM of a bitmap matrix of several bands", "[spmm]", float) {
  using T = TestType;
  source from(79);
  const auto check = [&](std::int64_t rows, int percent) {
    const auto a = generators::uniform<T>(rows, 500, percent, from);
    REQUIRE(a.nnz() > std::int64_t{1} << 19);
    const auto bitmap = tb::to_bitmap(a);
    const auto transposed_bitmap = tb::to_bitmap(tb::transposed(a));
    for (const int n : {5, 40, 200}) { // chunks, and sorted columns
      const auto b = random_dense<T>(500, n, from);
      padded<T, tb::row_major> c(rows, n, 1);
      padded<T, tb::col_major> f(rows, n, 1);
      tb::multiply(bitmap, b, c.view);
      tb::multiply(tb::threads(2), bitmap, b, f.view);
      std::int64_t different = 0;
      for (std::int64_t i = 0; i < rows; ++i) {
        for (std::int64_t j = 0; j < n; ++j) different += c.view(i, j) != f.view(i, j);
      }
      CHECK(different == 0);
      const auto column = oracle::expected_spmv(bitmap, oracle::column(b, n - 1));
      CHECK(column.rows_outside(oracle::column(c.view, n - 1)) == 0);
      padded<T, tb::row_major> t(rows, n, 1);
      tb::multiply(tb::threads(2), tb::transposed(transposed_bitmap), b, t.view);
      CHECK(column.rows_outside(oracle::column(t.view, n - 1)) == 0);
    }
  };
  check(1400, 90);
  check(2800, 40); // few columns times its transpose: chunks, too
}

TEST_CASE("chunks take as many places and columns as they have bits for", "[spmm]") {
  const auto check = [](const tb::coo_matrix<float, std::int32_t>& a, source& from) {
    CAPTURE(a.cols());
    const auto bitmap = tb::to_bitmap(a);
    const auto b = random_dense<float>(a.cols(), 5, from);
    const auto expected = expected_columns<float>(a, b);
    tb::dense_matrix<float> c({a.rows(), 5});
    oracle::at_every_isa_up_to(tb::isa::avx512, [&] {
      tb::multiply(bitmap, b, c);
      CHECK(outside(expected, c, 1, 0, c, unchanged) == 0);
    });
    if (a.cols() >= tb::kernels::chunk_entry::most_cols) return; // large references
    const auto bt = random_dense<float>(a.rows(), 5, from);
    const auto of_transpose = expected_columns<float>(tb::to_coo(tb::transposed(a)), bt);
    tb::dense_matrix<float> ct({a.cols(), 5});
    oracle::at_every_isa_up_to(tb::isa::avx512, [&] {
      tb::multiply(tb::transposed(bitmap), bt, ct);
      CHECK(outside(of_transpose, ct, 1, 0, ct, unchanged) == 0);
    });
  };
  source from(85);
  // 96 full tiles of a tile row that holds less than two entries a tile on average.
  check(generators::where<float, std::int32_t>(4, 12'000, from,
                                               [](std::int64_t i, std::int64_t j) {
                                                 return j < 384 || (i == j / 4 % 4 && j % 4 == 3);
                                               }),
        from);
  constexpr std::int64_t most = tb::kernels::chunk_entry::most_cols;
  for (const std::int64_t cols : {most, most + 1}) {
    generators::triples<float, std::int32_t> t;
    for (std::int64_t k = 0; k < 60; ++k) {
      const std::int64_t j = k < 20 ? cols - 1 - k / 7 : from.below(cols);
      t.add(k % 7, j, from.value<float>());
    }
    check(std::move(t).matrix(7, cols), from);
  }
}

TEST_CASE("objects of a thread may multiply when they are destroyed", "[spmm]") {
  source from(80);
  const auto a = tb::to_csr(generators::uniform<float>(40, 50, 50, from));
  const auto b = random_dense<float>(50, 70, from);
  tb::dense_matrix<float> expected({40, 70});
  tb::multiply(a, b, expected);
  tb::dense_matrix<float> last({40, 70});
  struct late {
    const tb::csr_matrix<float>* a = nullptr;
    const tb::dense_matrix<float>* b = nullptr;
    tb::dense_matrix<float>* c = nullptr;
    ~late() {
      if (a != nullptr) tb::multiply(*a, *b, *c);
    }
  };
  std::thread([&] {
    static thread_local late object; // made before the memory of the first product, destroyed after
    object.a = &a;
    object.b = &b;
    object.c = &last;
    tb::dense_matrix<float> c({40, 70});
    tb::multiply(a, b, c);
  }).join();
  CHECK(last == expected);
}

TEST_CASE("an epilogue may itself multiply", "[spmm]") {
  source from(77);
  const auto a = tb::to_bitmap(generators::uniform<float>(40, 40, 50, from));
  const auto b = random_dense<float>(40, 20, from);
  tb::dense_matrix<float> expected({40, 20});
  tb::multiply(a, b, expected);
  tb::dense_matrix<float> c({40, 20});
  tb::multiply(a, b, c, [&](float x) {
    tb::dense_matrix<float> inner({40, 20});
    tb::multiply(a, b, inner);
    return inner == expected ? x : -1.0F;
  });
  CHECK(c == expected);
}

TEMPLATE_TEST_CASE("grouped rows hold their invariants and give the matrix back", "[spmm]", float,
                   double) {
  using T = TestType;
  source from(78);
  const auto a = generators::uniform<T>(18, 60, 45, from);
  oracle::at_every_isa([&] {
    const auto h = tb::optimize(a, tb::operation::spmm);
    tb::validate(h);
    CHECK(h.view().grouped().blocks() == 5);
    CHECK(tb::to_coo(h) == a);
    CHECK(tb::to_coo(tb::transposed(h)) == tb::to_coo(tb::transposed(tb::to_csr(a))));
    std::int64_t count = 0;
    for (const auto e : tb::entries(h)) count += a.values()[0] == e.value || e.value != T{};
    CHECK(count == a.nnz());
  });
  using grouped = tb::grouped_view<const T, std::int32_t>;
  const std::vector<T> values{1, 2, 3};
  std::vector<std::int32_t> cols{0, 3};
  std::vector<std::uint32_t> counts(15, 0);
  counts[0] = 1; // pattern 1: column 0
  counts[5] = 1; // pattern 6: column 3
  std::vector<std::int64_t> column_offsets{0, 2};
  std::vector<std::int64_t> value_offsets{0, 3};
  const auto view = [&](tb::shape s) {
    return grouped(values, cols, counts, column_offsets, value_offsets, s);
  };
  tb::validate(view({3, 4}));
  CHECK_THROWS_AS(tb::validate(view({2, 4})), tb::invalid_matrix); // pattern 6 needs row 2
  CHECK_THROWS_AS(tb::validate(view({3, 3})), tb::invalid_matrix); // column 3
  CHECK_THROWS_AS(tb::validate(view({5, 4})), tb::invalid_matrix); // two blocks
  counts[5] = 2;
  CHECK_THROWS_AS(tb::validate(view({3, 4})), tb::invalid_matrix);
  counts[5] = 0;
  counts[7] = 1; // pattern 8 has one entry, not two
  CHECK_THROWS_AS(tb::validate(view({4, 4})), tb::invalid_matrix);
  counts[7] = 0;
  counts[2] = 1; // pattern 3 and pattern 1 share row 0
  cols = {0, 0};
  CHECK_THROWS_AS(tb::validate(view({3, 4})), tb::invalid_matrix);
}

TEST_CASE("columns of a block are shared where enough loads are saved", "[spmm]") {
  // Pairs of rows that share columns: `each` of them, but `last` of the last pair.
  const auto shares = [](int patterns, int each, int last) {
    constexpr int pairs[6][2] = {{0, 1}, {0, 2}, {0, 3}, {1, 2}, {1, 3}, {2, 3}};
    std::vector<std::int32_t> rows;
    std::vector<std::int32_t> cols;
    std::int32_t col = 0;
    for (int p = 0; p < patterns; ++p) {
      for (int k = 0; k < (p + 1 == patterns ? last : each); ++k, ++col) {
        for (const int r : pairs[p]) {
          rows.push_back(r);
          cols.push_back(col);
        }
      }
    }
    const std::vector<float> values(rows.size(), 1.0F);
    const tb::coo_matrix<float> a(values, rows, cols, {4, col});
    const auto h = tb::optimize(a, tb::operation::spmm);
    tb::validate(h);
    CHECK(tb::to_csr(h) == tb::to_csr(a));
    CHECK_FALSE(h.view().grouped().in_pairs());
    return tb::detail::length(h.view().grouped().col_indices()) == col;
  };
  oracle::at_every_isa([&] {
    if (tb::active_isa() == tb::isa::avx2) return; // groups pairs
    CHECK(shares(5, 4, 4));                        // 20 loads
    CHECK_FALSE(shares(5, 4, 3));                  // 19 for five loops
    CHECK(shares(4, 1, 1));                        // rows apart are four loops, too
    CHECK(shares(1, 1, 1));
  });
}

TEST_CASE("rows that have hardly any column in common stay in CSR", "[spmm]") {
  // Columns that rows 0 and 1 share, and others that row 0 has alone.
  const auto grouped = [](int shared, int alone) {
    std::vector<std::int32_t> rows(static_cast<std::size_t>(shared + alone), 0);
    rows.resize(rows.size() + static_cast<std::size_t>(shared), 1);
    std::vector<std::int32_t> cols;
    for (int c = 0; c < shared + alone; ++c) cols.push_back(c);
    for (int c = 0; c < shared; ++c) cols.push_back(c);
    const std::vector<float> values(rows.size(), 1.0F);
    const tb::coo_matrix<float> a(values, rows, cols, {4, shared + alone});
    const auto h = tb::optimize(a, tb::operation::spmm);
    tb::validate(h);
    CHECK(tb::to_coo(h) == a);
    CHECK(h.nnz() == a.nnz());
    CHECK((h.view().grouped().blocks() > 0) != (h.view().csr().rows() > 0));
    return h.view().grouped().blocks() > 0;
  };
  oracle::at_every_isa([&] {
    CHECK(grouped(8, 80));       // eight loads of B
    CHECK(grouped(7, 14));       // a quarter of them
    CHECK_FALSE(grouped(7, 15)); // neither
    CHECK_FALSE(grouped(0, 1));
  });
}

TEST_CASE("grouped rows have to save more loads of B than come from afar", "[spmm]") {
  // Blocks of four rows share 8 of their 28 columns, which lie within so many of each other.
  const auto scattered_over = [](std::int64_t width) {
    constexpr std::int64_t n = 12'000;
    source from(82);
    std::vector<std::int32_t> rows, cols;
    for (std::int64_t block = 0; block < n; block += 4) {
      const std::int64_t first = std::clamp<std::int64_t>(block - width / 2, 0, n - width);
      std::vector<std::int64_t> drawn;
      while (drawn.size() < 88) {
        const std::int64_t col = first + from.below(width);
        if (std::find(drawn.begin(), drawn.end(), col) == drawn.end()) drawn.push_back(col);
      }
      for (std::int64_t r = 0; r < 4; ++r) {
        std::vector<std::int64_t> row(drawn.begin(), drawn.begin() + 8);
        row.insert(row.end(), drawn.begin() + 8 + 20 * r, drawn.begin() + 28 + 20 * r);
        std::sort(row.begin(), row.end());
        for (const std::int64_t col : row) {
          rows.push_back(static_cast<std::int32_t>(block + r));
          cols.push_back(static_cast<std::int32_t>(col));
        }
      }
    }
    const std::vector<float> values(rows.size(), 1.0F);
    return tb::coo_matrix<float>(values, rows, cols, {n, n});
  };
  const auto grouped = [](const auto& a, std::int64_t columns) {
    return tb::optimize(a, tb::operation::spmm, columns).view().grouped().blocks() > 0;
  };
  const auto near = scattered_over(400);
  CHECK(grouped(near, 64));
  CHECK(grouped(near, 128));
  const auto far = scattered_over(12'000);
  CHECK(grouped(far, 16)); // all of B is near
  CHECK_FALSE(grouped(far, 64));
  CHECK_FALSE(grouped(far, 128));
}

TEMPLATE_TEST_CASE("matrices that stay in CSR multiply and convert like others", "[spmm]", float,
                   double) {
  using T = TestType;
  source from(81);
  const auto mesh = generators::scattered<T>(700, 900, 3000, from);
  std::vector<std::int32_t> rows(150000, 3000); // a row that is cut inside for SpMV
  std::vector<std::int32_t> cols(150000);
  for (std::size_t k = 0; k < cols.size(); ++k) cols[k] = static_cast<std::int32_t>(k);
  for (std::int32_t i = 0; i < 6000; i += 2) {
    if (i == 3000) continue;
    rows.push_back(i);
    cols.push_back(static_cast<std::int32_t>(from.below(150000)));
  }
  const std::vector<T> values = generators::vector<T>(static_cast<std::int64_t>(rows.size()), from);
  const tb::coo_matrix<T> giant(values, rows, cols, {6000, 150000});
  for (const auto& a : {tb::to_csr(mesh), tb::to_csr(giant)}) {
    const auto h = tb::optimize(a, tb::operation::spmm);
    REQUIRE(h.view().csr().rows() == a.rows());
    const std::int64_t of_csr =
        a.nnz() * static_cast<std::int64_t>(sizeof(T) + 4) + 8 * (a.rows() + 1);
    CHECK(h.bytes() >= of_csr);
    CHECK(h.bytes() <= of_csr + 4 * a.rows() + 256); // the offsets of no tiles
    tb::validate(h);
    CHECK(tb::to_csr(h) == a);
    CHECK(tb::to_csr(tb::transposed(h)) == tb::to_csr(tb::transposed(a)));
    std::int64_t k = 0;
    for (const auto e : tb::entries(h)) k += e.value == a.values()[static_cast<std::size_t>(k)];
    CHECK(k == a.nnz());
    const auto x = generators::small_vector<T>(std::max(a.rows(), a.cols()), from); // exact sums
    const std::vector<T> of_cols(x.begin(), x.begin() + a.cols());
    const std::vector<T> of_rows(x.begin(), x.begin() + a.rows());
    const auto small = generators::small_vector<T>(a.nnz(), from);
    const tb::csr_matrix<T> exact(small, a.row_offsets(), a.col_indices(), {a.rows(), a.cols()});
    const auto fast = tb::optimize(exact, tb::operation::spmm);
    REQUIRE(fast.view().csr().rows() == a.rows());
    const tb::dense_matrix<T> b(generators::small_vector<T>(a.cols() * 17, from), {a.cols(), 17});
    oracle::at_every_isa([&] {
      tb::dense_matrix<T> c({a.rows(), 17});
      tb::dense_matrix<T> expected_c({a.rows(), 17});
      tb::multiply(tb::threads(2), fast, b, c);
      tb::multiply(exact, b, expected_c);
      CHECK(c == expected_c);
      std::vector<T> y(of_rows.size());
      std::vector<T> expected(of_rows.size());
      tb::multiply(tb::threads(2), fast, of_cols, y);
      tb::multiply(exact, of_cols, expected);
      CHECK(y == expected);
      std::vector<T> z(of_cols.size());
      std::vector<T> expected_z(of_cols.size());
      tb::multiply(tb::threads(2), tb::transposed(fast), of_rows, z);
      tb::multiply(tb::transposed(exact), of_rows, expected_z);
      CHECK(z == expected_z);
    });
  }
}

TEST_CASE("copies of B: when, and how much at a time", "[spmm]") {
  using namespace tb::kernels;
  const auto copies = [](std::int64_t n, std::int64_t ld) {
    const std::vector<float> b(static_cast<std::size_t>(100 * ld));
    const auto panels = cut_panels(n, 16, 4);
    return panels_of_b<float, tb::row_major>(tb::dense_view<const float>(b.data(), {100, n}, ld),
                                             panels, 16, 1000, small_chunk, panel_ends::apart)
        .copies();
  };
  CHECK_FALSE(copies(8, 8)); // a copy would be larger
  CHECK_FALSE(copies(8, 16));
  CHECK(copies(8, 17));
  CHECK(copies(9, 9));
  CHECK(copies(200, 1024));

  // Vectors that overlap in B are apart in its copy.
  std::vector<float> b(40);
  std::iota(b.begin(), b.end(), 0.0F);
  const auto panels = cut_panels(40, 16, 4, panel_ends::overlapping);
  REQUIRE(panels.size() == 1);
  panels_of_b<float, tb::row_major> copy(tb::dense_view<const float>(b.data(), {1, 40}), panels, 16,
                                         1000, small_chunk, panel_ends::overlapping);
  REQUIRE(copy.aligns_vectors());
  copy.prepare(tb::seq, 0, 1);
  const std::vector<float> vectors(copy.data(0), copy.data(0) + copy.ld(panels[0]));
  REQUIRE(vectors.size() == 64);
  for (std::size_t k = 0; k < 16; ++k) {
    const auto j = static_cast<float>(k);
    CHECK(vectors[k] == j);
    CHECK(vectors[16 + k] == 16 + j);
    CHECK(vectors[32 + k] == 24 + j);
    CHECK(vectors[48 + k] == 24 + j);
  }
  // Ends that are apart are copied as they are.
  panels_of_b<float, tb::row_major> plain(tb::dense_view<const float>(b.data(), {1, 40}), panels,
                                          16, 1000, small_chunk, panel_ends::apart);
  REQUIRE(plain.copies());
  plain.prepare(tb::seq, 0, 1);
  CHECK(std::equal(b.begin(), b.end(), plain.data(0)));

  source from(80);
  const auto chunk = [&](std::int64_t rows, std::int64_t cols, int percent,
                         std::int64_t bytes_of_c) {
    const auto a = tb::to_csr(generators::uniform<float>(rows, cols, percent, from));
    return chunk_bytes_for(std::as_const(a).view(), bytes_of_c);
  };
  constexpr std::int64_t wide = (std::int64_t{32} << 20) + 1;
  CHECK(chunk(600, 64, 20, wide) == large_chunk);
  CHECK(chunk(600, 64, 20, wide - 1) == small_chunk);
  CHECK(chunk(600, 64, 1, wide) == small_chunk); // rows of B are loaded too seldom,
  CHECK(chunk(20, 64, 20, wide) == small_chunk); // even by all rows of A
}

TEMPLATE_TEST_CASE("wide matrices are grouped slab by slab", "[spmm]", float, double) {
  using T = TestType;
  source from(79);
  const auto band = in_fours(generators::banded<T>(1000, 1000, 40, from));
  CHECK(band.view().grouped().slabs() == 1); // of 324 entries in a block, but few columns
  const auto a = generators::uniform<T>(42, 1100, 30, from);
  const auto h = in_fours(a);
  const auto g = h.view().grouped();
  CHECK(g.slabs() == 4);
  CHECK(g.blocks() == 11);
  tb::validate(h);
  CHECK(tb::to_coo(h) == a);
  CHECK(tb::to_coo(tb::transposed(h)) == tb::to_coo(tb::transposed(tb::to_csr(a))));
  const tb::grouped_view<const T, std::int32_t> in_three(g.values(), g.col_indices(),
                                                         g.pattern_counts(), g.column_offsets(),
                                                         g.value_offsets(), {42, 1100}, 3);
  CHECK_THROWS_AS(tb::validate(in_three), tb::invalid_matrix);
  std::vector<std::int32_t> cols(g.col_indices().begin(), g.col_indices().end());
  cols.front() = 1099; // of the last slab
  const tb::grouped_view<const T, std::int32_t> astray(
      g.values(), cols, g.pattern_counts(), g.column_offsets(), g.value_offsets(), {42, 1100}, 4);
  CHECK(oracle::contains(oracle::message_of<tb::invalid_matrix>([&] { tb::validate(astray); }),
                         "slab 0"));
  const std::vector<T> x = generators::small_vector<T>(1100, from);
  std::vector<T> y(42);
  std::vector<T> z(42);
  tb::multiply(h, x, y);
  tb::multiply(tb::transposed(tb::optimize(tb::transposed(a), tb::operation::spmm)), x, z);
  oracle::check_spmv(a, x, y);
  oracle::check_spmv(a, x, z);
}

TEST_CASE("slabs are whole tile columns, none of them empty", "[spmm]") {
  std::int64_t wrong = 0;
  for (std::int64_t cols = 1; cols < 40000; cols += cols < 3000 ? 1 : 97) {
    for (const double entries : {1e3, 1e5, 1e6}) {
      const std::int64_t slabs = tb::kernels::slabs_of(entries, 4, 10, 1, cols, 256);
      const tb::grouped_view<const float, std::int32_t> a({}, {}, {}, {}, {}, {40, cols}, slabs);
      wrong += a.first_column(0) != 0 || a.first_column(slabs) != cols;
      for (std::int64_t s = 0; s < slabs; ++s) {
        wrong += a.first_column(s) % 4 != 0 || a.first_column(s) >= a.first_column(s + 1);
      }
    }
  }
  CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("what optimize lays out for two to four columns", "[spmm]", float, double) {
  using T = TestType;
  source from(93);
  const auto kind = [&](int percent, std::int64_t columns) {
    const auto a = generators::uniform<T>(203, 400, percent, from);
    const auto h = tb::optimize(a, tb::operation::spmm, columns);
    CHECK(tb::to_coo(h) == a);
    const auto b = random_dense<T>(400, columns, from);
    check_width<tb::row_major, tb::row_major>(h, b, random_dense<T>(203, columns, from),
                                              expected_columns<T>(a, b), columns);
    const auto view = h.view();
    return view.csr().rows() > 0 ? 'c' : view.grouped().blocks() > 0 ? 'g' : 't';
  };
  if (tb::active_isa() < tb::isa::avx512) {
    WARN("skipped: this machine has no AVX-512");
    return;
  }
  const oracle::gathers_as_if fast(false);
  constexpr bool of_float = std::is_same_v<T, float>;
  CHECK(kind(20, 2) == 'c');
  CHECK(kind(20, 4) == (of_float ? 'c' : 'g'));
  CHECK(kind(60, 2) == 't');
  CHECK(kind(60, 3) == (of_float ? 't' : 'g'));
  CHECK(kind(60, 4) == (of_float ? 't' : 'g'));
  const oracle::gathers_as_if slow(true);
  CHECK(kind(20, 2) == (tb::active_isa() >= tb::isa::avx512_bf16 ? 'c' : 'g'));
}

// Kernels read them ahead, to ask for the rows of B that they name.
TEMPLATE_TEST_CASE("columns of a band follow each other, and behind them stand zeros", "[spmm]",
                   float, double) {
  using T = TestType;
  source from(98);
  const auto a = tb::to_bitmap(generators::uniform<T>(1003, 300, 40, from));
  const auto rows = tb::to_csr(a);
  oracle::at_every_isa([&] {
    const tb::kernels::stored_tile_rows<T, std::int32_t> tiles(a);
    tb::kernels::grouped_bands<tb::kernels::stored_tile_rows<T, std::int32_t>> bands(
        tb::seq, tiles, tb::kernels::band_sizes(a.view()));
    const auto band = bands.make(tb::seq, {0, a.tile_rows()});
    const auto offsets = band.column_offsets();
    std::int64_t gaps = 0;
    std::int64_t wrong = 0;
    for (std::size_t k = 0; k + 1 < offsets.size(); ++k) {
      const auto columns = tb::kernels::columns_of(band, static_cast<std::int64_t>(k));
      const std::int64_t end = offsets[k] + std::ssize(columns);
      wrong += end > offsets[k + 1];
      gaps += end < offsets[k + 1];
      const std::int64_t zeros = std::min(end + tb::kernels::columns_ahead, offsets[k + 1]);
      for (std::int64_t j = end; j < zeros; ++j) {
        wrong += band.col_indices()[static_cast<std::size_t>(j)] != 0;
      }
    }
    CHECK(wrong == 0);
    CHECK(gaps <= 64); // of 251 blocks, which share columns
    CHECK(offsets.back() == rows.nnz());
  });
}

TEMPLATE_TEST_CASE("what optimize lays out depends on what a processor foresees and rereads",
                   "[spmm]", float, double) {
  using T = TestType;
  if (tb::active_isa() < tb::isa::avx512) {
    WARN("skipped: this machine has no AVX-512");
    return;
  }
  source from(97);
  const auto kind = [](const tb::coo_matrix<T>& a, std::int64_t columns) {
    const auto h = tb::optimize(a, tb::operation::spmm, columns);
    CHECK(tb::to_coo(h) == a);
    const auto view = h.view();
    return view.csr().rows() > 0 ? 'c' : view.grouped().blocks() > 0 ? 'g' : 't';
  };
  const auto band = [&](auto&& keep) {
    return generators::where<T, std::int32_t>(
        1200, 1200, from, [&](auto i, auto j) { return std::abs(i - j) <= 10 && keep(i, j - i); });
  };
  constexpr std::int64_t line = 64 / std::int64_t{sizeof(T)};
  const auto any_half = band([&](auto, auto) { return from.below(2) == 0; });
  CHECK(kind(any_half, line) == 'c'); // loops over two columns or so, each of another length
  CHECK(kind(any_half, 8 * line) == 'g');
  std::vector<char> half(8 * 21);
  for (char& kept : half) kept = static_cast<char>(from.below(2));
  const auto same_half = band(
      [&](auto i, auto d) { return half[static_cast<std::size_t>(21 * (i % 8) + d + 10)] != 0; });
  CHECK(kind(same_half, line) == 'g');
  CHECK(kind(generators::uniform<T>(4000, 24, 30, from), 2) == 't'); // rows of 2 to 14 entries
  CHECK(kind(generators::equal_rows<T>(4000, 240, 7, from), 2) == 'c');
  // Rows of B that are loaded once or twice are not worth slabs; what is loaded often is.
  const auto slabs = [&](int percent) {
    return in_fours(generators::uniform<T>(24, 20000, percent, from)).view().grouped().slabs();
  };
  CHECK(slabs(5) == 1);
  CHECK(slabs(40) > 8);
}

TEMPLATE_TEST_CASE("matrices optimized for few columns have wider slabs", "[spmm]", float, double) {
  using T = TestType;
  source from(84);
  const auto a = generators::uniform<T>(61, 2100, 20, from); // 1,680 entries in a block
  const auto slabs = [&](std::int64_t columns) {
    const auto h = in_fours(a, columns);
    tb::validate(h);
    CHECK(tb::to_coo(h) == a);
    return h.view().grouped().slabs();
  };
  constexpr std::int64_t panel = 256 / static_cast<std::int64_t>(sizeof(T));
  CHECK(slabs(128) == 8);
  CHECK(slabs(std::numeric_limits<std::int64_t>::max()) == 8);
  CHECK(slabs(panel) == 8);
  CHECK(slabs(panel / 2) == 4);
  CHECK(slabs(panel / 4) == 2);
  CHECK(slabs(1) == 1);
  CHECK_THROWS_AS(slabs(0), std::invalid_argument);

  const auto b = random_dense<T>(2100, 70, from);
  const auto c0 = random_dense<T>(61, 70, from);
  const auto expected = expected_columns<T>(a, b);
  const auto h = in_fours(a, panel / 4);
  oracle::at_every_isa([&] {
    for (const std::int64_t n : {5, 16, 70}) {
      check_width<tb::row_major, tb::row_major>(h, b, c0, expected, n);
    }
  });
}

TEST_CASE("the last tile column of a slab may be cut by the end of the matrix", "[spmm]") {
  source from(83);
  const auto pattern = generators::uniform<float>(300, 16897, 12, from); // 66 slabs wanted
  const std::vector<float> small = generators::small_vector<float>(pattern.nnz(), from);
  const tb::coo_matrix<float> a(small, pattern.row_indices(), pattern.col_indices(), {300, 16897});
  const auto h = in_fours(a);
  tb::validate(h);
  CHECK(h.view().grouped().slabs() == 65);
  CHECK(tb::to_coo(h) == a);
  const tb::dense_matrix<float, tb::col_major> b(generators::small_vector<float>(16897 * 20, from),
                                                 {16897, 20});
  tb::dense_matrix<float> c({300, 20});
  tb::dense_matrix<float> expected({300, 20});
  oracle::at_every_isa([&] {
    tb::multiply(tb::threads(2), h, b, c);
    tb::multiply(a, b, expected);
    CHECK(c == expected); // sums are exact
  });
}

TEMPLATE_TEST_CASE("SpMM of several slabs keeps the error bound", "[spmm]", float, double) {
  using T = TestType;
  struct grouping {
    std::int64_t rows;
    tb::isa level; // scalar: in fours
    std::int64_t slabs;
    std::int64_t widest; // eight vectors of pairs and a remainder
  };
  source from(82);
  // Few rows, which share panels of B; then so many that each step of them copies slabs of B.
  const grouping kind =
      GENERATE(grouping{42, tb::isa::scalar, 4, 70}, grouping{701, tb::isa::scalar, 4, 70},
               grouping{70, tb::isa::avx2, 4, 130}, grouping{70, tb::isa::avx512, 14, 130});
  const std::int64_t rows = kind.rows;
  const std::int64_t widest = kind.widest;
  const bool in_pairs = kind.level > tb::isa::scalar;
  const auto a = generators::uniform<T>(rows, 1100, 30, from);
  if (in_pairs && !has_pairs_of(kind.level)) return;
  const oracle::gathers_as_if fast(false);
  const auto h = optimized_at(kind.level, a);
  const auto g = h.view().grouped();
  REQUIRE(g.in_pairs() == in_pairs);
  REQUIRE(g.slabs() == kind.slabs);
  const auto b = random_dense<T>(1100, widest, from);
  const auto c0 = random_dense<T>(rows, widest, from);
  const auto expected = expected_columns<T>(a, b);
  const std::vector<T> bias = generators::small_vector<T>(rows, from);
  oracle::at_every_isa_up_to(tb::isa::avx512, [&] {
    for (const std::int64_t n :
         {std::int64_t{1}, std::int64_t{5}, std::int64_t{16}, std::int64_t{33}, widest}) {
      CAPTURE(n);
      check_width<tb::row_major, tb::row_major>(h, b, c0, expected, n);
      check_width<tb::col_major, tb::row_major>(h, b, c0, expected, n);
      check_width<tb::row_major, tb::col_major>(h, b, c0, expected, n);
      check_width<tb::col_major, tb::col_major>(h, b, c0, expected, n);
      const auto bn = first_columns<tb::row_major>(b, n, 0);
      const auto shifted = [&](std::int64_t i, long double v) {
        return v + static_cast<long double>(bias[static_cast<std::size_t>(i)]);
      };
      tb::dense_matrix<T> in_registers({rows, n});
      tb::dense_matrix<T> by_calls({rows, n});
      tb::multiply(h, bn.view, in_registers, tb::bias(bias));
      tb::multiply(tb::threads(3), h, bn.view, by_calls,
                   tb::epilogue([](T v) { return v; }, tb::bias(bias)));
      CHECK(outside(expected, in_registers, 1, 0, c0, shifted, 10) == 0);
      CHECK(outside(expected, by_calls, 1, 0, c0, shifted, 10) == 0);
      const auto bc = first_columns<tb::col_major>(b, n, 1);
      const auto start = first_columns<tb::row_major>(c0, n, 0);
      const auto updated = [&](int threads, const auto& of) {
        tb::dense_matrix<T> c({rows, n});
        tb::multiply(tb::threads(threads), h, of, tb::scaled(T(0.5), start.view), c,
                     tb::bias(bias));
        return std::vector<T>(c.data(), c.data() + rows * n);
      };
      for (const int threads : {2, 64}) {
        tb::dense_matrix<T> by_threads({rows, n});
        tb::multiply(tb::threads(threads), h, bn.view, by_threads, tb::bias(bias));
        CHECK(std::memcmp(in_registers.data(), by_threads.data(),
                          static_cast<std::size_t>(rows * n) * sizeof(T)) == 0);
        CHECK(updated(threads, bn.view) == updated(1, bn.view));
        CHECK(updated(threads, bc.view) == updated(1, bc.view));
      }
      if (tb::active_isa() == tb::isa::scalar || n != widest) continue; // less may need no copy
      tb::dense_matrix<T> by_slabs({rows, n});
      const tb::epilogue none;
      const tb::kernels::matrix_update<T, T, tb::row_major, tb::row_major, tb::epilogue<>> to{
          T{1}, T{}, by_slabs, by_slabs, none};
      const auto& kernels = tb::kernels::kernels_for(g, tb::active_isa());
      const auto panels = tb::kernels::cut_panels(n, kernels.lanes, kernels.widest);
      const bool copied = tb::kernels::run_spmm_by_copied_slabs(
          tb::seq, kernels, g, tb::dense_view<const T>(bn.view), panels, to);
      CHECK(copied == (rows != 42));
      if (copied) CHECK(outside(expected, by_slabs, 1, 0, c0, unchanged) == 0);
    }
  });
}

TEMPLATE_TEST_CASE("columns are grouped in pairs of rows where that is faster", "[spmm]", float,
                   double) {
  using T = TestType;
  using grouped = tb::grouped_view<const T, std::int32_t>;
  const std::vector<T> values{1, 2};
  const std::vector<std::int32_t> cols{3};
  const std::vector<std::int64_t> column_offsets{0, 1};
  const std::vector<std::int64_t> value_offsets{0, 2};
  const auto of_pattern = [&](unsigned pattern) {
    std::vector<std::uint32_t> counts(15, 0);
    counts[pattern - 1] = 1;
    const auto view = [&](bool in_pairs) {
      return grouped(values, cols, counts, column_offsets, value_offsets, {4, 4}, 1, in_pairs);
    };
    tb::validate(view(false));
    tb::validate(view(true));
  };
  of_pattern(3);
  of_pattern(12);
  for (const unsigned pattern : {5U, 6U, 9U, 10U}) {
    CHECK(oracle::contains(oracle::message_of<tb::invalid_matrix>([&] { of_pattern(pattern); }),
                           "pairs"));
  }

  source from(91);
  const oracle::gathers_as_if fast(false);
  tb::isa level = tb::isa::avx512;
  const auto optimized = [&](std::int64_t rows, std::int64_t width, int entries,
                             std::int64_t columns) {
    const auto a = generators::uniform<T>(rows, width, entries, from);
    auto h = optimized_at(level, a, columns);
    tb::validate(h);
    CHECK(tb::to_coo(h) == a);
    CHECK(tb::to_coo(tb::transposed(h)) == tb::to_coo(tb::transposed(tb::to_csr(a))));
    const std::vector<T> x = generators::small_vector<T>(width, from);
    std::vector<T> y(static_cast<std::size_t>(rows));
    tb::multiply(h, x, y);
    oracle::check_spmv(a, x, y);
    return h;
  };
  const auto in_pairs = [&](auto... arguments) {
    return optimized(arguments...).view().grouped().in_pairs();
  };
  const auto slabs = [&](auto... arguments) {
    const auto h = optimized(arguments...);
    CHECK(h.view().grouped().in_pairs());
    return h.view().grouped().slabs();
  };
  constexpr std::int64_t columns = 512 / static_cast<std::int64_t>(sizeof(T));
  if (!has_pairs_of(tb::isa::avx2)) return;
  level = tb::isa::avx2;
  CHECK(slabs(45, 1100, 30, columns) == 4); // panels of 128 bytes
  CHECK(slabs(46, 1100, 70, columns) == 4);
  CHECK(slabs(47, 1100, 30, columns / 4) == 4);
  CHECK_FALSE(in_pairs(47, 1100, 30, columns / 4 - 1)); // panels are narrow
  CHECK(slabs(45, 310, 30, columns) == 1);              // all of B is near
  CHECK(slabs(45, 1000, 6, columns) == 2);              // 32 entries of a row in each
  CHECK_FALSE(in_pairs(45, 1100, 80, columns));         // tiles are nearly full

  if (!has_pairs_of(tb::isa::avx512)) return;
  level = tb::isa::avx512;
  CHECK(in_pairs(45, 1100, 30, columns));           // most columns alone
  CHECK(in_pairs(45, 1100, 45, columns));           // many in pairs; one row in the last block
  CHECK(in_pairs(46, 1100, 30, columns));           // two
  CHECK(in_pairs(47, 1100, 30, columns));           // three
  CHECK_FALSE(in_pairs(45, 1100, 80, columns));     // four rows share more
  CHECK_FALSE(in_pairs(45, 1100, 1, columns));      // too few in a slab
  CHECK_FALSE(in_pairs(45, 500, 30, columns));      // all of B is near
  CHECK_FALSE(in_pairs(45, 1100, 30, columns / 4)); // panels are narrow
  using tb::kernels::slabs_of_pairs;
  CHECK(slabs_of_pairs(1000, 10, 0.24, 4000, 512, tb::kernels::avx512_pairs) == 1); // bands
}

TEMPLATE_TEST_CASE("every SIMD instruction set has its SpMM kernels", "[dispatch]", float, double) {
  using T = TestType;
  const auto check = [](auto view) {
    using View = decltype(view);
    oracle::at_every_isa([&] {
      const auto* kernels = tb::kernels::panel_kernels<View>(tb::active_isa());
      CHECK((kernels == nullptr) == (tb::active_isa() == tb::isa::scalar));
      if (kernels == nullptr) return;
      const auto& rows = tb::kernels::spmm_table<View>::rows;
      const auto row =
          std::ranges::find_if(rows, [&](const auto& r) { return r.function == kernels; });
      REQUIRE(row != rows.end());
      CHECK(row->level == std::min(tb::active_isa(), tb::isa::avx512));
      const auto bytes = static_cast<std::size_t>(kernels->lanes) * sizeof(T);
      CHECK(bytes == (tb::active_isa() >= tb::isa::avx512 ? 64 : 32));
      const auto& transposed = tb::kernels::transposed_kernels_of<View>(tb::active_isa());
      CHECK(transposed.lanes == kernels->lanes);
      const auto& of_view = tb::kernels::kernels_for(view, tb::active_isa());
      if constexpr (requires { view.in_pairs(); }) {
        const std::int64_t widest = tb::active_isa() >= tb::isa::avx512 ? 8 : 4;
        CHECK(of_view.widest == (view.in_pairs() ? widest : kernels->widest));
      } else {
        CHECK(&of_view == kernels);
      }
      for (const int columns : {2, 3, 4, 5}) {
        constexpr bool csr = requires { view.row_offsets(); };
        const auto least = tb::detail::slow_gathers() ? tb::isa::avx512_bf16 : tb::isa::avx512;
        const bool beside =
            csr && columns * std::int64_t{sizeof(T)} <= 16 && tb::active_isa() >= least;
        const auto bytes_of_row = columns == 2 && sizeof(T) == 4 ? 8 : 16;
        const auto& few = tb::kernels::kernels_for(view, tb::active_isa(), columns);
        CHECK((few.lanes * std::int64_t{sizeof(T)} == bytes_of_row) == beside);
      }
    });
  };
#ifndef TILEBIT_DISABLE_SIMD
  check(tb::csr_view<const T, std::int32_t, std::int64_t>());
  check(tb::csr_view<const T, std::int64_t, std::int32_t>());
  check(tb::grouped_view<const T, std::int32_t>());
  check(tb::grouped_view<const T, std::int32_t>({}, {}, {}, {}, {}, {}, 1, true));
  check(tb::kernels::row_chunks_view<T>());
#endif
  oracle::at_every_isa([&] {
    const auto& grouping = tb::kernels::select(tb::kernels::grouping_table<T, std::int32_t>::rows);
    CHECK(grouping.level == std::min(tb::active_isa(), tb::isa::avx512));
    const auto& splitting = tb::kernels::select(tb::kernels::splitting_table<std::int32_t>::rows);
    CHECK(splitting.level == std::min(tb::active_isa(), tb::isa::avx512));
#ifndef TILEBIT_DISABLE_SIMD
    if (tb::active_isa() == tb::isa::scalar) return;
    using table = tb::kernels::tiles_by_columns_table<T, std::int32_t>;
    const auto* const whole = &tb::kernels::tiles_by_columns<T, std::int32_t>(tb::active_isa());
    const auto row =
        std::ranges::find_if(table::rows, [&](const auto& r) { return r.function == whole; });
    REQUIRE(row != table::rows.end());
    const auto most = tb::detail::slow_gathers() ? tb::isa::avx512_bf16 : tb::isa::avx512;
    CHECK(row->level == std::min(tb::active_isa(), most));
    CHECK(whole->lanes * whole->widest ==
          (tb::active_isa() >= tb::isa::avx512 ? 8 : 16 / std::int64_t{sizeof(T)}));
#endif
  });
}
