// The 8x8 matrix of a survey's figure (IEEE CAS Magazine, Q2 2021, figure 2) as COO and as bitmap,
// side by side, with the bytes that each table takes as the figure lays it out. expect: (1,1) 7
// 0x0900
#include <cstdio>
#include <string>
#include <vector>

#include <tilebit/tilebit.hpp>
namespace tb = tilebit;

int main() {
  // Entry k has the value k, so that the element array names its entries.
  const tb::coo_matrix<float> a({1, 2, 3, 4, 5, 6, 7, 8, 9}, {0, 1, 1, 1, 2, 3, 3, 6, 6},
                                {1, 2, 4, 5, 5, 1, 7, 4, 7}, {8, 8});
  const auto b = tb::to_bitmap(a);

  std::vector<std::string> left{"COO", "row col value"};
  for (const auto [i, j, x] : tb::entries(a)) {
    char line[64];
    std::snprintf(line, sizeof line, "%3d %3d    a%.0f", i, j, double{x});
    left.emplace_back(line);
  }
  std::vector<std::string> right{"Bitmap", "tile   index  bitmap"};
  for (const auto t : b.tiles()) {
    char line[64];
    std::snprintf(line, sizeof line, "(%d,%d)  %5d  0x%04x", t.row, t.col,
                  static_cast<int>(t.index), unsigned{t.bitmap});
    right.emplace_back(line);
  }
  right.emplace_back("elements:");
  std::string elements;
  for (const float x : b.elements()) elements += "a" + std::to_string(static_cast<int>(x)) + " ";
  right.push_back(elements);

  for (std::size_t k = 0; k < left.size(); ++k) {
    std::printf("%-24s%s\n", left[k].c_str(), k < right.size() ? right[k].c_str() : "");
  }

  // Index data of the figure: two 4-byte numbers per entry; a tile's row, column, index (4 bytes
  // each) and bitmap (2 bytes). The library's own layout drops what follows from order and
  // popcounts.
  const auto s = tb::analyze(a);
  std::printf("\nbytes of index data: COO %d, bitmap as in the figure %d, compressed tiles %d\n",
              static_cast<int>(8 * s.nnz), static_cast<int>(14 * s.tiles),
              static_cast<int>(6 * s.tiles));
  std::printf("bytes in all, float values: COO %d, CSR %d, bitmap %d (%.2f entries per tile)\n",
              static_cast<int>(s.bytes.coo), static_cast<int>(s.bytes.csr),
              static_cast<int>(s.bytes.bitmap), s.fill);
}
