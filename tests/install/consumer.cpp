// A program of somebody else.
#include <cstdio>
#include <vector>

#include <tilebit/tilebit.hpp>

int main() {
  const tilebit::coo_matrix<double> a({1, 2, 3}, {0, 1, 1}, {0, 0, 1}, {2, 2});
  const std::vector<double> x{1, 10};
  std::vector<double> y(2);
  tilebit::multiply(tilebit::par, tilebit::to_bitmap(a), x, y);
  std::printf("%d.%d: %g %g\n", TILEBIT_VERSION_MAJOR, TILEBIT_VERSION_MINOR, y[0], y[1]);
  return y[0] == 1 && y[1] == 32 ? 0 : 1;
}
