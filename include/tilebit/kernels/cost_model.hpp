// What an SpMV costs in each layout: the time model behind recommend and optimize.
//
// Times are in nanoseconds on a server core of 2023; only their ratios decide. They are
// least-squares fits of relative errors to the times of 40 public matrices, most of which lie in
// the second- and third-level cache (bench/run --peers measures the same).
#pragma once

#include <cstddef>
#include <cstdint>

#include "../core/config.hpp"
#include "../core/isa.hpp"

namespace tilebit::detail {

/// Entries from which a CSR row is gathered; shorter ones go entry by entry.
constexpr std::int64_t gathered_row(std::size_t value_bytes) noexcept {
  return value_bytes == 4 ? 12 : 6;
}

/// What kernels spend on the pieces of a matrix.
struct spmv_costs {
  double tile;        ///< one tile
  double tile_entry;  ///< each entry of it
  double tile_row;    ///< the end of a tile row
  double entry;       ///< one entry of a CSR row that is gathered
  double row;         ///< its begin and end
  double short_entry; ///< one entry of a CSR row too short for that
  double short_row;   ///< its begin and end
  double slice_entry; ///< one entry of a slice
  double slice_row;   ///< one row of a slice, begin and end
  double coo_entry;   ///< one entry of COO
  double coo_row;     ///< one row of them
};

/// For values of so many bytes and an instruction set.
constexpr spmv_costs costs_of_spmv(std::size_t value_bytes, isa level) noexcept {
  const bool narrow = value_bytes == 4;
  switch (level) {
  case isa::avx512:
    return narrow ? spmv_costs{1.3, 0, 3.9, 0.31, 3.4, 0.57, 0.75, 0.285, 0.75, 0.42, 2.1}
                  : spmv_costs{2.8, 0, 3.0, 0.43, 1.7, 0.05, 2.8, 0.33, 0.9, 0.55, 2.4};
  case isa::avx2:
    return narrow ? spmv_costs{5.2, 0, 4.4, 0.34, 2.3, 0.58, 1.2, 0.28, 0.85, 0.77, 1.4}
                  : spmv_costs{6.0, 0, 0.1, 0.48, 2.0, 0.05, 3.4, 0.37, 1.0, 0.76, 1.35};
  default:
    return narrow ? spmv_costs{0.95, 1.28, 0, 0.58, 0.1, 0.35, 2.3, 0.37, 1.3, 0.7, 1.75}
                  : spmv_costs{1.4, 1.3, 0, 0.64, 0.1, 0.05, 4.0, 0.45, 2.4, 0.74, 1.2};
  }
}

} // namespace tilebit::detail
