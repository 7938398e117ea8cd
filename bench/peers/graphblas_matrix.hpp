// What the products with SuiteSparse:GraphBLAS share: its start, and a CSR matrix in its hands.
#pragma once

// Its header is C; what it includes stands here, outside extern "C".
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

extern "C" {
#include <GraphBLAS.h>
}

#include <tilebit/formats/csr.hpp>

namespace bench {

inline void check_graphblas(GrB_Info info) {
  if (info != GrB_SUCCESS) throw std::runtime_error("GraphBLAS: info " + std::to_string(info));
}

inline void start_graphblas() {
  static const bool started = [] {
    check_graphblas(GrB_init(GrB_NONBLOCKING));
    return true;
  }();
  static_cast<void>(started);
}

inline std::string graphblas_version() {
  return std::to_string(GxB_IMPLEMENTATION_MAJOR) + "." + std::to_string(GxB_IMPLEMENTATION_MINOR) +
         "." + std::to_string(GxB_IMPLEMENTATION_SUB);
}

template <class T>
GrB_Type graphblas_type() {
  return std::is_same_v<T, float> ? GrB_FP32 : GrB_FP64;
}

template <class T>
GrB_Semiring plus_times() {
  return std::is_same_v<T, float> ? GrB_PLUS_TIMES_SEMIRING_FP32 : GrB_PLUS_TIMES_SEMIRING_FP64;
}

/// A copy that GraphBLAS takes over and frees.
template <class T>
void* graphblas_copy(const T* from, std::size_t n) {
  void* to = std::malloc(n * sizeof(T) + 1);
  if (n > 0) std::memcpy(to, from, n * sizeof(T));
  return to;
}

template <class T>
GrB_Matrix graphblas_matrix(const tilebit::csr_matrix<T>& a) {
  const std::vector<GrB_Index> offsets(a.row_offsets().begin(), a.row_offsets().end());
  const std::vector<GrB_Index> indices(a.col_indices().begin(), a.col_indices().end());
  auto* p = static_cast<GrB_Index*>(graphblas_copy(offsets.data(), offsets.size()));
  auto* j = static_cast<GrB_Index*>(graphblas_copy(indices.data(), indices.size()));
  void* v = graphblas_copy(a.values().data(), a.values().size());
  GrB_Matrix m = nullptr;
  check_graphblas(GxB_Matrix_import_CSR(
      &m, graphblas_type<T>(), static_cast<GrB_Index>(a.rows()), static_cast<GrB_Index>(a.cols()),
      &p, &j, &v, offsets.size() * sizeof(GrB_Index), indices.size() * sizeof(GrB_Index),
      a.values().size() * sizeof(T), false, false, nullptr));
  return m;
}

} // namespace bench
