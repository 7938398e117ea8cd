// What an SpMV costs in each layout: the time model behind recommend and optimize.
//
// Times are in nanoseconds on server cores of 2023; only their ratios decide. They are
// least-squares fits of relative errors to the times of 40 public matrices, most of which lie in
// the second- and third-level cache (bench/run --peers measures the same). No layout is faster than
// memory is read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "../core/config.hpp"
#include "../core/isa.hpp"

namespace tilebit::detail {

/// What kernels spend on the pieces of a matrix.
struct spmv_costs {
  double tile;           ///< one tile
  double tile_entry;     ///< each entry of it
  double tile_row;       ///< the end of a tile row
  std::int64_t long_row; ///< entries from which a CSR row is long
  double entry;          ///< one entry of a long one
  double row;            ///< its begin and end
  double short_entry;    ///< one entry of a short one
  double short_row;      ///< its begin and end
  double foreseen;       ///< share of that of one or two entries, where rows before have as many
  double slice_entry;    ///< one entry of a slice
  double slice_row;      ///< one row of a slice, begin and end
  double diagonal;       ///< one piece of a diagonal
  double diagonal_entry; ///< each entry of it
  double diagonal_row;   ///< one row of a slice of diagonals
  double coo_entry;      ///< one entry of COO
  double coo_row;        ///< one row of them
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
                                         .coo_row = 1.4};
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
                                          .coo_row = 2.35};
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
inline constexpr spmv_costs loads_avx2_float{.tile = 1.57,
                                             .tile_entry = 0,
                                             .tile_row = 3.05,
                                             .long_row = 12,
                                             .entry = 0.217,
                                             .row = 1.63,
                                             .short_entry = 0.21,
                                             .short_row = 1.5,
                                             .foreseen = 0.35,
                                             .slice_entry = 0.216,
                                             .slice_row = 0.82,
                                             .diagonal = 3.6,
                                             .diagonal_entry = 0,
                                             .diagonal_row = 0,
                                             .coo_entry = 0.66,
                                             .coo_row = 1.0};
inline constexpr spmv_costs loads_avx2_double{.tile = 2.99,
                                              .tile_entry = 0,
                                              .tile_row = 2.4,
                                              .long_row = 6,
                                              .entry = 0.25,
                                              .row = 1.22,
                                              .short_entry = 0.207,
                                              .short_row = 1.64,
                                              .foreseen = 0.35,
                                              .slice_entry = 0.238,
                                              .slice_row = 0.88,
                                              .diagonal = 4.0,
                                              .diagonal_entry = 0,
                                              .diagonal_row = 0,
                                              .coo_entry = 0.77,
                                              .coo_row = 1.0};
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
    return {.coo = narrow ? 1.2 : 1.0, .csr = 1.7, .bitmap = narrow ? 1.9 : 1.65};
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

/// More bytes than this may not stay in a third-level cache.
inline constexpr std::int64_t far_bytes = std::int64_t{16} << 20;

/// Nanoseconds in which a byte of a matrix of so many bytes is read, at best: of one that does not
/// fit the third-level cache, of one that others may have driven out of it, of a smaller one.
constexpr double least_time_of_byte(double bytes) noexcept {
  constexpr double first = 16e6;
  constexpr double last = 32e6;
  if (bytes <= first) return 0.0;
  return bytes >= last ? 0.05 : 0.027 + (0.05 - 0.027) * (bytes - first) / (last - first);
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

/// What SpMM spends, in nanoseconds, on 256 bytes of a row of B and on tiles: only ratios decide,
/// and those are about the same for float and double (bench/run --spmm on 41 public matrices, 32 to
/// 1,024 columns, Zen 4 with AVX-512).
struct spmm_costs {
  double entry;         ///< where its row of B comes from the first-level cache
  double far_row;       ///< of B, from the second level
  double row_of_memory; ///< of B, from the third level or memory
  double grouped_entry; ///< of rows that share what they load
  double grouped_row;   ///< of B that they load
  double tile;          ///< of taking a tile apart, once
  double grouping_tile; ///< of sorting its columns by pattern, once
};
inline constexpr spmm_costs avx512_spmm{.entry = 1.48,
                                        .far_row = 1.59,
                                        .row_of_memory = 3.28,
                                        .grouped_entry = 0.96,
                                        .grouped_row = 0.21,
                                        .tile = 3.05,
                                        .grouping_tile = 16.4};

/// What CSR takes for an entry at least, in nanoseconds, with 2, 3 and 4 columns, which cost more
/// than their share of 256 bytes (AVX-512: Granite Rapids and, within 15%, Zen 4; 15 matrices).
constexpr double entry_of_few(std::int64_t columns, std::size_t value_bytes, isa level) noexcept {
  constexpr std::array<double, 3> of_float{0.28, 0.45, 0.42};
  constexpr std::array<double, 3> of_double{0.42, 0.6, 0.5};
  if (columns > 4) return 0;
  if (level < isa::avx512) return 0.45;
  return (value_bytes == 4 ? of_float : of_double)[static_cast<std::size_t>(columns - 2)];
}

/// Are tiles full, but for a few?
constexpr bool nearly_full(double fill) noexcept {
  return fill > 15;
}

/// Nanoseconds for a tile that stays whole while it is multiplied by a few columns, two, four or
/// eight of them at a time (spmm_tiles.inc.hpp; Zen 4, 512 x 1024 at all densities).
constexpr double whole_tile(std::int64_t columns, std::size_t value_bytes, isa level) noexcept {
  const bool narrow = value_bytes == 4;
  const bool wide_registers = level >= isa::avx512;
  const double panel = wide_registers ? (narrow ? 0.8 : 1.3) : (narrow ? 1.4 : 2.9);
  const double column = wide_registers ? (narrow ? 0.37 : 0.575) : (narrow ? 0.275 : 0.62);
  const std::int64_t widest = wide_registers ? 8 : narrow ? 4 : 2;
  double all = 0;
  for (std::int64_t left = columns; left > 0; left -= widest) {
    const std::int64_t width = left <= 2 ? 2 : left <= 4 ? 4 : 8;
    all += panel + column * static_cast<double>(width < widest ? width : widest);
  }
  return all;
}

/// Nanoseconds for an entry that is multiplied by a few columns.
constexpr double entry_times_few(std::int64_t columns, std::size_t value_bytes,
                                 isa level) noexcept {
  const auto bytes = columns * static_cast<std::int64_t>(value_bytes);
  const auto loaded = static_cast<double>(bytes <= 32 ? bytes : (bytes + 63) / 64 * 64);
  return 0.3 + (level >= isa::avx512 ? 0.0053 : 0.0115) * loaded;
}

/// The same for a tile of such a fill that is taken apart, from which its entries are multiplied.
constexpr double divided_tile(double fill, std::int64_t columns, std::size_t value_bytes,
                              isa level) noexcept {
  const double of_entries = entry_times_few(columns, value_bytes, level) * fill;
  if (nearly_full(fill)) return 0.7 * of_entries; // are grouped as they stand
  return (level >= isa::avx512 ? 2.7 : 3.4) + of_entries;
}

/// Do tiles of such a fill stay whole for so many columns? Not for more than 16: the more, the less
/// it matters what it costs to take tiles apart.
constexpr bool keeps_tiles(double fill, std::int64_t columns, std::size_t value_bytes,
                           isa level) noexcept {
  return level > isa::scalar && columns > 1 && columns <= 16 &&
         whole_tile(columns, value_bytes, level) < divided_tile(fill, columns, value_bytes, level);
}

/// What decides between tiles that stay whole and CSR. Kernels of CSR take four entries at a time:
/// a row of more or fewer steps than the one before ends where the processor does not expect it,
/// and tile rows with such a row do, too.
struct counted_rows {
  std::int64_t entries = 0;
  std::int64_t tiles = 0;
  std::int64_t cols = 0;
  std::int64_t rows = 0;
  std::int64_t unforeseen_rows = 0;
  std::int64_t unforeseen_tile_rows = 0;

  constexpr void add_row(std::int64_t length) noexcept {
    const std::int64_t steps_of_row = (length + 3) / 4;
    if (rows % 4 == 0) foreseen = true;
    if (steps_of_row != steps) {
      ++unforeseen_rows;
      if (foreseen) ++unforeseen_tile_rows;
      foreseen = false;
    }
    steps = steps_of_row;
    ++rows;
  }
  constexpr double tile_rows() const noexcept { return static_cast<double>((rows + 3) / 4); }

private:
  std::int64_t steps = -1;
  bool foreseen = true; // so far in this tile row
};

/// Nanoseconds of a product of either with a few columns. What rows and tile rows begin and end
/// with, and that rows of B are brought into the order of tiles, is that of generated matrices on
/// Zen 4.
constexpr double csr_times_few(const counted_rows& a, std::int64_t columns, std::size_t value_bytes,
                               isa level) noexcept {
  const double entry = columns > 4 ? entry_times_few(columns, value_bytes, level)
                                   : entry_of_few(columns, value_bytes, level);
  return entry * static_cast<double>(a.entries) + 3 * static_cast<double>(a.rows) +
         4 * static_cast<double>(a.unforeseen_rows);
}
constexpr double tiles_times_few(const counted_rows& a, std::int64_t columns,
                                 std::size_t value_bytes, isa level) noexcept {
  return whole_tile(columns, value_bytes, level) * static_cast<double>(a.tiles) +
         6 * (a.tile_rows() + static_cast<double>(a.unforeseen_tile_rows)) +
         3 * static_cast<double>(a.cols);
}

/// Tiles in a row of tiles from which its rows of B no longer fit the first-level cache.
inline constexpr double far_tiles = 48;

/// Entries of a column of A from which rows of B are mostly copied (panels_of_b), so that they do
/// not come from where B lies.
inline constexpr double least_copied = 18;

} // namespace tilebit::detail
