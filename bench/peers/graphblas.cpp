// SuiteSparse:GraphBLAS: CSR matrix and full vectors, GrB_mxv over plus-times. x is copied into
// GraphBLAS before it is timed, and y is fetched afterwards, so that only the product is timed.
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

extern "C" { // its header is C; what it includes stands above
#include <GraphBLAS.h>
}

#include "peers.hpp"

namespace bench {
namespace {

void check(GrB_Info info) {
  if (info != GrB_SUCCESS) throw std::runtime_error("GraphBLAS: info " + std::to_string(info));
}

void start() {
  static const bool started = [] {
    check(GrB_init(GrB_NONBLOCKING));
    return true;
  }();
  static_cast<void>(started);
}

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
void* copy_of(const T* from, std::size_t n) {
  void* to = std::malloc(n * sizeof(T) + 1); // GraphBLAS frees it
  if (n > 0) std::memcpy(to, from, n * sizeof(T));
  return to;
}

template <class T>
peer<T> make(const tilebit::csr_matrix<T>& a, int threads) {
  start();
  const GrB_Type type = std::is_same_v<T, float> ? GrB_FP32 : GrB_FP64;
  const GrB_Semiring semiring =
      std::is_same_v<T, float> ? GrB_PLUS_TIMES_SEMIRING_FP32 : GrB_PLUS_TIMES_SEMIRING_FP64;
  check(GxB_Global_Option_set(GxB_GLOBAL_NTHREADS, threads));
  auto h = std::make_shared<handle<T>>();
  const auto rows = static_cast<GrB_Index>(a.rows());
  const auto cols = static_cast<GrB_Index>(a.cols());
  const std::vector<GrB_Index> offsets(a.row_offsets().begin(), a.row_offsets().end());
  const std::vector<GrB_Index> indices(a.col_indices().begin(), a.col_indices().end());
  auto* p = static_cast<GrB_Index*>(copy_of(offsets.data(), offsets.size()));
  auto* j = static_cast<GrB_Index*>(copy_of(indices.data(), indices.size()));
  void* v = copy_of(a.values().data(), a.values().size());
  check(GxB_Matrix_import_CSR(
      &h->matrix, type, rows, cols, &p, &j, &v, offsets.size() * sizeof(GrB_Index),
      indices.size() * sizeof(GrB_Index), a.values().size() * sizeof(T), false, false, nullptr));
  check(GrB_Vector_new(&h->x, type, cols));
  check(GrB_Vector_new(&h->y, type, rows));
  // x is loaded at the first call with other contents; the benchmark never changes it in between.
  auto loaded = std::make_shared<const T*>(nullptr);
  return {"GraphBLAS",
          [h, semiring, threads, cols, loaded](const T* x, T*) {
            if (*loaded != x) {
              void* data = copy_of(x, cols);
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
  return {"GraphBLAS",
          std::to_string(GxB_IMPLEMENTATION_MAJOR) + "." +
              std::to_string(GxB_IMPLEMENTATION_MINOR) + "." +
              std::to_string(GxB_IMPLEMENTATION_SUB),
          &make<float>, &make<double>};
}

} // namespace bench
