// What an SpMM is measured on: dense operands in both orders, and the reference they are checked
// by.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <tilebit/formats/csr.hpp>

#include "aligned.hpp"
#include "peers/spmm.hpp"
#include "random.hpp"
#include "reference.hpp"

namespace bench {

/// Random B with n columns and C, in both orders, for A m x k.
template <class T>
struct dense_operands {
  std::int64_t m, k, n;
  aligned_array<T> b, c, b_columns, c_columns;

  dense_operands(std::int64_t rows, std::int64_t inner, std::int64_t columns)
      : m(rows), k(inner), n(columns), b(make_aligned<T>(k * n)), c(make_aligned<T>(m * n)),
        b_columns(make_aligned<T>(k * n)), c_columns(make_aligned<T>(m * n)) {
    splitmix64 random(5);
    for (std::int64_t i = 0; i < k; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        b_columns[j * k + i] = b[i * n + j] = static_cast<T>(random.value());
      }
    }
  }
  /// What stands in C must be overwritten.
  void spoil() {
    std::fill_n(c.get(), m * n, T(1e30F));
    std::fill_n(c_columns.get(), m * n, T(1e30F));
  }
  spmm_operands<T> times(const tilebit::csr_matrix<T>& a, const T* a_dense, int threads) const {
    return {a, a_dense, n, threads, b.get(), c.get(), b_columns.get(), c_columns.get()};
  }
};

/// Products in a wider type, of four columns.
template <class T>
class sampled_reference {
public:
  sampled_reference(const tilebit::csr_matrix<T>& a, const T* b, std::int64_t n)
      : column_(static_cast<std::size_t>(a.rows())) {
    for (const std::int64_t j : {std::int64_t{0}, n / 3, 2 * n / 3, n - 1}) {
      columns_.emplace_back(j, reference_product<T>(a, b + j, static_cast<std::size_t>(n)));
    }
  }
  bool admits(const spmm_product<T>& product) {
    return std::all_of(columns_.begin(), columns_.end(), [&](const auto& sample) {
      product.fetch(sample.first, column_.data());
      return sample.second.admits(column_.data(), 1);
    });
  }

private:
  std::vector<std::pair<std::int64_t, reference_product<T>>> columns_;
  std::vector<T> column_;
};

} // namespace bench
