// A matrix passes between units with different flags, and the chosen instruction set is one for all.
#include <cstdio>

#include "units.hpp"

int main() {
  std::vector<double> values;
  std::vector<int> rows;
  std::vector<int> cols;
  for (int k = 0; k < 5000; ++k) {
    values.push_back(k % 17 - 8);
    rows.push_back((k * 31) % 211);
    cols.push_back((k * 17) % 190);
  }
  const auto a = tilebit::to_bitmap(tilebit::coo_matrix<double>(values, rows, cols, {211, 190}));
  std::vector<double> x(190);
  for (std::size_t j = 0; j < x.size(); ++j) x[j] = static_cast<double>(j % 5) - 2; // exact sums

  for (const auto level : tilebit::supported_isas()) {
    tilebit::set_isa(level);
    if (level_seen_by_native() != level || level_seen_by_plain() != level) {
      std::puts("the units disagree on the instruction set");
      return 1;
    }
    std::vector<double> y(211);
    tilebit::multiply(a, x, y);
    if (product_native(a, x) != y || product_plain(a, x) != y) {
      std::puts("the units disagree on the product");
      return 1;
    }
  }
  std::puts("the units agree");
}
