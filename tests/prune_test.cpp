// Pruning: what is kept, by hand and against sorting; and values cast to another type.
#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <limits>
#include <numeric>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <tilebit/inspect.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/prune.hpp>
#include <tilebit/value_cast.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using generators::source;
using oracle::contains;
using oracle::message_of;

namespace {

/// Few different sizes, so that there are ties, and zeros.
template <class D>
void fill_with_ties(D& d, source& from) {
  using T = typename D::scalar_type;
  for (std::int64_t i = 0; i < d.rows(); ++i) {
    for (std::int64_t j = 0; j < d.cols(); ++j) {
      d(i, j) = static_cast<T>(static_cast<int>(from.below(13)) - 6);
    }
  }
}

/// The `count` largest of some places of d by sorting all of them; zeros are left out.
template <class D>
std::set<std::int64_t> largest(const D& d, std::vector<std::int64_t> places, std::int64_t count) {
  const auto size = [&](std::int64_t p) {
    return std::abs(static_cast<double>(d(p / d.cols(), p % d.cols())));
  };
  // Ties by place: with libstdc++ 12, clang 19 calls std::stable_sort deprecated.
  std::sort(places.begin(), places.end(), [&](std::int64_t p, std::int64_t q) {
    return std::pair(-size(p), p) < std::pair(-size(q), q);
  });
  std::set<std::int64_t> kept;
  for (std::int64_t k = 0; k < count && std::cmp_less(k, places.size()); ++k) {
    const auto p = places[static_cast<std::size_t>(k)];
    if (size(p) > 0) kept.insert(p);
  }
  return kept;
}

/// Row-major places begin .. end - 1.
std::vector<std::int64_t> range(std::int64_t begin, std::int64_t end) {
  std::vector<std::int64_t> places(static_cast<std::size_t>(end - begin));
  std::iota(places.begin(), places.end(), begin);
  return places;
}

/// CHECKs that exactly the expected places of d are stored, with their values, and the sums.
template <class P, class D>
void check_kept(const P& p, const D& d, const std::set<std::int64_t>& expected) {
  CHECK_NOTHROW(tb::validate(p.matrix));
  CHECK(p.matrix.rows() == d.rows());
  CHECK(p.matrix.cols() == d.cols());
  CHECK(p.kept == p.matrix.nnz());
  std::set<std::int64_t> stored;
  double energy = 0;
  bool same_values = true;
  for (const auto e : tb::entries(p.matrix)) {
    stored.insert(static_cast<std::int64_t>(e.row) * d.cols() + e.col);
    same_values = same_values && e.value == d(e.row, e.col);
    energy += static_cast<double>(e.value) * static_cast<double>(e.value);
  }
  CHECK(same_values);
  CHECK(stored == expected);
  double all = 0;
  for (std::int64_t i = 0; i < d.rows(); ++i) {
    for (std::int64_t j = 0; j < d.cols(); ++j) all += std::pow(static_cast<double>(d(i, j)), 2);
  }
  CHECK(std::abs(p.energy - (all > 0 ? energy / all : 1.0)) < 1e-12);
}

template <class D>
void check_all(const D& d) {
  const std::int64_t m = d.rows();
  const std::int64_t n = d.cols();
  CAPTURE(m, n);
  for (const double s : {0.0, 0.1, 0.5, 0.77, 0.9, 1.0}) {
    CAPTURE(s);
    const auto left = [s](std::int64_t count) {
      return count - static_cast<std::int64_t>(std::floor(s * static_cast<double>(count) + 0.5));
    };
    check_kept(tb::prune_to_sparsity(d, s), d, largest(d, range(0, m * n), left(m * n)));
    std::set<std::int64_t> of_rows;
    for (std::int64_t i = 0; i < m; ++i)
      of_rows.merge(largest(d, range(i * n, i * n + n), left(n)));
    check_kept(tb::prune_rows_to_sparsity(d, s), d, of_rows);
  }
  for (const auto& n_m : {std::pair{2, 4}, {1, 4}, {4, 8}, {0, 3}, {5, 5}, {1, 1000}}) {
    CAPTURE(n_m.first, n_m.second);
    std::set<std::int64_t> groups;
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; j += n_m.second) {
        groups.merge(largest(d, range(i * n + j, i * n + std::min<std::int64_t>(n, j + n_m.second)),
                             n_m.first));
      }
    }
    check_kept(tb::prune_n_m(d, n_m.first, n_m.second), d, groups);
  }
  const auto above = tb::prune_by_threshold(d, 2.5);
  CHECK(above.matrix == tb::to_bitmap(d, {.threshold = 2.5}));
  CHECK(tb::prune_by_threshold(d, -1).matrix == tb::to_bitmap(d));
}

} // namespace

TEMPLATE_TEST_CASE("the largest elements are kept, the first of equals", "[prune]", double, float,
                   tb::bfloat16, tb::float16, std::int8_t, std::int32_t) {
  source from(71);
  for (const auto& size : {std::pair{0, 0}, {0, 5}, {5, 0}, {1, 1}, {7, 9}, {16, 20}}) {
    tb::dense_matrix<TestType> a({size.first, size.second});
    fill_with_ties(a, from);
    check_all(a);
    tb::dense_matrix<TestType, tb::col_major> b({size.first, size.second});
    fill_with_ties(b, from);
    check_all(b.view());
  }
  // Padding is not looked at.
  std::vector<TestType> memory(5 * 13, TestType(100));
  tb::dense_view<TestType> padded(memory.data(), {5, 11}, 13);
  fill_with_ties(padded, from);
  check_all(padded);
  tb::dense_view<TestType, tb::col_major> columns(memory.data(), {4, 5}, 13);
  fill_with_ties(columns, from);
  check_all(columns);
}

TEST_CASE("blocks with the largest sums of squares are kept", "[prune]") {
  tb::dense_matrix<double> d({6, 10});
  d(0, 0) = 3;                              // block (0, 0): 9
  for (int j = 4; j < 8; ++j) d(1, j) = -2; // block (0, 1): 16
  d(3, 9) = 4;                              // block (0, 2), at the edge: 16
  d(5, 1) = 1;                              // block (1, 0), at the edge: 1
  const auto kept = [&](double sparsity) {
    const auto p = tb::prune_blocks_to_sparsity(d, sparsity);
    CHECK_NOTHROW(tb::validate(p.matrix));
    std::vector<std::pair<int, int>> tiles;
    for (const auto t : p.matrix.tiles()) tiles.emplace_back(t.row, t.col);
    return tiles;
  };
  using tiles = std::vector<std::pair<int, int>>;
  CHECK(kept(0) == tiles{{0, 0}, {0, 1}, {0, 2}, {1, 0}});
  CHECK(kept(0.3) == tiles{{0, 0}, {0, 1}, {0, 2}, {1, 0}}); // 2 of 6, both empty
  CHECK(kept(0.5) == tiles{{0, 0}, {0, 1}, {0, 2}});
  CHECK(kept(0.66) == tiles{{0, 1}, {0, 2}});
  CHECK(kept(0.9) == tiles{{0, 1}}); // the first of equals
  CHECK(kept(1).empty());
  const auto p = tb::prune_blocks_to_sparsity<std::int64_t>(d, 0.9);
  CHECK(p.kept == 4);
  CHECK(std::abs(p.energy - 16.0 / 42) < 1e-15);
  CHECK(std::is_same_v<decltype(p.matrix), tb::bitmap_matrix<double, std::int64_t>>);
}

TEST_CASE("exact counts without ties", "[prune]") {
  source from(72);
  tb::dense_matrix<float> d({40, 50});
  for (float& x : d.values()) x = from.value<float>() + 2; // no zeros
  CHECK(tb::prune_to_sparsity(d, 0.9).kept == 200);
  CHECK(tb::prune_to_sparsity(d, 0.33).kept == 1340);
  CHECK(tb::prune_to_sparsity(d, 0.00025).kept == 1999); // half an element: up
  CHECK(tb::prune_rows_to_sparsity(d, 0.9).kept == 40 * 5);
  CHECK(tb::prune_rows_to_sparsity(d, 0.97).kept == 40); // 48.5 of 50: 49 go
  CHECK(tb::prune_n_m(d, 2, 4).kept == 40 * (12 * 2 + 2));
  CHECK(tb::prune_n_m(d, 3, 4).kept == 40 * (12 * 3 + 2));
  CHECK(tb::prune_blocks_to_sparsity(d, 0.5).matrix.bitmaps().size() == 65);
  const auto half = tb::prune_to_sparsity(d, 0.5);
  CHECK(half.energy > 0.5);
  CHECK(half.energy < 1);
  CHECK(tb::prune_to_sparsity(tb::dense_matrix<float>({3, 3}), 0.5).energy == 1);
}

TEST_CASE("energies of huge and tiny numbers", "[prune]") {
  const double huge = std::numeric_limits<double>::max();
  CHECK(tb::prune_to_sparsity(tb::dense_matrix<double>({huge, -huge}, {1, 2}), 0.5).energy == 0.5);
  const double tiny = std::numeric_limits<double>::denorm_min();
  const auto p = tb::prune_to_sparsity(tb::dense_matrix<double>({tiny, -tiny}, {2, 1}), 0.5);
  CHECK(p.energy == 0.5);
  CHECK(p.kept == 1);
  const tb::dense_matrix<double> apart({huge, 0, 0, 0, tiny}, {1, 5});
  CHECK(tb::prune_blocks_to_sparsity(apart, 0).kept == 2);
}

TEST_CASE("pruning refuses what is not finite and shares outside [0, 1]", "[prune]") {
  tb::dense_matrix<float> d({2, 3});
  d(1, 2) = std::numeric_limits<float>::quiet_NaN();
  const auto refused = [&](auto&& f) {
    CHECK(contains(message_of<std::invalid_argument>(f), "element (1, 2) is not finite"));
  };
  refused([&] { tb::prune_by_threshold(d, 0.5); });
  refused([&] { tb::prune_to_sparsity(d, 0.5); });
  d(1, 2) = -std::numeric_limits<float>::infinity();
  refused([&] { tb::prune_rows_to_sparsity(d, 0.5); });
  refused([&] { tb::prune_blocks_to_sparsity(d, 0.5); });
  refused([&] { tb::prune_n_m(d, 2, 4); });
  d(1, 2) = 0;
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double s : {-0.1, 1.1, nan}) {
    CHECK_THROWS_AS(tb::prune_to_sparsity(d, s), std::invalid_argument);
    CHECK_THROWS_AS(tb::prune_rows_to_sparsity(d, s), std::invalid_argument);
    CHECK_THROWS_AS(tb::prune_blocks_to_sparsity(d, s), std::invalid_argument);
  }
  CHECK_THROWS_AS(tb::prune_by_threshold(d, nan), std::invalid_argument);
  CHECK_THROWS_AS(tb::prune_n_m(d, 3, 2), std::invalid_argument);
  CHECK_THROWS_AS(tb::prune_n_m(d, -1, 2), std::invalid_argument);
  CHECK_THROWS_AS(tb::prune_n_m(d, 0, 0), std::invalid_argument);
  CHECK(tb::prune_n_m(d, 1, std::numeric_limits<std::int64_t>::max()).kept == 0);
}

static_assert(!tb::prunable<tb::dense_matrix<std::complex<float>>>);
static_assert(!tb::prunable<tb::dense_matrix<std::int64_t>>);

TEST_CASE("values are cast in every format", "[prune]") {
  source from(73);
  const auto a = generators::uniform<double>(13, 21, 40, from);
  const auto check = [&a](const auto& f) {
    const auto w = tb::value_cast<tb::bfloat16>(f);
    const auto coo = tb::to_coo(w);
    bool right = coo.nnz() == a.nnz();
    for (std::size_t k = 0; right && k < a.values().size(); ++k) {
      right = coo.values()[k] == tb::bfloat16(a.values()[k]);
    }
    CHECK(right);
    CHECK_NOTHROW(tb::validate(w));
    CHECK(tb::value_cast<tb::bfloat16>(tb::value_cast<float>(w)) == w);
    CHECK(tb::value_cast<std::complex<float>>(w).nnz() == w.nnz());
  };
  check(a);
  check(tb::to_csr<std::int64_t, std::int32_t>(a));
  check(tb::to_bitmap(a));
  check(tb::to_bitmap_grid(a).view());
  const tb::dense_matrix<float, tb::col_major> d({1, 2, 3.3F, 4, 5, 6}, {2, 3});
  const auto half =
      tb::value_cast<tb::float16>(tb::dense_view<const float, tb::col_major>(d.data(), {1, 3}, 2));
  CHECK(half(0, 1) == tb::float16(3.3));
  CHECK(half(0, 2) == 5);
  CHECK(tb::value_cast<std::int64_t>(tb::coo_matrix<std::int8_t>({3}, {0}, {0}, {1, 1})) ==
        tb::coo_matrix<std::int64_t>({3}, {0}, {0}, {1, 1}));
  const tb::coo_view<const double> broken(std::span<const double>(a.values()), a.col_indices(),
                                          a.row_indices(), {13, 21});
  CHECK_THROWS_AS(tb::value_cast<float>(broken), tb::invalid_matrix);
}
