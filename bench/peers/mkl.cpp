// Intel oneMKL: inspector-executor, with the hint of many calls and all the memory it wants.
#include <mkl.h>

#include <stdexcept>

#include "peers.hpp"

namespace bench {
namespace {

void check(sparse_status_t status) {
  if (status != SPARSE_STATUS_SUCCESS) {
    throw std::runtime_error("oneMKL: status " + std::to_string(static_cast<int>(status)));
  }
}

template <class T>
struct handle {
  std::vector<MKL_INT> offsets;
  std::vector<MKL_INT> cols;
  std::vector<T> values;
  sparse_matrix_t matrix = nullptr;

  ~handle() { mkl_sparse_destroy(matrix); }
};

template <class T>
peer<T> make(const tilebit::csr_matrix<T>& a, int threads) {
  mkl_set_num_threads(threads);
  auto h = std::make_shared<handle<T>>();
  h->offsets.assign(a.row_offsets().begin(), a.row_offsets().end());
  h->cols.assign(a.col_indices().begin(), a.col_indices().end());
  h->values.assign(a.values().begin(), a.values().end());
  const auto rows = static_cast<MKL_INT>(a.rows());
  const auto cols = static_cast<MKL_INT>(a.cols());
  MKL_INT* const begin = h->offsets.data();
  if constexpr (std::is_same_v<T, float>) {
    check(mkl_sparse_s_create_csr(&h->matrix, SPARSE_INDEX_BASE_ZERO, rows, cols, begin, begin + 1,
                                  h->cols.data(), h->values.data()));
  } else {
    check(mkl_sparse_d_create_csr(&h->matrix, SPARSE_INDEX_BASE_ZERO, rows, cols, begin, begin + 1,
                                  h->cols.data(), h->values.data()));
  }
  const matrix_descr general{SPARSE_MATRIX_TYPE_GENERAL, SPARSE_FILL_MODE_FULL,
                             SPARSE_DIAG_NON_UNIT};
  mkl_sparse_set_mv_hint(h->matrix, SPARSE_OPERATION_NON_TRANSPOSE, general, 10000);
  mkl_sparse_set_memory_hint(h->matrix, SPARSE_MEMORY_AGGRESSIVE);
  check(mkl_sparse_optimize(h->matrix));
  return {"oneMKL", [h, general, threads](const T* x, T* y) {
            mkl_set_num_threads(threads);
            if constexpr (std::is_same_v<T, float>) {
              mkl_sparse_s_mv(SPARSE_OPERATION_NON_TRANSPOSE, 1, h->matrix, general, x, 0, y);
            } else {
              mkl_sparse_d_mv(SPARSE_OPERATION_NON_TRANSPOSE, 1, h->matrix, general, x, 0, y);
            }
          }};
}

} // namespace

peer_library mkl_library() {
  mkl_set_threading_layer(MKL_THREADING_GNU);
  MKLVersion version;
  mkl_get_version(&version);
  return {"oneMKL",
          std::to_string(version.MajorVersion) + "." + std::to_string(version.MinorVersion) + "." +
              std::to_string(version.UpdateVersion),
          &make<float>, &make<double>};
}

} // namespace bench
