// The other libraries that bench/tensor measures: products of a dense layer, and of a sparse one
// where a library has that. CMake builds the file of each library that it finds.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

#include <tilebit/core/low_precision.hpp>

namespace bench {

/// What products of T are summed in.
template <class T>
using tensor_sum = std::conditional_t<std::is_same_v<T, std::int8_t>, std::int32_t, float>;

/// Y = X W^T: W m x k, X batch x k, Y batch x m, all row-major and contiguous, as frameworks have
/// them.
template <class T>
struct tensor_operands {
  const T* w = nullptr;
  std::int64_t m = 0;
  std::int64_t k = 0;
  std::int64_t nnz = 0; ///< of W, for sparse products
  const T* x = nullptr;
  std::int64_t batch = 0;
  int threads = 1;
  double least_bytes = 0; ///< copies of W are made until together they have more
};

/// A library's product with W in its own layout. Ready to run, with the number of threads it was
/// made for, on its own copy of X.
template <class T>
struct tensor_product {
  std::string name;   ///< begins with the library's name
  std::string kernel; ///< which of its implementations, in its own words
  double bytes = 0;   ///< of W in its layout
  int copies = 1;     ///< of W
  std::function<void(int copy)> run;
  const tensor_sum<T>* y = nullptr; ///< where the result is
};

/// A library that this build has and that could be opened. Its products become invalid when the
/// next ones are made.
struct tensor_library {
  std::string name;
  std::string version;
  std::string packed_refusal; ///< why it has no products of sparse weights; empty where it has
  std::function<tensor_product<tilebit::bfloat16>(const tensor_operands<tilebit::bfloat16>&)> bf16;
  std::function<tensor_product<std::int8_t>(const tensor_operands<std::int8_t>&)> int8;
  std::function<tensor_product<std::int8_t>(const tensor_operands<std::int8_t>&)> packed_int8;

  template <class T>
  tensor_product<T> dense(const tensor_operands<T>& of) const {
    if constexpr (std::is_same_v<T, std::int8_t>) {
      return int8(of);
    } else {
      return bf16(of);
    }
  }
};

/// All of them; and those that are left out, each with the reason.
struct tensor_libraries {
  std::vector<tensor_library> found;
  std::vector<std::string> left_out;
};
const tensor_libraries& all_tensor_libraries();

/// Throws std::runtime_error with the reason when it cannot be used.
tensor_library open_onednn(const std::string& path);

} // namespace bench
