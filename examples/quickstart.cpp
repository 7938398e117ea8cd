// The first ten lines: triples in, bitmap format, a product.
// expect: y = 14 10 6
#include <cstdio>
#include <vector>

#include <tilebit/tilebit.hpp>
namespace tb = tilebit;

int main() {
  //     | 2 . 4 |
  // A = | . 5 . |
  //     | 6 . . |
  const tb::coo_matrix<double> a({2, 4, 5, 6}, {0, 0, 1, 2}, {0, 2, 1, 0}, {3, 3});
  const auto b = tb::to_bitmap(a);

  const std::vector<double> x{1, 2, 3};
  std::vector<double> y(3);
  tb::multiply(b, x, y); // y = A x
  std::printf("y = %g %g %g\n", y[0], y[1], y[2]);

  tb::multiply(tb::scaled(2.0, tb::transposed(b)), x, tb::scaled(0.5, y), y); // y = 2 A^T x + y / 2
  std::printf("y = %g %g %g\n", y[0], y[1], y[2]);
}
