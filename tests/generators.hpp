// Seeded matrices and vectors for the tests, the same on every machine: std:: distributions and
// std::shuffle differ between libraries, so that numbers are drawn from mt19937 by hand.
#pragma once

#include <algorithm>
#include <complex>
#include <cstdint>
#include <random>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <tilebit/formats/coo.hpp>

namespace generators {

namespace tb = tilebit;

class source {
public:
  explicit source(unsigned seed) : random_(seed) {}

  /// 0 .. n - 1
  std::int64_t below(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }

  /// Floating-point: multiples of 2^-23 in [-1, 1), exact in float; 16-bit types: multiples of
  /// 2^-7, exact in both; integers: -9 .. 9 or 0 .. 9.
  template <class T>
  T value() {
    if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(static_cast<double>(below(1 << 24) - (1 << 23)) / (1 << 23));
    } else if constexpr (tb::detail::is_low_precision_v<T>) {
      return static_cast<T>(static_cast<double>(below(1 << 8) - (1 << 7)) / (1 << 7));
    } else if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(std::is_signed_v<T> ? below(19) - 9 : below(10));
    } else {
      using R = typename T::value_type;
      const R real = value<R>();
      return T(real, value<R>());
    }
  }

  /// Small integers in any type: sums of their products are exact.
  template <class T>
  T small() {
    return static_cast<T>(static_cast<int>(std::is_unsigned_v<T> ? below(10) : below(19) - 9));
  }

private:
  std::mt19937 random_;
};

template <class T>
std::vector<T> vector(std::int64_t n, source& from) {
  std::vector<T> v(static_cast<std::size_t>(n));
  for (T& x : v) x = from.value<T>();
  return v;
}

template <class T>
std::vector<T> small_vector(std::int64_t n, source& from) {
  std::vector<T> v(static_cast<std::size_t>(n));
  for (T& x : v) x = from.small<T>();
  return v;
}

/// Triples under construction.
template <class T, class I>
struct triples {
  std::vector<T> values;
  std::vector<I> rows;
  std::vector<I> cols;

  void add(std::int64_t i, std::int64_t j, const T& x) {
    values.push_back(x);
    rows.push_back(static_cast<I>(i));
    cols.push_back(static_cast<I>(j));
  }
  void swap(std::size_t k, std::size_t l) {
    std::swap(values[k], values[l]);
    std::swap(rows[k], rows[l]);
    std::swap(cols[k], cols[l]);
  }
  /// The arrays end where the matrix does, so that sanitizers see reads behind it.
  tb::coo_matrix<T, I> matrix(std::int64_t m, std::int64_t n) && {
    values.shrink_to_fit();
    rows.shrink_to_fit();
    cols.shrink_to_fit();
    return {std::move(values), std::move(rows), std::move(cols), {m, n}};
  }
};

template <class T, class I>
triples<T, I> triples_of(const tb::coo_matrix<T, I>& a) {
  return {{a.values().begin(), a.values().end()},
          {a.row_indices().begin(), a.row_indices().end()},
          {a.col_indices().begin(), a.col_indices().end()}};
}

/// Entries where keep(i, j) says so, row-major.
template <class T, class I, class Keep>
tb::coo_matrix<T, I> where(std::int64_t m, std::int64_t n, source& from, Keep&& keep) {
  triples<T, I> t;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      if (keep(i, j)) t.add(i, j, from.value<T>());
    }
  }
  return std::move(t).matrix(m, n);
}

/// Each element is stored with a chance of percent / 100; 100 gives a full matrix.
template <class T, class I = std::int32_t>
tb::coo_matrix<T, I> uniform(std::int64_t m, std::int64_t n, int percent, source& from) {
  return where<T, I>(m, n, from, [&](auto, auto) { return from.below(100) < percent; });
}

template <class T, class I = std::int32_t>
tb::coo_matrix<T, I> banded(std::int64_t m, std::int64_t n, std::int64_t width, source& from) {
  return where<T, I>(
      m, n, from, [&](std::int64_t i, std::int64_t j) { return i - j <= width && j - i <= width; });
}

/// One full row in a nearly empty matrix.
template <class T, class I = std::int32_t>
tb::coo_matrix<T, I> giant_row(std::int64_t m, std::int64_t n, source& from) {
  return where<T, I>(m, n, from,
                     [&](std::int64_t i, auto) { return i == m / 2 || from.below(50) == 0; });
}

/// Full 4x4 blocks, not aligned with the tiles.
template <class T, class I = std::int32_t>
tb::coo_matrix<T, I> blocks(std::int64_t m, std::int64_t n, source& from) {
  return where<T, I>(m, n, from, [](std::int64_t i, std::int64_t j) {
    return ((i + 2) / 4 + (j + 1) / 4) % 3 == 0;
  });
}

/// Seven rows of eight are empty, the first and the last ones too.
template <class T, class I = std::int32_t>
tb::coo_matrix<T, I> empty_rows(std::int64_t m, std::int64_t n, source& from) {
  return where<T, I>(m, n, from,
                     [&](std::int64_t i, auto) { return i % 8 == 5 && from.below(2) == 0; });
}

/// Rows of one entry, of two, and in between others that have as many together.
template <class T, class I = std::int32_t>
tb::coo_matrix<T, I> tiny_rows(std::int64_t m, std::int64_t n, source& from) {
  triples<T, I> t;
  for (std::int64_t i = 0; i < m; ++i) {
    const std::int64_t kind = i / 8 % 4;
    const std::int64_t entries = kind < 2 ? kind + 1 : kind == 2 ? i % 4 : 2 * (i % 3);
    for (std::int64_t k = 0; k < entries; ++k) {
      t.add(i, n * k / entries + from.below(n / entries), from.value<T>());
    }
  }
  return std::move(t).matrix(m, n);
}

/// Rows of so many entries each, but for some that have one less.
template <class T, class I = std::int32_t>
tb::coo_matrix<T, I> equal_rows(std::int64_t m, std::int64_t n, std::int64_t entries,
                                source& from) {
  triples<T, I> t;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t k = i % 29 == 7 ? 1 : 0; k < entries; ++k) {
      t.add(i, n * k / entries + from.below(n / entries), from.value<T>());
    }
  }
  return std::move(t).matrix(m, n);
}

/// The same entries in random order; entries of one place change their order, too.
template <class T, class I>
tb::coo_matrix<T, I> shuffled(const tb::coo_matrix<T, I>& a, source& from) {
  auto t = triples_of(a);
  for (std::size_t k = t.values.size(); k > 1; --k) {
    t.swap(k - 1, static_cast<std::size_t>(from.below(static_cast<std::int64_t>(k))));
  }
  return std::move(t).matrix(a.rows(), a.cols());
}

/// The same entries ordered by column, then row.
template <class T, class I>
tb::coo_matrix<T, I> column_ordered(const tb::coo_matrix<T, I>& a) {
  const auto t = triples_of(a);
  std::vector<std::size_t> order(t.values.size());
  for (std::size_t k = 0; k < order.size(); ++k) order[k] = k;
  // Ties by position: with libstdc++ 12, clang 19 calls std::stable_sort deprecated.
  std::sort(order.begin(), order.end(), [&](std::size_t k, std::size_t l) {
    return std::tuple(t.cols[k], t.rows[k], k) < std::tuple(t.cols[l], t.rows[l], l);
  });
  triples<T, I> out;
  for (const std::size_t k : order) {
    out.add(static_cast<std::int64_t>(t.rows[k]), static_cast<std::int64_t>(t.cols[k]),
            t.values[k]);
  }
  return std::move(out).matrix(a.rows(), a.cols());
}

/// count entries anywhere, in random order, likely with duplicates; for matrices too large for a
/// loop over all elements.
template <class T, class I = std::int32_t>
tb::coo_matrix<T, I> scattered(std::int64_t m, std::int64_t n, std::int64_t count, source& from) {
  triples<T, I> t;
  for (std::int64_t k = 0; k < count && m > 0 && n > 0; ++k) {
    const std::int64_t i = from.below(m);
    const std::int64_t j = from.below(n);
    t.add(i, j, from.small<T>());
  }
  return std::move(t).matrix(m, n);
}

} // namespace generators
