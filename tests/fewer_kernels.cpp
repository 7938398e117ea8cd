// A program without some of the kernels, TILEBIT_DISABLE_AVX512 or TILEBIT_DISABLE_SIMD: products
// of every type are what they are with all of them.
#include <cstdint>
#include <cstdio>
#include <type_traits>

#include <tilebit/tilebit.hpp>

namespace tb = tilebit;

namespace {

int failures = 0;

void check(bool good, const char* what) {
  if (good) return;
  std::fprintf(stderr, "failed: %s\n", what);
  ++failures;
}

/// Entries and columns of B are small integers, whose sums are exact.
template <class T, class R>
void check_products() {
  const std::int64_t m = 37;
  const std::int64_t n = 70;
  tb::dense_matrix<T> dense({m, n});
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      if ((3 * i + 5 * j) % 4 == 0) dense(i, j) = static_cast<T>((i * j) % 7 - 3);
    }
  }
  const auto tiles = tb::to_bitmap(dense);
  for (const std::int64_t cols : {1, 3, 8, 16, 40}) {
    tb::dense_matrix<T> b({n, cols});
    for (std::int64_t j = 0; j < n; ++j) {
      for (std::int64_t k = 0; k < cols; ++k) b(j, k) = static_cast<T>((j + 2 * k) % 5 - 2);
    }
    tb::dense_matrix<R> expected({m, cols});
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        for (std::int64_t k = 0; k < cols; ++k) {
          expected(i, k) += static_cast<R>(dense(i, j)) * static_cast<R>(b(j, k));
        }
      }
    }
    const auto check_one = [&](const auto& a, const char* format) {
      tb::dense_matrix<R> c({m, cols});
      tb::multiply(a, b, c);
      check(c == expected, format);
    };
    check_one(tiles, "bitmap");
    check_one(tb::to_bitmap_grid(dense), "bitmap grid");
    check_one(tb::to_csr(tiles), "CSR");
    check_one(tb::to_coo(tiles), "COO");
    check_one(tb::optimize(tiles), "optimized");
    check_one(tb::optimize(tiles, tb::operation::spmm), "optimized for SpMM");
  }
}

} // namespace

int main() {
#if defined(TILEBIT_DISABLE_SIMD)
  const tb::isa most = tb::isa::scalar;
#else
  const tb::isa most = tb::isa::avx2;
#endif
  check(tb::active_isa() <= most, "active_isa");
  for (const tb::isa level : tb::supported_isas()) check(level <= most, "supported_isas");
  check_products<float, float>();
  check_products<double, double>();
  check_products<tb::bfloat16, float>();
  check_products<tb::float16, float>();
  check_products<std::int8_t, std::int32_t>();
  return failures == 0 ? 0 : 1;
}
