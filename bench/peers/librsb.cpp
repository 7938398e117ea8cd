// librsb: recursive sparse blocks, auto-tuned for the number of threads.
#include <rsb.h>

#include <stdexcept>

#include "peers.hpp"

namespace bench {
namespace {

void check(rsb_err_t error) {
  if (error != RSB_ERR_NO_ERROR) throw std::runtime_error("librsb: error " + std::to_string(error));
}

void start() {
  static const bool started = [] {
    check(rsb_lib_init(RSB_NULL_INIT_OPTIONS));
    return true;
  }();
  static_cast<void>(started);
}

template <class T>
peer<T> make(const tilebit::csr_matrix<T>& a, int threads) {
  start();
  rsb_int_t count = threads;
  rsb_lib_set_opt(RSB_IO_WANT_EXECUTING_THREADS, &count);
  const rsb_type_t type =
      std::is_same_v<T, float> ? RSB_NUMERICAL_TYPE_FLOAT : RSB_NUMERICAL_TYPE_DOUBLE;
  const std::vector<rsb_coo_idx_t> offsets(a.row_offsets().begin(), a.row_offsets().end());
  const std::vector<rsb_coo_idx_t> cols(a.col_indices().begin(), a.col_indices().end());
  rsb_err_t error = RSB_ERR_NO_ERROR;
  rsb_mtx_t* m = rsb_mtx_alloc_from_csr_const(
      a.values().data(), offsets.data(), cols.data(), static_cast<rsb_nnz_idx_t>(a.nnz()), type,
      static_cast<rsb_coo_idx_t>(a.rows()), static_cast<rsb_coo_idx_t>(a.cols()), 1, 1,
      RSB_FLAG_NOFLAGS, &error);
  check(error);
  const T one = 1;
  const T zero = 0;
  const double most_seconds = 1;
  check(rsb_tune_spmm(&m, nullptr, &count, 1, most_seconds, RSB_TRANSPOSITION_N, &one, nullptr, 1,
                      RSB_FLAG_WANT_COLUMN_MAJOR_ORDER, nullptr, 0, &zero, nullptr, 0));
  const std::shared_ptr<rsb_mtx_t> matrix(m, [](rsb_mtx_t* p) { rsb_mtx_free(p); });
  return {"librsb", [matrix, one, zero, threads](const T* x, T* y) {
            rsb_int_t n = threads;
            rsb_lib_set_opt(RSB_IO_WANT_EXECUTING_THREADS, &n);
            rsb_spmv(RSB_TRANSPOSITION_N, &one, matrix.get(), x, 1, &zero, y, 1);
          }};
}

} // namespace

peer_library librsb_library() {
  return {"librsb", RSB_LIBRSB_VER_STRING, &make<float>, &make<double>};
}

} // namespace bench
