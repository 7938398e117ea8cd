// Tables for the bits that a tile keeps of one row or of two: which columns are present, and where
// in the packed elements each of them stands.
#pragma once

#include <cstdint>
#include <iterator>
#include <limits>

namespace tilebit::kernels_data::row_tables {

/// For Rows rows of a tile, as lanes of Words times 32 bits: where the element of each lane stands,
/// and in the sign whether there is one. Permutations look at the lowest bits only, masks at the
/// sign.
template <int Rows, int Words>
struct order_table {
  struct entry {
    alignas(16 * Rows * Words) std::int32_t lanes[4 * Rows * Words];
  };
  entry entries[1U << (4 * Rows)];

  constexpr order_table() : entries{} {
    for (unsigned bits = 0; bits < std::size(entries); ++bits) {
      std::int32_t packed = 0;
      for (unsigned lane = 0; lane < 4 * Rows; ++lane) {
        const bool present = ((bits >> lane) & 1U) != 0;
        for (unsigned w = 0; present && w < Words; ++w) {
          entries[bits].lanes[lane * Words + w] =
              std::numeric_limits<std::int32_t>::min() + packed++;
        }
      }
    }
  }
  constexpr const std::int32_t* operator[](unsigned bits) const { return entries[bits].lanes; }
};

inline constexpr order_table<1, 1> of_float{};
inline constexpr order_table<1, 2> of_double{};
inline constexpr order_table<2, 1> of_floats{};

/// Masks of the first n lanes.
alignas(16) inline constexpr std::int32_t first_floats[5][4] = {
    {0, 0, 0, 0}, {-1, 0, 0, 0}, {-1, -1, 0, 0}, {-1, -1, -1, 0}, {-1, -1, -1, -1}};
alignas(32) inline constexpr std::int64_t first_doubles[5][4] = {
    {0, 0, 0, 0}, {-1, 0, 0, 0}, {-1, -1, 0, 0}, {-1, -1, -1, 0}, {-1, -1, -1, -1}};

} // namespace tilebit::kernels_data::row_tables
