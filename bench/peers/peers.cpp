#include "peers.hpp"

namespace bench {

const std::vector<peer_library>& peer_libraries() {
  static const std::vector<peer_library> all{
#ifdef TILEBIT_PEER_EIGEN
      eigen_library(),
#endif
#ifdef TILEBIT_PEER_MKL
      mkl_library(),
#endif
#ifdef TILEBIT_PEER_GRAPHBLAS
      graphblas_library(),
#endif
#ifdef TILEBIT_PEER_LIBRSB
      librsb_library(),
#endif
  };
  return all;
}

const std::vector<std::string>& missing_libraries() {
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
#ifndef TILEBIT_PEER_LIBRSB
      "librsb",
#endif
  };
  return all;
}

} // namespace bench
