// Intel oneMKL: inspector-executor, with the hint of many calls and all the memory it wants.
#include "mkl_matrix.hpp"
#include "peers.hpp"

namespace bench {
namespace {

template <class T>
peer<T> make(const tilebit::csr_matrix<T>& a, int threads) {
  mkl_set_num_threads(threads);
  auto m = std::make_shared<mkl_matrix<T>>(a);
  mkl_sparse_set_mv_hint(m->get(), SPARSE_OPERATION_NON_TRANSPOSE, general_matrix, 10000);
  mkl_sparse_set_memory_hint(m->get(), SPARSE_MEMORY_AGGRESSIVE);
  check_mkl(mkl_sparse_optimize(m->get()));
  return {"oneMKL", [m, threads](const T* x, T* y) {
            mkl_set_num_threads(threads);
            if constexpr (std::is_same_v<T, float>) {
              mkl_sparse_s_mv(SPARSE_OPERATION_NON_TRANSPOSE, 1, m->get(), general_matrix, x, 0, y);
            } else {
              mkl_sparse_d_mv(SPARSE_OPERATION_NON_TRANSPOSE, 1, m->get(), general_matrix, x, 0, y);
            }
          }};
}

} // namespace

peer_library mkl_library() {
  return {"oneMKL", start_mkl(), &make<float>, &make<double>};
}

} // namespace bench
