// What an SpMV costs in each layout: the time model behind recommend and optimize.
//
// Times are in nanoseconds on a server core of 2023; only their ratios decide. They were fitted to
// the measurements of bench/spmv on matrices whose operands lie in the caches.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../core/config.hpp"
#include "../core/isa.hpp"

namespace tilebit::detail {

/// Entries and rows in units of what kernels do with them.
struct spmv_costs {
  double tile;        ///< one tile
  double tile_row;    ///< the end of a tile row
  double entry;       ///< one gathered entry
  double slice;       ///< begin and end of a slice
  double row;         ///< begin and end of a row of its own
  double short_entry; ///< one entry of a row too short to be gathered
  double coo_entry;   ///< one entry added into y
};

/// For values of so many bytes and an instruction set.
constexpr spmv_costs costs_of_spmv(std::size_t value_bytes, isa level) noexcept {
  const bool narrow = value_bytes == 4;
  switch (level) {
  case isa::avx512:
    return narrow ? spmv_costs{1.3, 6, 0.27, 12, 7, 0.8, 1.2}
                  : spmv_costs{2.3, 7, 0.36, 12, 7, 0.8, 1.2};
  case isa::avx2:
    return narrow ? spmv_costs{5, 6, 0.45, 14, 7, 0.8, 1.2}
                  : spmv_costs{6, 7, 0.5, 14, 7, 0.8, 1.2};
  default:
    return {8, 6, 0.8, 16, 3, 0.8, 1.2};
  }
}

} // namespace tilebit::detail
