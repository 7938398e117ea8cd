// The other libraries that bench/spmm measures, each used as its manual advises: sparse products,
// and dense ones of the same matrix with its zeros. One file a library; CMake builds those that it
// finds.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <tilebit/formats/csr.hpp>

namespace bench {

/// C = A B, A m x k, B with n columns. B and C stand there twice, row-major and column-major, both
/// contiguous: a library may use the order that suits it.
template <class T>
struct spmm_operands {
  const tilebit::csr_matrix<T>& a;
  const T* a_dense = nullptr; ///< row-major; null where it is too large
  std::int64_t n = 0;
  int threads = 1;
  const T* b = nullptr;
  T* c = nullptr;
  const T* b_columns = nullptr; ///< B in column-major order
  T* c_columns = nullptr;
};

/// One way of a library to do it. Ready to run, with the number of threads it was made for.
template <class T>
struct spmm_product {
  std::string name; ///< begins with the library's name
  std::function<void()> run;
  std::function<void(std::int64_t j, T* column)> fetch; ///< copies column j of the product
};

/// Products that leave C in row-major or column-major order.
template <class T>
spmm_product<T> row_major_product(const spmm_operands<T>& of, std::string name,
                                  std::function<void()> run) {
  return {std::move(name), std::move(run),
          [c = of.c, m = of.a.rows(), n = of.n](std::int64_t j, T* column) {
            for (std::int64_t i = 0; i < m; ++i) column[i] = c[i * n + j];
          }};
}
template <class T>
spmm_product<T> col_major_product(const spmm_operands<T>& of, std::string name,
                                  std::function<void()> run) {
  return {std::move(name), std::move(run),
          [c = of.c_columns, m = of.a.rows()](std::int64_t j, T* column) {
            for (std::int64_t i = 0; i < m; ++i) column[i] = c[j * m + i];
          }};
}

template <class T>
using spmm_maker = std::vector<spmm_product<T>> (*)(const spmm_operands<T>&);

/// A library that this build has. Its products become invalid when the next ones are made.
struct spmm_library {
  std::string name;
  std::string version;
  bool dense = false; ///< products of the densified matrix; else sparse ones
  spmm_maker<float> of_float;
  spmm_maker<double> of_double;

  template <class T>
  std::vector<spmm_product<T>> products(const spmm_operands<T>& of) const {
    if constexpr (std::is_same_v<T, float>) {
      return of_float(of);
    } else {
      return of_double(of);
    }
  }
};

/// All of them; and the names of those that the build did not find.
const std::vector<spmm_library>& spmm_libraries();
const std::vector<std::string>& missing_spmm_libraries();

spmm_library eigen_spmm();
spmm_library mkl_spmm();
spmm_library graphblas_spmm();
spmm_library libxsmm_spmm();
spmm_library openblas_gemm();
spmm_library mkl_gemm();

} // namespace bench
