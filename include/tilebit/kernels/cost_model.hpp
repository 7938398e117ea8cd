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
  double coo_entry;   ///< one entry added into y
};

/// For values of so many bytes and an instruction set.
constexpr spmv_costs costs_of_spmv(std::size_t value_bytes, isa level) noexcept {
  const bool narrow = value_bytes == 4;
  switch (level) {
  case isa::avx512:
    return narrow ? spmv_costs{1.26, 0, 6, 0.27, 6, 0.4, 1.6, 0.28, 0.8, 1.9}
                  : spmv_costs{2.75, 0, 6, 0.40, 3.3, 0.2, 2.4, 0.345, 0.9, 1.9};
  case isa::avx2:
    return narrow ? spmv_costs{5, 0, 4.4, 0.32, 1.8, 0.4, 1.4, 0.27, 0.85, 1.9}
                  : spmv_costs{5.9, 0, 3.6, 0.45, 2, 0.2, 2.3, 0.36, 1.2, 1.9};
  default:
    return narrow ? spmv_costs{1.5, 1.26, 0, 0.6, 1, 0.2, 3.6, 0.37, 1.6, 1.9}
                  : spmv_costs{1.8, 1.24, 0, 0.64, 1, 0.1, 3.7, 0.45, 2.6, 1.9};
  }
}

} // namespace tilebit::detail
