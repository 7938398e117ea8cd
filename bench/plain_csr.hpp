// The baseline: the CSR loop that everybody writes.
#pragma once

#include <cstdint>

#include <tilebit/formats/csr.hpp>

namespace bench {

/// y = A x.
template <class T>
__attribute__((noinline)) void plain_csr_spmv(const tilebit::csr_matrix<T>& a, const T* x, T* y) {
  const std::int64_t* offsets = a.row_offsets().data();
  const int* cols = a.col_indices().data();
  const T* values = a.values().data();
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    T sum = 0;
    for (std::int64_t k = offsets[i]; k < offsets[i + 1]; ++k) sum += values[k] * x[cols[k]];
    y[i] = sum;
  }
}

} // namespace bench
