// Tables for the bits that a tile keeps of one row or of two: which columns are present, and where
// in the packed elements each of them stands.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

namespace tilebit::kernels_data::row_tables {

/// For lanes of one 32-bit (Words = 1) or 64-bit (Words = 2) element.
template <class Lane, int Words>
struct row_entry {
  alignas(4 * sizeof(Lane)) Lane present[4];
  alignas(4 * sizeof(Lane)) std::int32_t order[4 * Words];
};

template <class Lane, int Words>
struct row_table {
  row_entry<Lane, Words> entries[16];

  constexpr row_table() : entries{} {
    for (unsigned bits = 0; bits < 16; ++bits) {
      for (unsigned c = 0; c < 4; ++c) {
        const bool present = ((bits >> c) & 1U) != 0;
        const int packed = std::popcount(bits & ((1U << c) - 1));
        entries[bits].present[c] = present ? Lane{-1} : Lane{0};
        for (int w = 0; w < Words; ++w) {
          entries[bits].order[static_cast<int>(c) * Words + w] = present ? packed * Words + w : 0;
        }
      }
    }
  }
  constexpr const row_entry<Lane, Words>& operator[](unsigned bits) const { return entries[bits]; }
};

inline constexpr row_table<std::int32_t, 1> of_float{};
inline constexpr row_table<std::int64_t, 2> of_double{};

/// For two rows, as lanes of eight floats: where each lane's element stands, and in the sign
/// whether it is present. A permutation looks at the lowest bits only.
struct half_tile_table {
  struct entry {
    alignas(32) std::int32_t lanes[8];
  };
  entry entries[256];

  constexpr half_tile_table() : entries{} {
    for (unsigned bits = 0; bits < 256; ++bits) {
      std::int32_t packed = 0;
      for (unsigned c = 0; c < 8; ++c) {
        const bool present = ((bits >> c) & 1U) != 0;
        entries[bits].lanes[c] =
            present ? std::numeric_limits<std::int32_t>::min() + packed++ : std::int32_t{0};
      }
    }
  }
  constexpr const std::int32_t* operator[](unsigned bits) const { return entries[bits].lanes; }
};

inline constexpr half_tile_table halves{};

/// Masks of the first n lanes.
alignas(16) inline constexpr std::int32_t first_floats[5][4] = {
    {0, 0, 0, 0}, {-1, 0, 0, 0}, {-1, -1, 0, 0}, {-1, -1, -1, 0}, {-1, -1, -1, -1}};
alignas(32) inline constexpr std::int64_t first_doubles[5][4] = {
    {0, 0, 0, 0}, {-1, 0, 0, 0}, {-1, -1, 0, 0}, {-1, -1, -1, 0}, {-1, -1, -1, -1}};

} // namespace tilebit::kernels_data::row_tables
