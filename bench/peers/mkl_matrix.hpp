// A CSR matrix in oneMKL's hands; its hints and optimisation are the caller's.
#pragma once

#include <mkl.h>

#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <tilebit/formats/csr.hpp>

namespace bench {

inline void check_mkl(sparse_status_t status) {
  if (status != SPARSE_STATUS_SUCCESS) {
    throw std::runtime_error("oneMKL: status " + std::to_string(static_cast<int>(status)));
  }
}

inline constexpr matrix_descr general_matrix{SPARSE_MATRIX_TYPE_GENERAL, SPARSE_FILL_MODE_FULL,
                                             SPARSE_DIAG_NON_UNIT};

template <class T>
class mkl_matrix {
public:
  explicit mkl_matrix(const tilebit::csr_matrix<T>& a)
      : offsets_(a.row_offsets().begin(), a.row_offsets().end()),
        cols_(a.col_indices().begin(), a.col_indices().end()),
        values_(a.values().begin(), a.values().end()) {
    const auto rows = static_cast<MKL_INT>(a.rows());
    const auto cols = static_cast<MKL_INT>(a.cols());
    MKL_INT* const begin = offsets_.data();
    if constexpr (std::is_same_v<T, float>) {
      check_mkl(mkl_sparse_s_create_csr(&handle_, SPARSE_INDEX_BASE_ZERO, rows, cols, begin,
                                        begin + 1, cols_.data(), values_.data()));
    } else {
      check_mkl(mkl_sparse_d_create_csr(&handle_, SPARSE_INDEX_BASE_ZERO, rows, cols, begin,
                                        begin + 1, cols_.data(), values_.data()));
    }
  }
  mkl_matrix(const mkl_matrix&) = delete;
  mkl_matrix& operator=(const mkl_matrix&) = delete;
  ~mkl_matrix() { mkl_sparse_destroy(handle_); }

  sparse_matrix_t get() const { return handle_; }

private:
  std::vector<MKL_INT> offsets_;
  std::vector<MKL_INT> cols_;
  std::vector<T> values_;
  sparse_matrix_t handle_ = nullptr;
};

/// Must come before any other call: our threads and those of oneMKL are then the same.
inline std::string start_mkl() {
  mkl_set_threading_layer(MKL_THREADING_GNU);
  MKLVersion version;
  mkl_get_version(&version);
  return std::to_string(version.MajorVersion) + "." + std::to_string(version.MinorVersion) + "." +
         std::to_string(version.UpdateVersion);
}

} // namespace bench
