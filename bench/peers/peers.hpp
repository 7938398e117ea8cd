// The other libraries that bench/spmv measures, each used as its manual advises. One file a
// library; CMake builds those that it finds.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <tilebit/formats/csr.hpp>

namespace bench {

/// A matrix in a library's own form, ready for y = A x with the number of threads it was made for.
template <class T>
struct peer {
  std::string name;
  std::function<void(const T* x, T* y)> multiply;
  /// Where the product stays in the library: copies it into y, untimed.
  std::function<void(T* y)> fetch = [](T*) {};
};

template <class T>
using peer_maker = peer<T> (*)(const tilebit::csr_matrix<T>&, int threads);

/// A library that this build has.
struct peer_library {
  std::string name;
  std::string version;
  peer_maker<float> of_float;
  peer_maker<double> of_double;
};

/// All of them; and the names of those that the build did not find.
const std::vector<peer_library>& peer_libraries();
const std::vector<std::string>& missing_libraries();

peer_library eigen_library();
peer_library mkl_library();
peer_library graphblas_library();
peer_library librsb_library();

} // namespace bench
