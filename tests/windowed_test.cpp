// Windowed rows of float, the copy of an optimized matrix that SpMV reads.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/kernels/dispatch.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using generators::source;

namespace {

/// Has the level in force kernels for windowed rows?
bool multiplies_windows() {
  return !tb::kernels::spmv_windowed_table::rows.empty() && tb::active_isa() >= tb::isa::avx512;
}

/// Any matrix with a copy in windowed rows, whether that pays or not.
class in_windows {
public:
  explicit in_windows(const tb::coo_matrix<float>& a) : parts_(tb::optimize(a)) {
    const auto rows = tb::to_csr(a);
    windows_ = tb::detail::windows_of(rows.view());
  }

  tb::optimized_view<const float, std::int32_t> view() const {
    return {parts_.view(), windows_.view(tb::shape(parts_.rows(), parts_.cols()))};
  }

private:
  tb::optimized_matrix<float> parts_;
  tb::detail::windowed_arrays<float> windows_;
};

/// The entries of windowed rows as COO in row-major order.
tb::coo_matrix<float> entries_of(const tb::windowed_view<const float>& w) {
  generators::triples<float, std::int32_t> t;
  std::int64_t k = 0;
  for (std::int64_t block = 0; block < w.blocks(); ++block) {
    for (std::int64_t i = 0; i < w.strips(); ++i) {
      const int steps = w.steps_of_strip()[static_cast<std::size_t>(block * w.strips() + i)];
      for (std::int64_t e = 0; e < 16 * steps; ++e, ++k) {
        const auto at = static_cast<std::size_t>(k);
        if (w.positions()[at] < 128) continue;
        t.add(16 * block + e % 16, w.column(k, i, 0), w.values()[at]);
      }
    }
  }
  return tb::to_coo(tb::to_csr(std::move(t).matrix(w.rows(), w.cols())));
}

std::vector<tb::coo_matrix<float>> matrices(source& from) {
  std::vector<tb::coo_matrix<float>> all;
  for (const std::int64_t m : {1, 15, 16, 17, 100}) {
    for (const std::int64_t n : {1, 15, 16, 63, 64, 65, 128, 129, 500}) {
      all.push_back(generators::uniform<float>(m, n, m % 2 == 0 ? 20 : 60, from));
    }
  }
  all.push_back(generators::uniform<float>(40, 300, 100, from));
  all.push_back(generators::giant_row<float>(50, 3000, from));
  all.push_back(generators::empty_rows<float>(50, 900, from));
  all.push_back(generators::banded<float>(333, 222, 7, from));
  // Rows of sixteen that begin far from each other, and some whose entries are few.
  all.push_back(
      generators::where<float, std::int32_t>(48, 2000, from, [&](std::int64_t i, std::int64_t j) {
        return j >= 100 * (i % 16) && from.below(i % 5 == 0 ? 50 : 4) == 0;
      }));
  return all;
}

} // namespace

TEST_CASE("windowed rows of float hold the entries and multiply", "[optimize]") {
  source from(91);
  const auto all = matrices(from);
  oracle::at_every_isa([&] {
    for (const auto& a : all) {
      CAPTURE(a.rows(), a.cols(), a.nnz());
      const in_windows windows(a);
      const auto h = windows.view();
      tb::validate(h);
      CHECK(entries_of(h.windowed()) == a);
      const auto x = generators::vector<float>(a.cols(), from);
      const auto y0 = generators::vector<float>(a.rows(), from);
      std::vector<float> y(y0.size(), 99);
      tb::multiply(h, x, y);
      oracle::check_spmv(a, x, y);
      tb::multiply(tb::scaled(3, h), x, tb::scaled(2, y0), y);
      oracle::check_spmv(a, x, y, 3.0F, 2.0F, y0);
      for (const int count : {2, 3, 7}) {
        std::vector<float> other(y.size());
        tb::multiply(tb::threads(count), tb::scaled(3, h), x, tb::scaled(2, y0), other);
        CHECK(std::memcmp(other.data(), y.data(), y.size() * sizeof(float)) == 0);
      }
      const auto xt = generators::vector<float>(a.rows(), from);
      std::vector<float> yt(x.size(), 99);
      tb::multiply(tb::transposed(h), xt, yt); // by the other parts
      oracle::check_spmv(tb::transposed(a), xt, yt);
    }
  });
}

TEST_CASE("threads share windowed rows of many bytes and give the same bits", "[optimize]") {
  source from(92);
  const auto a = generators::uniform<float>(1500, 900, 20, from);
  const in_windows windows(a);
  const auto x = generators::vector<float>(a.cols(), from);
  std::vector<float> y(1500), other(1500);
  tb::multiply(windows.view(), x, y);
  oracle::check_spmv(a, x, y);
  for (const int count : {2, 5, 64}) {
    tb::multiply(tb::threads(count), windows.view(), x, other);
    CHECK(std::memcmp(other.data(), y.data(), y.size() * sizeof(float)) == 0);
  }
}

TEST_CASE("optimize makes windows of float where they pay", "[optimize]") {
  if (!multiplies_windows()) {
    WARN("skipped: no kernels for windowed rows at the level of this machine");
    return;
  }
  source from(93);
  const auto blocks_of = [](const auto& h) { return h.view().windowed().blocks(); };
  const auto a = generators::uniform<float>(250, 1000, 20, from);
  const auto h = tb::optimize(a);
  CHECK(blocks_of(h) == 16);
  CHECK(h.nnz() == a.nnz());
  CHECK(tb::to_coo(h) == a);
  CHECK(h.bytes() > a.nnz() * (6 + 5)); // slices and windows
  CHECK(blocks_of(tb::optimize(a, tb::operation::spmv_transposed)) == 63);
  CHECK(blocks_of(tb::optimize(a, tb::operation::spmm)) == 0);
  CHECK(blocks_of(tb::optimize(generators::uniform<float>(250, 1000, 1, from))) == 0);
  CHECK(blocks_of(tb::optimize(generators::uniform<float>(250, 1000, 95, from))) == 0);
  CHECK(blocks_of(tb::optimize(generators::banded<float>(1000, 1000, 3, from))) == 0);
  CHECK(tb::optimize(generators::uniform<double>(250, 1000, 20, from)).view().windowed().blocks() ==
        0);
  const auto copy = h;
  const auto x = generators::vector<float>(1000, from);
  std::vector<float> y(250);
  tb::multiply(copy, x, y);
  oracle::check_spmv(a, x, y);
  const tb::isa before = tb::active_isa();
  tb::set_isa(tb::isa::avx2);
  CHECK(blocks_of(tb::optimize(a)) == 0);
  tb::set_isa(before);
}

TEST_CASE("an Inf in x reaches only rows that store its column, in windows, too", "[optimize]") {
  source from(94);
  auto a = generators::uniform<float>(64, 300, 20, from);
  a.values()[7] = 0; // stored
  const in_windows windows(a);
  constexpr float inf = std::numeric_limits<float>::infinity();
  oracle::at_every_isa([&] {
    for (const std::int32_t column : {0, 16, 63, 64, 128, 299, a.col_indices()[7]}) {
      std::vector<float> x(300, 1), y(64);
      x[static_cast<std::size_t>(column)] = inf;
      tb::multiply(windows.view(), x, y);
      std::vector<char> stores(64);
      for (const auto e : tb::entries(a)) {
        if (e.col == column) stores[static_cast<std::size_t>(e.row)] = 1;
      }
      for (std::size_t i = 0; i < 64; ++i) CHECK(std::isfinite(y[i]) == (stores[i] == 0));
    }
  });
}

TEST_CASE("validate names what is wrong with windowed rows of float", "[optimize]") {
  using view = tb::windowed_view<const float>;
  const std::vector<float> values(32);
  std::vector<std::uint8_t> positions(32, 128);
  const std::vector<std::uint8_t> steps{1, 0, 1, 0, 0, 0, 0, 0};
  const std::vector<std::int64_t> offsets{0, 2};
  const auto check = [&] { tb::validate(view(values, positions, steps, offsets, {}, {16, 70})); };
  for (std::size_t k = 16; k < 32; ++k) positions[k] = 128 + 32;
  check();
  positions[20] = 128 + 6; // column 70
  CHECK(oracle::message_of<tb::invalid_matrix>(check) ==
        "windowed: entry 20 has column 70, not under strips 2 to 5 of 70 columns");
  positions[20] = 128 + 5;
  check();
}

TEST_CASE("windowed rows of float are multiplied by AVX-512", "[dispatch]") {
#if !defined(TILEBIT_DISABLE_SIMD) && !defined(TILEBIT_DISABLE_AVX512)
  CHECK(tb::kernels::spmv_windowed_table::rows[0].level == tb::isa::avx512);
  CHECK(tb::kernels::spmv_windowed_table::rows[0].name == "windowed rows");
#else
  CHECK(tb::kernels::spmv_windowed_table::rows.empty());
#endif
}
