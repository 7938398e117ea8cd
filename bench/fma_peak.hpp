// The most GFLOP/s that one core does by multiply-adds in registers: the ceiling of every product.
#pragma once

#include "measure.hpp"

namespace bench {

struct fma_peak {
  double of_float = 0; ///< flops per second, a multiply-add counts two
  double of_double = 0;
};

/// Measured with the widest vectors that the processor has.
fma_peak measure_fma_peak(const timing_options& options);

} // namespace bench
