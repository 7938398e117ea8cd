// Eigen: row-major SparseMatrix times a dense matrix of either order, noalias; threads by OpenMP
// where the build has it. Compiled with -march=native, which Eigen's documentation recommends.
#include <Eigen/SparseCore>

#include "spmm.hpp"

namespace bench {
namespace {

template <class T, int Order>
std::function<void()> product(std::shared_ptr<Eigen::SparseMatrix<T, Eigen::RowMajor>> a,
                              const T* b, T* c, Eigen::Index n) {
  using dense = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Order>;
  return [a, b, c, n] {
    Eigen::Map<dense>(c, a->rows(), n).noalias() = *a * Eigen::Map<const dense>(b, a->cols(), n);
  };
}

template <class T>
std::vector<spmm_product<T>> make(const spmm_operands<T>& of) {
  using matrix = Eigen::SparseMatrix<T, Eigen::RowMajor>;
  Eigen::setNbThreads(of.threads);
  const std::vector<int> offsets(of.a.row_offsets().begin(), of.a.row_offsets().end());
  auto m = std::make_shared<matrix>(
      Eigen::Map<const matrix>(of.a.rows(), of.a.cols(), of.a.nnz(), offsets.data(),
                               of.a.col_indices().data(), of.a.values().data()));
  return {
      row_major_product(of, "Eigen row", product<T, Eigen::RowMajor>(m, of.b, of.c, of.n)),
      col_major_product(of, "Eigen col",
                        product<T, Eigen::ColMajor>(m, of.b_columns, of.c_columns, of.n)),
  };
}

} // namespace

spmm_library eigen_spmm() {
  return {"Eigen",
          std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
              std::to_string(EIGEN_MINOR_VERSION),
          false, &make<float>, &make<double>};
}

} // namespace bench
