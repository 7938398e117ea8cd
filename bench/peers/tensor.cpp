#include "tensor.hpp"

#include <exception>
#include <utility>

namespace bench {
namespace {

/// Two packages of oneDNN: one needs nothing but OpenMP and is of 2023; the newer ones need the
/// runtime of SYCL, which costs some ten microseconds a product.
const std::vector<std::pair<std::string, std::string>> packages{
#ifdef TILEBIT_ONEDNN_OPENMP
    {"oneDNN for OpenMP", TILEBIT_ONEDNN_OPENMP},
#else
    {"oneDNN for OpenMP", ""},
#endif
#ifdef TILEBIT_ONEDNN_SYCL
    {"oneDNN for SYCL", TILEBIT_ONEDNN_SYCL},
#else
    {"oneDNN for SYCL", ""},
#endif
};

tensor_libraries open_all() {
  tensor_libraries all;
  for (const auto& [name, path] : packages) {
    if (path.empty()) {
      all.left_out.push_back(name + " (not found)");
      continue;
    }
#ifdef TILEBIT_PEER_ONEDNN
    try {
      all.found.push_back(open_onednn(path));
    } catch (const std::exception& e) {
      all.left_out.push_back(name + " (" + e.what() + ")");
    }
#endif
  }
  return all;
}

} // namespace

const tensor_libraries& all_tensor_libraries() {
  static const tensor_libraries all = open_all();
  return all;
}

} // namespace bench
