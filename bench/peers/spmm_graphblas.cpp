// SuiteSparse:GraphBLAS: a CSR matrix times a full one by rows, plus-times. Both ways that its
// manual has: a new product, and C += A B on a full C, which has a kernel of its own (saxpy5) and
// is preceded by C = 0. B is copied into GraphBLAS before it is timed, C is fetched afterwards.
#include "graphblas_matrix.hpp"
#include "spmm.hpp"

namespace bench {
namespace {

struct handle {
  GrB_Matrix a = nullptr;
  GrB_Matrix b = nullptr;
  GrB_Matrix c = nullptr;
  handle() = default;
  handle(const handle&) = delete;
  handle& operator=(const handle&) = delete;
  ~handle() {
    GrB_Matrix_free(&a);
    GrB_Matrix_free(&b);
    GrB_Matrix_free(&c);
  }
};

template <class T>
spmm_product<T> product(const spmm_operands<T>& of, const std::string& name, bool accumulate) {
  auto h = std::make_shared<handle>();
  const auto rows = static_cast<GrB_Index>(of.a.rows());
  const auto cols = static_cast<GrB_Index>(of.a.cols());
  const auto n = static_cast<GrB_Index>(of.n);
  h->a = graphblas_matrix(of.a);
  void* b = graphblas_copy(of.b, cols * n);
  check_graphblas(GxB_Matrix_import_FullR(&h->b, graphblas_type<T>(), cols, n, &b,
                                          cols * n * sizeof(T), false, nullptr));
  check_graphblas(GrB_Matrix_new(&h->c, graphblas_type<T>(), rows, n));
  const GrB_BinaryOp plus = std::is_same_v<T, float> ? GrB_PLUS_FP32 : GrB_PLUS_FP64;
  return {
      name,
      [h, accumulate, plus, rows, n] {
        if (accumulate) {
          if constexpr (std::is_same_v<T, float>) {
            GrB_Matrix_assign_FP32(h->c, nullptr, nullptr, 0, GrB_ALL, rows, GrB_ALL, n, nullptr);
          } else {
            GrB_Matrix_assign_FP64(h->c, nullptr, nullptr, 0, GrB_ALL, rows, GrB_ALL, n, nullptr);
          }
        }
        GrB_mxm(h->c, nullptr, accumulate ? plus : nullptr, plus_times<T>(), h->a, h->b, nullptr);
        GrB_Matrix_wait(h->c, GrB_MATERIALIZE);
      },
      [h, rows](std::int64_t j, T* column) {
        for (GrB_Index i = 0; i < rows; ++i) {
          column[i] = 0; // rows without entries have no product
          const auto col = static_cast<GrB_Index>(j);
          if constexpr (std::is_same_v<T, float>) {
            GrB_Matrix_extractElement_FP32(column + i, h->c, i, col);
          } else {
            GrB_Matrix_extractElement_FP64(column + i, h->c, i, col);
          }
        }
      }};
}

template <class T>
std::vector<spmm_product<T>> make(const spmm_operands<T>& of) {
  start_graphblas();
  check_graphblas(GxB_Global_Option_set(GxB_GLOBAL_NTHREADS, of.threads));
  return {product(of, "GraphBLAS", false), product(of, "GraphBLAS +=", true)};
}

} // namespace

spmm_library graphblas_spmm() {
  return {"GraphBLAS", graphblas_version(), false, &make<float>, &make<double>};
}

} // namespace bench
