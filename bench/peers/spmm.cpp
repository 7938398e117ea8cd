#include "spmm.hpp"

namespace bench {

const std::vector<spmm_library>& spmm_libraries() {
  static const std::vector<spmm_library> all{
#ifdef TILEBIT_PEER_EIGEN
      eigen_spmm(),
#endif
#ifdef TILEBIT_PEER_MKL
      mkl_spmm(),       mkl_gemm(),
#endif
#ifdef TILEBIT_PEER_GRAPHBLAS
      graphblas_spmm(),
#endif
#ifdef TILEBIT_PEER_LIBXSMM
      libxsmm_spmm(),
#endif
#ifdef TILEBIT_PEER_OPENBLAS
      openblas_gemm(),
#endif
  };
  return all;
}

const std::vector<std::string>& missing_spmm_libraries() {
  static const std::vector<std::string> all{
#ifndef TILEBIT_PEER_EIGEN
      "Eigen",
#endif
#ifndef TILEBIT_PEER_MKL
      "oneMKL",
#endif
#ifndef TILEBIT_PEER_GRAPHBLAS
      "GraphBLAS",
#endif
#ifndef TILEBIT_PEER_LIBXSMM
      "libxsmm",
#endif
#ifndef TILEBIT_PEER_OPENBLAS
      "OpenBLAS",
#endif
  };
  return all;
}

} // namespace bench
