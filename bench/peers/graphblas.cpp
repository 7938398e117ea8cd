// SuiteSparse:GraphBLAS: CSR matrix and full vectors, GrB_mxv over plus-times. x is copied into
// GraphBLAS before it is timed, and y is fetched afterwards, so that only the product is timed.
#include <algorithm>

#include "graphblas_matrix.hpp"
#include "peers.hpp"

namespace bench {
namespace {

template <class T>
struct handle {
  GrB_Matrix matrix = nullptr;
  GrB_Vector x = nullptr;
  GrB_Vector y = nullptr;

  ~handle() {
    GrB_Matrix_free(&matrix);
    GrB_Vector_free(&x);
    GrB_Vector_free(&y);
  }
};

template <class T>
peer<T> make(const tilebit::csr_matrix<T>& a, int threads) {
  start_graphblas();
  const GrB_Type type = graphblas_type<T>();
  const GrB_Semiring semiring = plus_times<T>();
  check_graphblas(GxB_Global_Option_set(GxB_GLOBAL_NTHREADS, threads));
  auto h = std::make_shared<handle<T>>();
  const auto rows = static_cast<GrB_Index>(a.rows());
  const auto cols = static_cast<GrB_Index>(a.cols());
  h->matrix = graphblas_matrix(a);
  check_graphblas(GrB_Vector_new(&h->x, type, cols));
  check_graphblas(GrB_Vector_new(&h->y, type, rows));
  // x is loaded at the first call with other contents; the benchmark never changes it in between.
  auto loaded = std::make_shared<const T*>(nullptr);
  return {"GraphBLAS",
          [h, semiring, threads, cols, loaded](const T* x, T*) {
            if (*loaded != x) {
              void* data = graphblas_copy(x, cols);
              GxB_Vector_pack_Full(h->x, &data, cols * sizeof(T), false, nullptr);
              *loaded = x;
            }
            GxB_Global_Option_set(GxB_GLOBAL_NTHREADS, threads);
            GrB_mxv(h->y, nullptr, nullptr, semiring, h->matrix, h->x, nullptr);
            GrB_Vector_wait(h->y, GrB_MATERIALIZE);
          },
          [h, rows](T* y) {
            std::fill_n(y, rows, T{}); // rows without entries have no product
            for (GrB_Index i = 0; i < rows; ++i) {
              if constexpr (std::is_same_v<T, float>) {
                GrB_Vector_extractElement_FP32(y + i, h->y, i);
              } else {
                GrB_Vector_extractElement_FP64(y + i, h->y, i);
              }
            }
          }};
}

} // namespace

peer_library graphblas_library() {
  return {"GraphBLAS", graphblas_version(), &make<float>, &make<double>};
}

} // namespace bench
