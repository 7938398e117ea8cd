// Products by a matrix unit: with an emulation of it on every machine that has AVX-512 VBMI2, and
// with AMX itself, whose configuration comes back, where the machine has it.
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/multiply.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"

#if TILEBIT_X86 && !defined(TILEBIT_DISABLE_AVX512)
#include <immintrin.h>

TILEBIT_TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2,avx2,popcnt")
namespace tilebit::inline TILEBIT_ABI::kernels::emulated {
#include "emulated_tile_unit.hpp"
#include <tilebit/kernels/spmm_tile_unit.inc.hpp>
} // namespace tilebit::inline TILEBIT_ABI::kernels::emulated
TILEBIT_TARGET_END

namespace tb = tilebit;
using generators::source;

namespace {

template <class T>
using sum_of = std::conditional_t<std::is_same_v<T, std::int8_t>, std::int32_t, float>;

/// A matrix of small integers, whose products are exact in every order of additions.
template <class T>
tb::coo_matrix<T> small_integers(std::int64_t m, std::int64_t n, int percent, source& from) {
  auto a = generators::uniform<T>(m, n, percent, from);
  for (T& x : a.values()) x = from.small<T>();
  return a;
}

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

/// multiply with the emulated unit.
template <class View, class T, class LayoutB, class Update>
void by_emulation(const tb::execution_policy& policy, const View& a,
                  const tb::dense_view<const T, LayoutB>& b, const Update& out) {
  tb::kernels::run_tile_unit(policy, &tb::kernels::emulated::multiply_tile_rows<View>, a, b, out);
}

} // namespace

TEMPLATE_TEST_CASE("a matrix unit multiplies tile rows that are expanded into blocks",
                   "[low precision]", tb::bfloat16, std::int8_t) {
  using T = TestType;
  using R = sum_of<T>;
  if (tb::detail::best_isa() < tb::isa::avx512_bf16) {
    WARN("skipped: this machine has no AVX-512 VBMI2");
    return;
  }
  source from(81);
  struct problem {
    int m, n, percent;
  };
  for (const problem& p : {problem{1, 1, 100},
                           {4, 32, 60},
                           {31, 70, 40},
                           {64, 64, 100},
                           {67, 131, 5},
                           {130, 257, 50}}) {
    const int m = p.m;
    const int n = p.n;
    const int percent = p.percent;
    const auto a = small_integers<T>(m, n, percent, from);
    for (const int width : {1, 7, 16, 32, 33, 70}) {
      CAPTURE(m, n, percent, width);
      const tb::dense_matrix<T> b(generators::small_vector<T>(n * width, from), {n, width});
      const tb::dense_matrix<T, tb::col_major> columns = [&] {
        tb::dense_matrix<T, tb::col_major> copy({n, width});
        for (int i = 0; i < n; ++i) {
          for (int j = 0; j < width; ++j) copy(i, j) = b(i, j);
        }
        return copy;
      }();
      const auto product = expected(a, b);
      const auto grid = tb::to_bitmap_grid(a);
      const auto tiles = tb::to_bitmap(a);
      for (const auto& policy : {tb::seq, tb::threads(3)}) {
        tb::dense_matrix<R> c({m, width});
        const tb::epilogue<> none;
        const auto to = [&] {
          using view = tb::dense_view<const R, tb::row_major>;
          return tb::kernels::matrix_update<T, R, tb::row_major, tb::row_major, tb::epilogue<>>{
              T(1), R{}, view(c.view()), c.view(), none};
        };
        by_emulation(policy, std::as_const(grid).view(), std::as_const(b).view(), to());
        CHECK(c == product);
        c = tb::dense_matrix<R>({m, width});
        by_emulation(policy, std::as_const(tiles).view(), std::as_const(columns).view(), to());
        CHECK(c == product);
      }
    }
  }
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
