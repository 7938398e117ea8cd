// What SpMM with up to 16 columns costs, where ends of rows and taking tiles apart count.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "../core/config.hpp"
#include "../core/isa.hpp"
#include "cost_model.hpp"

namespace tilebit::detail {

/// What CSR takes for an entry at least, in nanoseconds, with 2, 3 and 4 columns, which cost more
/// than their share of 256 bytes (AVX-512: Granite Rapids and, within 15%, Zen 4; 15 matrices).
constexpr double entry_of_few(std::int64_t columns, std::size_t value_bytes, isa level) noexcept {
  constexpr std::array<double, 3> of_float{0.28, 0.45, 0.42};
  constexpr std::array<double, 3> of_double{0.42, 0.6, 0.5};
  if (columns > 4) return 0;
  if (level < isa::avx512) return 0.45;
  return (value_bytes == 4 ? of_float : of_double)[static_cast<std::size_t>(columns - 2)];
}

/// Nanoseconds for a tile that stays whole while it is multiplied by a few columns, two, four or
/// eight of them at a time (spmm_tiles.inc.hpp; Zen 4, 512 x 1024 at all densities). Those of AVX2,
/// here and below, are of Zen 3, 19 matrices, and in proportion to those of CSR.
constexpr double whole_tile(std::int64_t columns, std::size_t value_bytes, isa level) noexcept {
  const bool narrow = value_bytes == 4;
  const bool wide_registers = level >= isa::avx512;
  const double panel = wide_registers ? (narrow ? 0.8 : 1.3) : (narrow ? 1.4 : 2.9);
  const double column = wide_registers ? (narrow ? 0.37 : 0.575) : (narrow ? 0.3 : 0.62);
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
/// Nearly full ones are grouped as they stand.
constexpr double divided_tile(double fill, std::int64_t columns, std::size_t value_bytes,
                              isa level) noexcept {
  if (level >= isa::avx512) {
    const double of_entries = entry_times_few(columns, value_bytes, level) * fill;
    return nearly_full(fill) ? 0.7 * of_entries : 2.7 + of_entries;
  }
  const auto bytes = static_cast<double>(columns) * static_cast<double>(value_bytes);
  if (nearly_full(fill))
    return (value_bytes == 4 ? 0.22 + 0.0022 * bytes : 0.4 + 0.0094 * bytes) * fill;
  return 3.4 + 0.027 * bytes + 0.5 * fill;
}

/// Can entries of tiles be multiplied one by one (spmm_entries_avx2.inc.hpp)?
constexpr bool may_take_entries(std::int64_t columns, std::size_t value_bytes, isa level) noexcept {
  return level == isa::avx2 && columns <= 64 / static_cast<std::int64_t>(value_bytes);
}

/// The same for a tile whose entries are, or more than any other takes where they cannot be.
constexpr double listed_tile(double fill, std::int64_t columns, std::size_t value_bytes,
                             isa level) noexcept {
  if (!may_take_entries(columns, value_bytes, level)) {
    return std::numeric_limits<double>::infinity();
  }
  const std::int64_t vectors = (columns * static_cast<std::int64_t>(value_bytes) + 31) / 32;
  return 2.0 + (0.43 + 0.26 * static_cast<double>(vectors)) * fill;
}

/// Do tiles of such a fill stay whole for so many columns? Not for more than 16: the more, the less
/// it matters what it costs to take tiles apart.
constexpr bool keeps_tiles(double fill, std::int64_t columns, std::size_t value_bytes,
                           isa level) noexcept {
  return level > isa::scalar && columns > 1 && columns <= 16 &&
         whole_tile(columns, value_bytes, level) <
             std::min(divided_tile(fill, columns, value_bytes, level),
                      listed_tile(fill, columns, value_bytes, level));
}
/// Are entries of those that do not multiplied one by one?
constexpr bool takes_entries(double fill, std::int64_t columns, std::size_t value_bytes,
                             isa level) noexcept {
  return may_take_entries(columns, value_bytes, level) &&
         listed_tile(fill, columns, value_bytes, level) <
             divided_tile(fill, columns, value_bytes, level);
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

} // namespace tilebit::detail
