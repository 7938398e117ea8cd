// Products in a wider type, and the bound that a result must keep: with k = entries of the row + 4,
// |y_i - ref_i| <= k * eps * (|A||x|)_i.
#pragma once

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <tilebit/core/concepts.hpp>
#include <tilebit/formats/csr.hpp>

namespace bench {

template <class T>
struct wider {
  using type = long double;
};
template <class R>
struct wider<std::complex<R>> {
  using type = std::complex<long double>;
};

/// A x in a wider type, with the bound of every element. x has a stride, a column of a row-major B.
template <class T>
class reference_product {
public:
  using wide = typename wider<T>::type;

  template <class A>
  reference_product(const A& a, const T* x, std::size_t stride) {
    using real = decltype(std::abs(T{}));
    constexpr long double eps = std::numeric_limits<real>::epsilon();
    sums_.reserve(static_cast<std::size_t>(a.rows()));
    bounds_.reserve(sums_.capacity());
    const auto offsets = a.row_offsets();
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
      wide sum{};
      long double size = 0;
      for (auto k = static_cast<std::size_t>(offsets[i]);
           k < static_cast<std::size_t>(offsets[i + 1]); ++k) {
        const wide p =
            wide(a.values()[k]) * wide(x[static_cast<std::size_t>(a.col_indices()[k]) * stride]);
        sum += p;
        size += std::abs(p);
      }
      sums_.push_back(sum);
      bounds_.push_back(static_cast<long double>(offsets[i + 1] - offsets[i] + 4) * eps * size);
    }
  }

  /// Whether y keeps the bound in every element.
  bool admits(const T* y, std::size_t stride) const {
    for (std::size_t i = 0; i < sums_.size(); ++i) {
      if (!(std::abs(wide(y[i * stride]) - sums_[i]) <= bounds_[i])) return false;
    }
    return true;
  }

private:
  std::vector<wide> sums_;
  std::vector<long double> bounds_;
};

} // namespace bench
