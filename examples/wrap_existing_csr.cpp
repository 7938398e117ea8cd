// Arrays that already exist (Eigen, SciPy, oneMKL, PETSc keep such ones) wrapped without a copy: as
// CSR, and as CSC, which is the transpose of a CSR view. expect: CSC gives the same product
#include <cstdio>
#include <vector>

#include <tilebit/tilebit.hpp>
namespace tb = tilebit;

int main() {
  // | 1 . 2 |     by rows
  // | . 3 . |
  std::vector<double> values{1, 2, 3};
  const std::vector<int> row_offsets{0, 2, 3}; // 32-bit offsets are as good as 64-bit ones
  const std::vector<int> col_indices{0, 2, 1};
  const tb::csr_view a(values, row_offsets, col_indices, {2, 3});
  tb::validate(a); // a view trusts its arrays until asked to look

  const std::vector<double> x{1, 10, 100};
  std::vector<double> y(2);
  tb::multiply(a, x, y);
  std::printf("y = %g %g\n", y[0], y[1]);

  // The same matrix by columns.
  const std::vector<double> by_column{1, 3, 2};
  const std::vector<int> col_offsets{0, 1, 2, 3};
  const std::vector<int> row_indices{0, 1, 0};
  const auto csc = tb::transposed(tb::csr_view(by_column, col_offsets, row_indices, {3, 2}));
  std::vector<double> z(2);
  tb::multiply(csc, x, z);
  const bool same = y == z && tb::to_bitmap(csc) == tb::to_bitmap(a);
  std::printf("CSC gives %s product\n", same ? "the same" : "another");

  values[0] = 5; // new values, same pattern: the view sees them
  tb::multiply(a, x, y);
  std::printf("y = %g %g\n", y[0], y[1]);
  return same ? 0 : 1;
}
