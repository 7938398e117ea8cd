// Conversions: COO to CSR and to bitmap against Eigen's setFromTriplets on the same triples in
// three orders, and CSR to bitmap in units of one SpMV of a plain CSR loop.
#include <benchmark/benchmark.h>

#include <Eigen/SparseCore>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <exception>
#include <numeric>
#include <string>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/inspect.hpp>

#include "inputs.hpp"
#include "machine.hpp"
#include "measure.hpp"
#include "plain_csr.hpp"
#include "random.hpp"

namespace {

namespace tb = tilebit;

enum order_number { shuffled, by_rows, by_columns };
constexpr std::array<const char*, 3> order_names{"shuffled", "by rows", "by columns"};

/// The triples of a row-ordered matrix in another order.
bench::real_matrix reordered(const bench::real_matrix& a, order_number order) {
  const auto n = static_cast<std::size_t>(a.nnz());
  std::vector<std::size_t> position(n);
  std::iota(position.begin(), position.end(), std::size_t{0});
  if (order == shuffled) {
    bench::splitmix64 random(21);
    for (std::size_t k = n; k > 1; --k) std::swap(position[k - 1], position[random.below(k)]);
  } else if (order == by_columns) {
    std::stable_sort(position.begin(), position.end(), [&](std::size_t k, std::size_t l) {
      return a.col_indices()[k] < a.col_indices()[l];
    });
  }
  std::vector<double> values;
  std::vector<int> rows;
  std::vector<int> cols;
  for (const std::size_t k : position) {
    values.push_back(a.values()[k]);
    rows.push_back(a.row_indices()[k]);
    cols.push_back(a.col_indices()[k]);
  }
  return {values, rows, cols, {a.rows(), a.cols()}};
}

struct figures {
  std::array<double, 3> csr{}; ///< time of Eigen over ours, by order
  std::array<double, 3> bitmap{};
  double spmvs = 0; ///< CSR to bitmap in plain SpMVs
};

figures measure(const bench::real_matrix& a, const bench::timing_options& options) {
  figures out;
  for (const auto order : {shuffled, by_rows, by_columns}) {
    const auto coo = reordered(a, order);
    std::vector<Eigen::Triplet<double>> triples;
    for (std::size_t k = 0; k < static_cast<std::size_t>(coo.nnz()); ++k) {
      triples.emplace_back(coo.row_indices()[k], coo.col_indices()[k], coo.values()[k]);
    }
    const auto times =
        bench::measure({{"Eigen",
                         [&] {
                           Eigen::SparseMatrix<double, Eigen::RowMajor> e(coo.rows(), coo.cols());
                           e.setFromTriplets(triples.begin(), triples.end());
                           benchmark::DoNotOptimize(e.valuePtr());
                         }},
                        {"to_csr", [&] { benchmark::DoNotOptimize(tb::to_csr(coo)); }},
                        {"to_bitmap", [&] { benchmark::DoNotOptimize(tb::to_bitmap(coo)); }}},
                       options);
    out.csr[order] = times[0].seconds / times[1].seconds;
    out.bitmap[order] = times[0].seconds / times[2].seconds;
  }
  const auto csr = tb::to_csr(a);
  const std::vector<double> x(static_cast<std::size_t>(a.cols()), 1.0);
  std::vector<double> y(static_cast<std::size_t>(a.rows()));
  const auto times =
      bench::measure({{"plain SpMV",
                       [&] {
                         bench::plain_csr_spmv(csr, x.data(), y.data());
                         benchmark::DoNotOptimize(y.data());
                         benchmark::ClobberMemory();
                       }},
                      {"CSR to bitmap", [&] { benchmark::DoNotOptimize(tb::to_bitmap(csr)); }}},
                     options);
  out.spmvs = times[1].seconds / times[0].seconds;
  return out;
}

void print(const std::string& name, const figures& f) {
  std::printf("%-30s", name.c_str());
  for (std::size_t order = 0; order < 3; ++order)
    std::printf(" | %8.2f %8.2f", f.csr[order], f.bitmap[order]);
  std::printf(" | %6.1f\n", f.spmvs);
  std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("Conversions against Eigen's setFromTriplets, and in units of one plain CSR SpMV.");
  std::vector<std::string> paths;
  bench::timing_options options;
  app.add_option("paths", paths, "files or folders; none: built-in inputs");
  app.add_option("--repetitions", options.repetitions, "timed repetitions")
      ->check(CLI::Range(2, 1000));
  app.add_option("--min-time", options.min_seconds, "seconds of each")->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    const auto inputs = paths.empty() ? bench::built_in_inputs() : bench::inputs_of(paths);
    bench::start_timing(argv[0]);
    std::printf("%s; %s %s; Eigen %d.%d.%d\n", bench::processor_name().c_str(),
                bench::compiler_name().c_str(), TILEBIT_BENCH_FLAGS, EIGEN_WORLD_VERSION,
                EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION);
    std::puts(
        "time of Eigen's setFromTriplets over that of to_csr and to_bitmap, by the order of the "
        "triples;\nlast column: CSR to bitmap in units of one plain CSR SpMV");
    std::printf("%-30s", "matrix");
    for (const char* order : order_names) std::printf(" | %17s", order);
    std::printf(" | %6s\n", "SpMVs");
    figures logs;
    double count = 0;
    for (const auto& in : inputs) {
      const auto a = in.load();
      if (!std::holds_alternative<bench::real_matrix>(a)) continue;
      const figures f = measure(std::get<bench::real_matrix>(a), options);
      print(in.name, f);
      for (std::size_t k = 0; k < 3; ++k) {
        logs.csr[k] += std::log(f.csr[k]);
        logs.bitmap[k] += std::log(f.bitmap[k]);
      }
      logs.spmvs += std::log(f.spmvs);
      ++count;
    }
    for (std::size_t k = 0; k < 3; ++k) {
      logs.csr[k] = std::exp(logs.csr[k] / count);
      logs.bitmap[k] = std::exp(logs.bitmap[k] / count);
    }
    logs.spmvs = std::exp(logs.spmvs / count);
    print("geometric mean", logs);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "convert: %s\n", e.what());
    return 1;
  }
}
