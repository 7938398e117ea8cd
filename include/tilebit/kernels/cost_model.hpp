// What an SpMV costs in each layout: the time model behind recommend and optimize.
//
// Times are in nanoseconds on server cores of 2023; only their ratios decide. They are
// least-squares fits of relative errors to the times of 40 public matrices, most of which lie in
// the second- and third-level cache (bench/run --peers measures the same). No layout is faster than
// memory is read.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "../core/config.hpp"
#include "../core/isa.hpp"

namespace tilebit::detail {

/// What kernels spend on the pieces of a matrix.
struct spmv_costs {
  double tile;             ///< one tile
  double tile_entry;       ///< each entry of it
  double tile_row;         ///< the end of a tile row
  std::int64_t long_row;   ///< entries from which a CSR row is long
  double entry;            ///< one entry of a long one
  double row;              ///< its begin and end
  double short_entry;      ///< one entry of a short one
  double short_row;        ///< its begin and end
  double foreseen;         ///< share of that of one or two entries, where rows before have as many
  double slice_entry;      ///< one entry of a slice
  double slice_row;        ///< one row of a slice, begin and end
  double diagonal;         ///< one piece of a diagonal
  double diagonal_entry;   ///< each entry of it
  double diagonal_row;     ///< one row of a slice of diagonals
  double coo_entry;        ///< one entry of COO
  double coo_row;          ///< one row of them
  double far_byte = 0;     ///< the least time of a byte from the third-level cache
  double near_bytes = 4e6; ///< of a matrix that stays in front of that
};

namespace fitted_costs {
inline constexpr spmv_costs avx512_float{.tile = 1.24,
                                         .tile_entry = 0,
                                         .tile_row = 1.8,
                                         .long_row = 9,
                                         .entry = 0.28,
                                         .row = 2.1,
                                         .short_entry = 0.25,
                                         .short_row = 1.4,
                                         .foreseen = 1,
                                         .slice_entry = 0.25,
                                         .slice_row = 0.65,
                                         .diagonal = 1.48,
                                         .diagonal_entry = 0,
                                         .diagonal_row = 0.32,
                                         .coo_entry = 0.56,
                                         .coo_row = 1.4,
                                         .far_byte = 0.038,
                                         .near_bytes = 2.5e6};
inline constexpr spmv_costs avx512_double{.tile = 2.27,
                                          .tile_entry = 0,
                                          .tile_row = 2.0,
                                          .long_row = 9,
                                          .entry = 0.38,
                                          .row = 0.2,
                                          .short_entry = 0.21,
                                          .short_row = 1.65,
                                          .foreseen = 1,
                                          .slice_entry = 0.31,
                                          .slice_row = 0.75,
                                          .diagonal = 2.2,
                                          .diagonal_entry = 0.04,
                                          .diagonal_row = 0.6,
                                          .coo_entry = 0.65,
                                          .coo_row = 2.35,
                                          .far_byte = 0.038,
                                          .near_bytes = 2.5e6};
inline constexpr spmv_costs avx2_float{.tile = 2.65,
                                       .tile_entry = 0,
                                       .tile_row = 3.0,
                                       .long_row = 8,
                                       .entry = 0.3,
                                       .row = 2.1,
                                       .short_entry = 0.15,
                                       .short_row = 2.3,
                                       .foreseen = 1,
                                       .slice_entry = 0.27,
                                       .slice_row = 0.8,
                                       .diagonal = 3.0,
                                       .diagonal_entry = 0,
                                       .diagonal_row = 0,
                                       .coo_entry = 0.86,
                                       .coo_row = 0.5};
inline constexpr spmv_costs avx2_double{.tile = 5.0,
                                        .tile_entry = 0,
                                        .tile_row = 2.5,
                                        .long_row = 6,
                                        .entry = 0.41,
                                        .row = 0.65,
                                        .short_entry = 0.05,
                                        .short_row = 2.6,
                                        .foreseen = 1,
                                        .slice_entry = 0.41,
                                        .slice_row = 1.1,
                                        .diagonal = 4.2,
                                        .diagonal_entry = 0,
                                        .diagonal_row = 0,
                                        .coo_entry = 0.9,
                                        .coo_row = 0.2};
// Of processors with gathers in microcode, measured on Zen 4.
inline constexpr spmv_costs loads_avx512_float{.tile = 1.08,
                                               .tile_entry = 0,
                                               .tile_row = 2.0,
                                               .long_row = 12,
                                               .entry = 0.216,
                                               .row = 1.66,
                                               .short_entry = 0.21,
                                               .short_row = 1.5,
                                               .foreseen = 0.35,
                                               .slice_entry = 0.216,
                                               .slice_row = 0.82,
                                               .diagonal = 1.64,
                                               .diagonal_entry = 0,
                                               .diagonal_row = 0.02,
                                               .coo_entry = 0.4,
                                               .coo_row = 1.8};
inline constexpr spmv_costs loads_avx512_double{.tile = 1.77,
                                                .tile_entry = 0,
                                                .tile_row = 2.8,
                                                .long_row = 6,
                                                .entry = 0.25,
                                                .row = 1.25,
                                                .short_entry = 0.213,
                                                .short_row = 1.6,
                                                .foreseen = 0.35,
                                                .slice_entry = 0.238,
                                                .slice_row = 0.87,
                                                .diagonal = 2.66,
                                                .diagonal_entry = 0,
                                                .diagonal_row = 0.09,
                                                .coo_entry = 0.61,
                                                .coo_row = 1.73};
// The same without AVX-512, measured on Zen 3.
inline constexpr spmv_costs loads_avx2_float{.tile = 1.7,
                                             .tile_entry = 0,
                                             .tile_row = 5.0,
                                             .long_row = 8,
                                             .entry = 0.272,
                                             .row = 2.2,
                                             .short_entry = 0.03,
                                             .short_row = 2.7,
                                             .foreseen = 0.35,
                                             .slice_entry = 0.289,
                                             .slice_row = 0.77,
                                             .diagonal = 3.6,
                                             .diagonal_entry = 0,
                                             .diagonal_row = 0,
                                             .coo_entry = 1.06,
                                             .coo_row = 0.5,
                                             .far_byte = 0.03};
inline constexpr spmv_costs loads_avx2_double{.tile = 3.25,
                                              .tile_entry = 0,
                                              .tile_row = 5.0,
                                              .long_row = 6,
                                              .entry = 0.34,
                                              .row = 1.13,
                                              .short_entry = 0,
                                              .short_row = 3.1,
                                              .foreseen = 0.35,
                                              .slice_entry = 0.3,
                                              .slice_row = 0.93,
                                              .diagonal = 4.0,
                                              .diagonal_entry = 0,
                                              .diagonal_row = 0,
                                              .coo_entry = 1.05,
                                              .coo_row = 0.4,
                                              .far_byte = 0.03};
inline constexpr spmv_costs scalar_float{.tile = 1.25,
                                         .tile_entry = 1.28,
                                         .tile_row = 0,
                                         .long_row = 12,
                                         .entry = 0.61,
                                         .row = 0.1,
                                         .short_entry = 0.48,
                                         .short_row = 1.9,
                                         .foreseen = 1,
                                         .slice_entry = 0.4,
                                         .slice_row = 1.3,
                                         .diagonal = 1.0,
                                         .diagonal_entry = 0.94,
                                         .diagonal_row = 0.1,
                                         .coo_entry = 0.98,
                                         .coo_row = 0.7};
inline constexpr spmv_costs scalar_double{.tile = 1.25,
                                          .tile_entry = 1.27,
                                          .tile_row = 0,
                                          .long_row = 6,
                                          .entry = 0.66,
                                          .row = 0.1,
                                          .short_entry = 0.05,
                                          .short_row = 3.8,
                                          .foreseen = 1,
                                          .slice_entry = 0.68,
                                          .slice_row = 2.0,
                                          .diagonal = 1.0,
                                          .diagonal_entry = 1.0,
                                          .diagonal_row = 0.1,
                                          .coo_entry = 0.99,
                                          .coo_row = 0.1};
} // namespace fitted_costs

/// Time of the transposed product over that of the plain one, geometric means of the same matrices.
struct transposed_factors {
  double coo;
  double csr;
  double bitmap;
};
constexpr transposed_factors factors_of_transposed(std::size_t value_bytes,
                                                   bool microcode) noexcept {
  const bool narrow = value_bytes == 4;
  if (microcode) {
    return {.coo = narrow ? 1.2 : 1.0, .csr = 1.5, .bitmap = narrow ? 1.4 : 1.2};
  }
  return {.coo = 1.05, .csr = 1.4, .bitmap = narrow ? 1.5 : 1.15};
}

/// For values of so many bytes, an instruction set, and processors with or without gathers in
/// microcode.
constexpr const spmv_costs& costs_of_spmv(std::size_t value_bytes, isa level,
                                          bool microcode) noexcept {
  namespace costs = fitted_costs;
  const bool narrow = value_bytes == 4;
  if (level == isa::scalar) return narrow ? costs::scalar_float : costs::scalar_double;
  if (level == isa::avx2) {
    if (microcode) return narrow ? costs::loads_avx2_float : costs::loads_avx2_double;
    return narrow ? costs::avx2_float : costs::avx2_double;
  }
  if (microcode) return narrow ? costs::loads_avx512_float : costs::loads_avx512_double;
  return narrow ? costs::avx512_float : costs::avx512_double;
}

/// Lines of x that a row may read before they drive each other out of the first-level cache, and
/// nanoseconds that each of more lines takes a row of CSR; tiles, of which each multiplies more,
/// hide it (8 to 64 rows of 100,000 columns, Zen 4).
inline constexpr std::int64_t near_lines = 400;
constexpr double far_line(std::size_t value_bytes) noexcept {
  return value_bytes == 4 ? 0.33 : 0.42;
}

/// Nanoseconds in which a byte of y is cleared, to which COO adds.
inline constexpr double cleared_byte = 0.01;

/// More bytes than this may not stay in a third-level cache.
inline constexpr std::int64_t far_bytes = std::int64_t{16} << 20;

/// Does a product ask ahead for what it reads of so many bytes? From 12 to 16 MiB that gains up to
/// 1.6, where others share the cache, and costs up to 1.1 (Zen 4).
constexpr bool comes_from_far(std::int64_t bytes) noexcept {
  return bytes > far_bytes / 4 * 3;
}

/// Nanoseconds in which a byte of a matrix of so many bytes is read, at best: of one that does not
/// fit the third-level cache, of one that others may have driven out of it, of a smaller one.
constexpr double least_time_of_byte(double bytes, const spmv_costs& cost) noexcept {
  constexpr double first = 16e6;
  constexpr double last = 32e6;
  if (bytes <= cost.near_bytes) return 0.0;
  if (bytes <= first) return cost.far_byte;
  const double time = 0.027 + (0.05 - 0.027) * (bytes - first) / (last - first);
  return bytes >= last ? 0.05 : std::max(cost.far_byte, time);
}

/// Products of low-precision matrices with a vector, in cycles, on processors with gathers in
/// microcode (Zen 4) and on others (Emerald Rapids): for a register of tiles, for a piece of a
/// masked row, about the same on both, and for windowed rows, whose positions are bytes or
/// distances: for the four strips of a window of 16 rows and for a step.
template <class T>
constexpr double cost_of_expanding(double tiles, bool in_microcode) noexcept {
  if (sizeof(T) == 2) return tiles / 2 * (in_microcode ? 3.9 : 5.5);
  return tiles / 4 * (in_microcode ? 5.4 : 7);
}
constexpr double cost_of_masks(double pieces) noexcept {
  return 3.4 * pieces;
}
constexpr double cost_of_windows(double windows, double steps, int position_bits,
                                 bool in_microcode) noexcept {
  return 4 * windows + (!in_microcode ? 11 : position_bits == 4 ? 9 : 6) * steps;
}

/// Nanoseconds that windowed rows of float take: for windows of 16 rows, each of which has four
/// strips with loops over their steps whose ends a processor remembers for a few thousand windows;
/// for steps; and at least for the bytes of those that do not stay in the second-level cache. In
/// the unit of the times of slices (random rows, Emerald Rapids; not measured on AMD's processors).
constexpr double cost_of_windows_of_float(double windows, double steps, double bytes) noexcept {
  const double least = bytes > 2e6 ? 0.036 * bytes : 0.0;
  return std::max(least, (windows > 4096 ? 14 : 4) * windows + 1.2 * steps);
}

/// What SpMM spends, in nanoseconds, on 256 bytes of a row of B and on tiles: only ratios decide,
/// and those are about the same for float and double (bench/run --spmm on 41 public matrices, 32 to
/// 1,024 columns, Zen 4 with AVX-512).
struct spmm_costs {
  double entry;         ///< where its row of B comes from the first-level cache
  double far_row;       ///< of B, from the second level
  double row_of_memory; ///< of B, from the third level or memory
  double grouped_entry; ///< of rows that share what they load
  double grouped_row;   ///< of B that they load
  double chunk_of_tile; ///< for the ends of a chunk of rows, by tiles
  double tile;          ///< of taking a tile apart, once
  double grouping_tile; ///< of sorting its columns by pattern, once
};
inline constexpr spmm_costs avx512_spmm{.entry = 1.48,
                                        .far_row = 1.59,
                                        .row_of_memory = 3.28,
                                        .grouped_entry = 0.96,
                                        .grouped_row = 0.21,
                                        .chunk_of_tile = 0,
                                        .tile = 3.05,
                                        .grouping_tile = 16.4};
/// Of Zen 3, 18 matrices; rows of B in memory are what both formats wait for.
inline constexpr spmm_costs avx2_spmm{.entry = 1.7,
                                      .far_row = 2.0,
                                      .row_of_memory = 0,
                                      .grouped_entry = 1.2,
                                      .grouped_row = 0.2,
                                      .chunk_of_tile = 2.0,
                                      .tile = 4.0,
                                      .grouping_tile = 16.4};

/// Are tiles full, but for a few?
constexpr bool nearly_full(double fill) noexcept {
  return fill > 15;
}

/// Tiles in a row of tiles from which its rows of B no longer fit the first-level cache.
inline constexpr double far_tiles = 48;

/// Entries of a column of A from which rows of B are mostly copied (panels_of_b), so that they do
/// not come from where B lies.
inline constexpr double least_copied = 18;

} // namespace tilebit::detail
