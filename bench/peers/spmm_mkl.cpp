// Intel oneMKL: inspector-executor with dense operands of either order, with the hint of many calls
// and all the memory it wants; and its gemm of the densified matrix.
#include "mkl_matrix.hpp"
#include "spmm.hpp"

namespace bench {
namespace {

template <class T>
std::function<void()> product(const spmm_operands<T>& of, sparse_layout_t layout) {
  auto m = std::make_shared<mkl_matrix<T>>(of.a);
  const auto n = static_cast<MKL_INT>(of.n);
  mkl_sparse_set_mm_hint(m->get(), SPARSE_OPERATION_NON_TRANSPOSE, general_matrix, layout, n,
                         10000);
  mkl_sparse_set_memory_hint(m->get(), SPARSE_MEMORY_AGGRESSIVE);
  check_mkl(mkl_sparse_optimize(m->get()));
  const bool rows = layout == SPARSE_LAYOUT_ROW_MAJOR;
  const T* const b = rows ? of.b : of.b_columns;
  T* const c = rows ? of.c : of.c_columns;
  const MKL_INT ldb = rows ? n : static_cast<MKL_INT>(of.a.cols());
  const MKL_INT ldc = rows ? n : static_cast<MKL_INT>(of.a.rows());
  return [m, layout, n, b, c, ldb, ldc] {
    if constexpr (std::is_same_v<T, float>) {
      mkl_sparse_s_mm(SPARSE_OPERATION_NON_TRANSPOSE, 1, m->get(), general_matrix, layout, b, n,
                      ldb, 0, c, ldc);
    } else {
      mkl_sparse_d_mm(SPARSE_OPERATION_NON_TRANSPOSE, 1, m->get(), general_matrix, layout, b, n,
                      ldb, 0, c, ldc);
    }
  };
}

template <class T>
std::vector<spmm_product<T>> make(const spmm_operands<T>& of) {
  mkl_set_num_threads(of.threads);
  return {row_major_product(of, "oneMKL row", product(of, SPARSE_LAYOUT_ROW_MAJOR)),
          col_major_product(of, "oneMKL col", product(of, SPARSE_LAYOUT_COLUMN_MAJOR))};
}

template <class T>
std::vector<spmm_product<T>> make_gemm(const spmm_operands<T>& of) {
  if (of.a_dense == nullptr) return {};
  mkl_set_num_threads(of.threads);
  const auto m = static_cast<MKL_INT>(of.a.rows());
  const auto k = static_cast<MKL_INT>(of.a.cols());
  const auto n = static_cast<MKL_INT>(of.n);
  // A is row-major in both: a column-major gemm takes it as a transposed matrix.
  const auto gemm = [m, n, k, a = of.a_dense](CBLAS_LAYOUT order, const T* b, T* c) {
    const bool rows = order == CblasRowMajor;
    const CBLAS_TRANSPOSE transpose_a = rows ? CblasNoTrans : CblasTrans;
    if constexpr (std::is_same_v<T, float>) {
      cblas_sgemm(order, transpose_a, CblasNoTrans, m, n, k, 1, a, k, b, rows ? n : k, 0, c,
                  rows ? n : m);
    } else {
      cblas_dgemm(order, transpose_a, CblasNoTrans, m, n, k, 1, a, k, b, rows ? n : k, 0, c,
                  rows ? n : m);
    }
  };
  return {row_major_product<T>(of, "oneMKL gemm",
                               [gemm, b = of.b, c = of.c] { gemm(CblasRowMajor, b, c); }),
          col_major_product<T>(of, "oneMKL gemm col", [gemm, b = of.b_columns, c = of.c_columns] {
            gemm(CblasColMajor, b, c);
          })};
}

} // namespace

spmm_library mkl_spmm() {
  return {"oneMKL", start_mkl(), false, &make<float>, &make<double>};
}

spmm_library mkl_gemm() {
  return {"oneMKL gemm", start_mkl(), true, &make_gemm<float>, &make_gemm<double>};
}

} // namespace bench
