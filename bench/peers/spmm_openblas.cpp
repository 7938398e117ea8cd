// OpenBLAS: gemm of the densified matrix. It is opened at run time, with its own symbols first:
// oneMKL has the same names.
#include <dlfcn.h>

#include <stdexcept>

#include "spmm.hpp"

namespace bench {
namespace {

void* symbol(const char* name) {
  static void* const library = dlopen(TILEBIT_OPENBLAS, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
  void* const found = library == nullptr ? nullptr : dlsym(library, name);
  if (found == nullptr) throw std::runtime_error(std::string("OpenBLAS: ") + dlerror());
  return found;
}

template <class F>
F function(const char* name) {
  return reinterpret_cast<F>(symbol(name));
}

// Of cblas.h, whose names oneMKL's header has, too.
enum order : int { row_major = 101, col_major = 102 };
enum transpose : int { no_transpose = 111, transposed = 112 };
template <class T>
using gemm_function = void (*)(order, transpose, transpose, int m, int n, int k, T alpha,
                               const T* a, int lda, const T* b, int ldb, T beta, T* c, int ldc);

template <class T>
std::vector<spmm_product<T>> make(const spmm_operands<T>& of) {
  if (of.a_dense == nullptr) return {};
  function<void (*)(int)>("openblas_set_num_threads")(of.threads);
  const auto gemm =
      function<gemm_function<T>>(std::is_same_v<T, float> ? "cblas_sgemm" : "cblas_dgemm");
  const auto m = static_cast<int>(of.a.rows());
  const auto k = static_cast<int>(of.a.cols());
  const auto n = static_cast<int>(of.n);
  // A is row-major in both: a column-major gemm takes it as a transposed matrix.
  return {row_major_product<T>(of, "OpenBLAS gemm",
                               [=, a = of.a_dense, b = of.b, c = of.c] {
                                 gemm(row_major, no_transpose, no_transpose, m, n, k, 1, a, k, b, n,
                                      0, c, n);
                               }),
          col_major_product<T>(
              of, "OpenBLAS gemm col", [=, a = of.a_dense, b = of.b_columns, c = of.c_columns] {
                gemm(col_major, transposed, no_transpose, m, n, k, 1, a, k, b, k, 0, c, m);
              })};
}

} // namespace

spmm_library openblas_gemm() {
  std::string version = function<char* (*)()>("openblas_get_config")();
  version = version.substr(version.find(' ') + 1); // OpenBLAS 0.3.21 ...
  version = version.substr(0, version.find(' ')) + ", kernels for " +
            function<char* (*)()>("openblas_get_corename")();
  return {"OpenBLAS gemm", version, true, &make<float>, &make<double>};
}

} // namespace bench
