// Dense operands with padding, and comparison bit by bit.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include <tilebit/formats/dense.hpp>

#include "generators.hpp"

namespace padded_dense {

namespace tb = tilebit;
using generators::source;

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() &&
         (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

/// A dense operand with a leading dimension, its memory exactly as long as its extent, so that a
/// sanitizer sees every step beyond it; padding holds a sentinel.
template <class T, class Layout>
struct padded {
  static constexpr T sentinel{77};
  std::vector<T> memory;
  tb::dense_view<T, Layout> view;

  padded(std::int64_t m, std::int64_t n, std::int64_t padding) {
    const std::int64_t ld = (std::is_same_v<Layout, tb::row_major> ? n : m) + padding;
    const tb::dense_view<T, Layout> measure(static_cast<T*>(nullptr), {0, 0}, ld);
    const std::int64_t last = (m - 1) * measure.row_stride() + (n - 1) * measure.col_stride();
    memory.assign(m > 0 && n > 0 ? static_cast<std::size_t>(last + 1) : 0, sentinel);
    view = tb::dense_view<T, Layout>(memory.data(), {m, n}, ld);
  }
  padded(std::int64_t m, std::int64_t n, std::int64_t padding, source& from)
      : padded(m, n, padding) {
    for_each([&](T& x) { x = from.value<T>(); });
  }
  padded(const padded& other)
      : memory(other.memory),
        view(memory.data(), {other.view.rows(), other.view.cols()}, other.view.ld()) {}

  template <class F>
  void for_each(F&& f) {
    for (std::int64_t i = 0; i < view.rows(); ++i) {
      for (std::int64_t j = 0; j < view.cols(); ++j) f(view(i, j));
    }
  }
  bool padding_survives() const {
    padded copy(*this);
    copy.for_each([](T& x) { x = sentinel; });
    return std::ranges::all_of(copy.memory, [](const T& x) { return x == sentinel; });
  }
};

/// The first n columns of `of`, with a layout, a leading dimension and exactly the memory they need.
template <class Layout, class T>
padded<T, Layout> first_columns(const tb::dense_matrix<T>& of, std::int64_t n,
                                std::int64_t padding) {
  padded<T, Layout> part(of.rows(), n, padding);
  for (std::int64_t i = 0; i < of.rows(); ++i) {
    for (std::int64_t j = 0; j < n; ++j) part.view(i, j) = of(i, j);
  }
  return part;
}

} // namespace padded_dense
