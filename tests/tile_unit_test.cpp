// Products of tile rows that are expanded into dense blocks: by dot products and by an emulation of
// a matrix unit on every machine that has AVX-512 BF16, and by AMX itself, whose configuration
// comes back, where the machine has it.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include <tilebit/conversions/masks.hpp>
#include <tilebit/convert.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "low_precision.hpp"
#include "oracle.hpp"

#if TILEBIT_X86 && !defined(TILEBIT_DISABLE_AVX512)
#include <immintrin.h>

TILEBIT_TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2,avx2,popcnt")
namespace tilebit::inline TILEBIT_ABI::kernels::emulated {
#include "emulated_tile_unit.hpp"
#include <tilebit/kernels/cleared_avx512.inc.hpp>

#include <tilebit/kernels/expand_pieces.inc.hpp>

#include <tilebit/kernels/block_writer.inc.hpp>

#include <tilebit/kernels/spmm_tile_unit.inc.hpp>
} // namespace tilebit::inline TILEBIT_ABI::kernels::emulated
TILEBIT_TARGET_END

namespace tb = tilebit;
using generators::source;
using low_precision::small_integers;
using low_precision::sum_of;

namespace {

template <class T>
tb::dense_matrix<sum_of<T>> expected(const tb::coo_matrix<T>& a, const tb::dense_matrix<T>& b) {
  tb::dense_matrix<sum_of<T>> c({a.rows(), b.cols()});
  for (const auto e : tb::entries(a)) {
    for (std::int64_t j = 0; j < b.cols(); ++j) {
      c(e.row, j) += static_cast<sum_of<T>>(e.value * b(e.col, j));
    }
  }
  return c;
}

/// C = finish(alpha A B + beta C0) in a layout, by the emulated unit or, of tiles, by dot products.
template <class R, class LayoutC, class View, class T, class LayoutB, class Epilogue>
tb::dense_matrix<R, LayoutC> by_blocks(bool unit, const tb::execution_policy& policy, const View& a,
                                       const tb::dense_view<const T, LayoutB>& b, T alpha, R beta,
                                       const tb::dense_matrix<R>& c0, const Epilogue& finish) {
  tb::dense_matrix<R, LayoutC> c({a.rows(), b.cols()});
  const tb::kernels::matrix_update<T, R, tb::row_major, LayoutC, Epilogue> out{
      alpha, beta, c0.view(), c.view(), finish};
  if (unit) {
    tb::kernels::run_blocks(policy, &tb::kernels::emulated::multiply_by_tile_unit<View>,
                            tb::kernels::panel_reader::tile_unit, a, b, out);
  } else if constexpr (requires { a.tile_rows(); }) {
    tb::kernels::run_blocks(policy, tb::kernels::blocks_table<View>::rows[1].function,
                            tb::kernels::panel_reader::blocks, a, b, out);
  }
  return c;
}

template <class R>
bool same(const tb::dense_matrix<R, tb::col_major>& a, const tb::dense_matrix<R>& b) {
  for (std::int64_t i = 0; i < b.rows(); ++i) {
    for (std::int64_t j = 0; j < b.cols(); ++j) {
      if (a(i, j) != b(i, j)) return false;
    }
  }
  return true;
}

} // namespace

TEMPLATE_TEST_CASE("dense blocks of tile rows are multiplied by dot products and by a matrix unit",
                   "[low precision]", tb::bfloat16, std::int8_t) {
  using T = TestType;
  using R = sum_of<T>;
  if (tb::detail::best_isa() < tb::isa::avx512_bf16) {
    WARN("skipped: this machine has no AVX-512 BF16");
    return;
  }
  source from(81);
  struct problem {
    int m, n, percent;
    std::vector<int> widths{1, 7, 16, 17, 32, 33, 70};
  };
  constexpr int bytes{sizeof(T)};
  const std::vector<problem> problems{
      {1, 1, 100},
      {4, 32, 60},
      {31, 70, 40},
      {64, 64, 100},
      {67, 131, 5},
      {67, 131, 5, {1100}}, // more panels than a kernel takes at a time
      {130, 257, 50},
      {40, 700, 60},
      {5, 2620 / bytes, 20, {500}}, // slices of many panels
      {5, 41500 / bytes, 3, {20}},  // and of a single one
  };
  for (const problem& p : problems) {
    const int m = p.m;
    const int n = p.n;
    const auto a = small_integers<T>(m, n, p.percent, from);
    const auto grid = tb::to_bitmap_grid(a);
    const auto tiles = tb::to_bitmap(a);
    const auto rows_of_a = tb::to_csr(a);
    const auto masked = tb::detail::masks_of(rows_of_a.view());
    const auto of_masks = masked.view(tb::shape(m, n));
    const auto values = generators::small_vector<R>(m, from);
    for (const int width : p.widths) {
      for (const bool unit : {false, true}) {
        CAPTURE(m, n, p.percent, width, unit);
        const tb::dense_matrix<T> b(generators::small_vector<T>(n * width, from), {n, width});
        const tb::dense_matrix<T, tb::col_major> columns = [&] {
          tb::dense_matrix<T, tb::col_major> copy({n, width});
          for (int i = 0; i < n; ++i) {
            for (int j = 0; j < width; ++j) copy(i, j) = b(i, j);
          }
          return copy;
        }();
        const tb::dense_matrix<R> c0(generators::small_vector<R>(m * width, from), {m, width});
        const auto product = expected(a, b);
        tb::dense_matrix<R> finished({m, width});
        for (int i = 0; i < m; ++i) {
          for (int j = 0; j < width; ++j) {
            const R sum = 2 * product(i, j) + 3 * c0(i, j) + values[static_cast<std::size_t>(i)];
            finished(i, j) = sum > 0 ? sum : R{};
          }
        }
        const tb::epilogue<> none;
        const tb::epilogue in_kernel(tb::bias(values), tb::relu);
        const tb::epilogue callable(tb::bias(values), [](R x) { return x > 0 ? x : R{}; });
        const auto of_grid = std::as_const(grid).view();
        const auto of_tiles = std::as_const(tiles).view();
        const auto rows = std::as_const(b).view();
        const auto cols = columns.view();
        using by_rows = tb::row_major;
        using by_cols = tb::col_major;
        for (const auto& policy : {tb::seq, tb::threads(3)}) {
          CHECK(by_blocks<R, by_rows>(unit, policy, of_grid, rows, T(1), R{}, c0, none) == product);
          CHECK(same(by_blocks<R, by_cols>(unit, policy, of_tiles, cols, T(1), R{}, c0, none),
                     product));
          CHECK(by_blocks<R, by_rows>(unit, policy, of_tiles, cols, T(2), R(3), c0, in_kernel) ==
                finished);
          CHECK(same(by_blocks<R, by_cols>(unit, policy, of_grid, rows, T(2), R(3), c0, callable),
                     finished));
          if (!unit) continue;
          CHECK(by_blocks<R, by_rows>(unit, policy, of_masks, rows, T(1), R{}, c0, none) ==
                product);
          CHECK(same(by_blocks<R, by_cols>(unit, policy, of_masks, cols, T(2), R(3), c0, callable),
                     finished));
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("AMX multiplies slices of long rows as vectors do", "[low precision]",
                   tb::bfloat16, std::int8_t) {
  using T = TestType;
  using R = sum_of<T>;
  if (tb::detail::best_isa() < tb::isa::amx) {
    WARN("skipped: this machine has no AMX");
    return;
  }
  source from(83);
  const auto a = tb::to_bitmap_grid(small_integers<T>(70, 6000, 30, from));
  const auto optimized = tb::optimize(a, tb::operation::spmm);
  const tb::dense_matrix<T> b(generators::small_vector<T>(6000 * 300, from), {6000, 300});
  tb::dense_matrix<R> by_unit({70, 300});
  tb::dense_matrix<R> by_vectors({70, 300});
  const tb::isa before = tb::active_isa();
  tb::set_isa(tb::isa::avx512_bf16);
  tb::multiply(a, b, by_vectors);
  tb::set_isa(tb::isa::amx);
  for (const auto& policy : {tb::seq, tb::threads(3)}) {
    tb::multiply(policy, a, b, by_unit);
    CHECK(by_unit == by_vectors);
    tb::multiply(policy, optimized, b, by_unit);
    CHECK(by_unit == by_vectors);
  }
  tb::set_isa(before);
}

TEST_CASE("AMX leaves the tiles of a thread as they were configured", "[low precision]") {
  if (tb::detail::best_isa() < tb::isa::amx) {
    WARN("skipped: this machine has no AMX");
    return;
  }
  CHECK(tb::detail::amx_allowed() == tb::detail::amx_allowed());
  source from(82);
  const auto a = tb::to_bitmap_grid(small_integers<tb::bfloat16>(40, 70, 50, from));
  const tb::dense_matrix<tb::bfloat16> b(generators::small_vector<tb::bfloat16>(70 * 40, from),
                                         {70, 40});
  tb::dense_matrix<float> by_unit({40, 40});
  tb::dense_matrix<float> by_vectors({40, 40});
  const tb::isa before = tb::active_isa();
  tb::set_isa(tb::isa::amx);
  tb::multiply(a, b, by_unit);
  tb::set_isa(tb::isa::avx512_bf16);
  tb::multiply(a, b, by_vectors);
  tb::set_isa(before);
  CHECK(by_unit == by_vectors);
}
#endif
