// Eigen: row-major SparseMatrix, noalias product; threads by OpenMP where the build has it.
// Compiled with -march=native, which Eigen's documentation recommends.
#include <Eigen/SparseCore>

#include "peers.hpp"

namespace bench {
namespace {

template <class T>
peer<T> make(const tilebit::csr_matrix<T>& a, int threads) {
  using matrix = Eigen::SparseMatrix<T, Eigen::RowMajor>;
  using vector = Eigen::Matrix<T, Eigen::Dynamic, 1>;
  const auto rows = static_cast<Eigen::Index>(a.rows());
  const auto cols = static_cast<Eigen::Index>(a.cols());
  const std::vector<int> offsets(a.row_offsets().begin(), a.row_offsets().end());
  auto m = std::make_shared<matrix>(
      Eigen::Map<const matrix>(rows, cols, static_cast<Eigen::Index>(a.nnz()), offsets.data(),
                               a.col_indices().data(), a.values().data()));
  return {"Eigen", [m, rows, cols, threads](const T* x, T* y) {
            Eigen::setNbThreads(threads);
            Eigen::Map<vector>(y, rows).noalias() = *m * Eigen::Map<const vector>(x, cols);
          }};
}

} // namespace

peer_library eigen_library() {
  return {"Eigen",
          std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) + "." +
              std::to_string(EIGEN_MINOR_VERSION),
          &make<float>, &make<double>};
}

} // namespace bench
