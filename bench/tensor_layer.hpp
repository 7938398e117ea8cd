// The layers of bench/tensor: weights, activations and results as frameworks have them, and the
// weights pruned, in the forms that are measured.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/formats/bitmap_grid.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>
#include <tilebit/prune.hpp>

#include "aligned.hpp"
#include "inputs.hpp"
#include "peers/tensor.hpp"
#include "random.hpp"
#include "tensor_reference.hpp"

namespace bench {

/// A random value: uniform in [-1, 1), or in -127 to 127 without 0.
template <class T>
T random_weight(splitmix64& random) {
  if constexpr (std::is_same_v<T, std::int8_t>) {
    const auto v = static_cast<int>(random.below(254)) - 127;
    return static_cast<T>(v < 0 ? v : v + 1);
  } else {
    return static_cast<T>(random.value());
  }
}

template <class T>
aligned_array<T> random_array(std::int64_t n, std::uint64_t seed) {
  auto out = make_aligned<T>(n);
  splitmix64 random(seed);
  std::generate_n(out.get(), n, [&] { return random_weight<T>(random); });
  return out;
}

/// Weights in row-major order, m x k.
template <class T>
struct dense_layer {
  std::string name;
  std::int64_t m = 0;
  std::int64_t k = 0;
  aligned_array<T> w;

  tilebit::dense_view<const T> view() const { return {w.get(), {m, k}}; }
};

template <class T>
dense_layer<T> random_layer(std::int64_t m, std::int64_t k) {
  return {std::to_string(m) + "x" + std::to_string(k), m, k, random_array<T>(m * k, 21)};
}

/// The weights of a file. For 8-bit integers the largest becomes 127; what is rounded to zero stays
/// an entry, of value 0.
template <class T>
tilebit::csr_matrix<T> weights_of(const real_matrix& a) {
  double scale = 1;
  if constexpr (std::is_same_v<T, std::int8_t>) {
    double largest = 0;
    for (const double v : a.values()) largest = std::max(largest, std::abs(v));
    scale = largest > 0 ? 127 / largest : 1;
  }
  std::vector<T> values;
  for (const double v : a.values()) {
    values.push_back(static_cast<T>(std::is_same_v<T, std::int8_t> ? std::round(scale * v) : v));
  }
  return tilebit::to_csr(tilebit::coo_matrix<T>(std::move(values), a.row_indices(), a.col_indices(),
                                                {a.rows(), a.cols()}));
}

/// Sparse weights in the forms that are measured, and what checks their products.
template <class T>
struct sparse_layer {
  using optimized = decltype(tilebit::optimize(std::declval<tilebit::bitmap_grid<T>>()));

  double sparsity = 0;
  tilebit::bitmap_grid<T> grid;
  optimized for_vectors;  ///< optimize(grid, operation::spmv)
  optimized for_matrices; ///< optimize(grid, operation::spmm)
  tensor_reference<T> reference;

  template <class A>
  sparse_layer(double share, const A& a, const T* x, const std::vector<std::int64_t>& batches)
      : sparsity(share), grid(tilebit::to_bitmap_grid(a)),
        for_vectors(tilebit::optimize(grid, tilebit::operation::spmv)),
        for_matrices(tilebit::optimize(grid, tilebit::operation::spmm)),
        reference(tilebit::to_csr(grid), x, batches) {}
};

template <class T>
std::int64_t bytes_of(const tilebit::bitmap_grid<T>& a) {
  return static_cast<std::int64_t>(a.elements().size_bytes() + a.bitmaps().size_bytes() +
                                   a.element_offsets().size_bytes());
}
template <class M>
std::int64_t bytes_of(const M& a) {
  return static_cast<std::int64_t>(a.bytes());
}

/// Our product with one form of the weights, of as many copies as other contestants have bytes.
template <class T, class M>
tensor_product<T> own_product(const std::string& name, const M& weights,
                              const tensor_operands<T>& of, tensor_sum<T>* y) {
  tensor_product<T> out;
  out.name = name;
  out.bytes = static_cast<double>(bytes_of(weights));
  out.copies = 1 + static_cast<int>(of.least_bytes / out.bytes);
  out.y = y;
  const auto more =
      std::make_shared<const std::vector<M>>(static_cast<std::size_t>(out.copies) - 1, weights);
  out.run = [=, &weights](int copy) {
    const M& w = copy == 0 ? weights : (*more)[static_cast<std::size_t>(copy) - 1];
    const auto policy = tilebit::threads(of.threads);
    if (of.batch == 1) {
      tilebit::multiply(policy, w, std::span<const T>(of.x, static_cast<std::size_t>(of.k)),
                        std::span<tensor_sum<T>>(y, static_cast<std::size_t>(of.m)));
    } else {
      using tilebit::col_major;
      tilebit::multiply(policy, w, tilebit::dense_view<const T, col_major>(of.x, {of.k, of.batch}),
                        tilebit::dense_view<tensor_sum<T>, col_major>(y, {of.m, of.batch}));
    }
  };
  return out;
}

} // namespace bench
