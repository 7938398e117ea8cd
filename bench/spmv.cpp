// SpMV of every format, and of optimize(a), against a plain CSR loop and other libraries, all in
// one process and interleaved.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/inspect.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "inputs.hpp"
#include "machine.hpp"
#include "measure.hpp"
#include "options.hpp"
#include "peers/peers.hpp"
#include "plain_csr.hpp"
#include "random.hpp"
#include "reference.hpp"
#include "spmv_results.hpp"

namespace {

namespace tb = tilebit;

template <class T>
tb::csr_matrix<T> as_csr(const bench::real_matrix& a) {
  const std::vector<T> values(a.values().begin(), a.values().end());
  return tb::to_csr(
      tb::coo_matrix<T>(values, a.row_indices(), a.col_indices(), {a.rows(), a.cols()}));
}

template <class T>
std::vector<T> random_vector(std::int64_t n) {
  bench::splitmix64 random(5);
  std::vector<T> v(static_cast<std::size_t>(n));
  for (T& x : v) x = static_cast<T>(static_cast<double>(random.below(2001)) / 1000 - 1);
  return v;
}

template <class T>
bench::spmv_result measure(const std::string& name, const bench::real_matrix& from, int threads,
                           const bench::timing_options& options) {
  const auto csr = as_csr<T>(from);
  const auto coo = tb::to_coo(csr);
  const auto bitmap = tb::to_bitmap(csr);
  const auto optimized = tb::optimize(csr);
  const auto for_transposed = tb::optimize(csr, tb::operation::spmv_transposed);
  const auto x = random_vector<T>(csr.cols());
  std::vector<T> y(static_cast<std::size_t>(csr.rows()));
  const auto policy = tb::threads(threads);
  const bench::reference_product<T> expected(csr, x.data(), 1);

  std::vector<bench::task> tasks;
  const auto add_task = [&tasks](const std::string& task, auto run, const std::vector<T>& result) {
    tasks.push_back({task, [run, &result] {
                       run();
                       benchmark::DoNotOptimize(result.data());
                       benchmark::ClobberMemory();
                     }});
  };
  const auto add = [&](const std::string& task, auto&& run, auto&& fetch, bool exact) {
    std::fill(y.begin(), y.end(), T(1e30F)); // must be overwritten
    run();
    fetch();
    if (!expected.admits(y.data(), 1)) {
      const std::string message = name + ": " + task + " leaves the error bound";
      if (exact) throw std::runtime_error(message);
      std::fprintf(stderr, "%s\n", message.c_str());
    }
    add_task(task, run, y);
  };
  const auto nothing = [] {};
  if (threads == 1) {
    add(
        "plain CSR", [&] { bench::plain_csr_spmv(csr, x.data(), y.data()); }, nothing, true);
  }
  add(
      "COO", [&] { tb::multiply(policy, coo, x, y); }, nothing, true);
  add(
      "CSR", [&] { tb::multiply(policy, csr, x, y); }, nothing, true);
  add(
      "bitmap", [&] { tb::multiply(policy, bitmap, x, y); }, nothing, true);
  add(
      "optimized", [&] { tb::multiply(policy, optimized, x, y); }, nothing, true);
  for (const auto& library : bench::peer_libraries()) {
    bench::peer<T> peer;
    if constexpr (std::is_same_v<T, float>) {
      peer = library.of_float(csr, threads);
    } else {
      peer = library.of_double(csr, threads);
    }
    add(
        library.name, [peer, &x, &y] { peer.multiply(x.data(), y.data()); },
        [peer, &y] { peer.fetch(y.data()); }, false);
  }
  const auto b = random_vector<T>(csr.rows());
  const auto add_residual = [&](const std::string& task, const auto& a) {
    const auto run = [&policy, &a, &x, &b, &y] {
      tb::multiply(policy, tb::scaled(T{-1}, a), x, b, y);
    };
    std::vector<T> product(y.size());
    tb::multiply(policy, a, x, product);
    run();
    for (std::size_t i = 0; i < y.size(); ++i) {
      const T rounding =
          4 * std::numeric_limits<T>::epsilon() * (std::abs(b[i]) + std::abs(product[i]));
      if (!(std::abs(b[i] - product[i] - y[i]) <= rounding)) {
        throw std::runtime_error(name + ": " + task + " is not b less the product");
      }
    }
    add_task(task, run, y);
  };
  add_residual("CSR, b - A x", csr);
  add_residual("bitmap, b - A x", bitmap);
  add_residual("optimized, b - A x", optimized);
  // Transposed products need vectors of their own.
  const auto xt = random_vector<T>(csr.rows());
  std::vector<T> yt(static_cast<std::size_t>(csr.cols()));
  const bench::reference_product<T> expected_t(tb::to_csr(tb::transposed(csr)), xt.data(), 1);
  const auto add_transposed = [&](const std::string& task, const auto& a) {
    const auto run = [&policy, &a, &xt, &yt] { tb::multiply(policy, tb::transposed(a), xt, yt); };
    run();
    if (!expected_t.admits(yt.data(), 1)) {
      throw std::runtime_error(name + ": " + task + " leaves the error bound");
    }
    add_task(task, run, yt);
  };
  add_transposed("COO^T", coo);
  add_transposed("CSR^T", csr);
  add_transposed("bitmap^T", bitmap);
  add_transposed("optimized^T", optimized);
  add_transposed("optimized for it^T", for_transposed);
  const std::size_t products = tasks.size();
  if (threads == 1) {
    tasks.push_back({"optimize", [&] { benchmark::DoNotOptimize(tb::optimize(csr)); }});
  }
  const auto times = bench::measure(tasks, options);

  bench::spmv_result r;
  r.name = name;
  r.type = std::is_same_v<T, float> ? "float" : "double";
  r.threads = threads;
  r.nnz = csr.nnz();
  const auto s = tb::analyze(bitmap);
  r.fill = s.fill;
  r.megabytes = {{"COO", static_cast<double>(s.bytes.coo) * 1e-6},
                 {"CSR", static_cast<double>(s.bytes.csr) * 1e-6},
                 {"bitmap", static_cast<double>(s.bytes.bitmap) * 1e-6},
                 {"optimized", static_cast<double>(optimized.bytes()) * 1e-6}};
  for (std::size_t k = 0; k < products; ++k) r.times[tasks[k].name] = times[k];
  if (threads == 1) r.optimize_seconds = times.back().seconds;
  const tb::format best = tb::recommend(csr).best;
  r.recommended = best == tb::format::csr ? "CSR" : best == tb::format::coo ? "COO" : "bitmap";
  return r;
}

std::vector<std::string> columns() {
  std::vector<std::string> names{"plain CSR", "COO", "CSR", "bitmap", "optimized"};
  for (const auto& name : bench::peer_names()) names.push_back(name);
  return names;
}

void print_head() {
  std::printf("%-28s %-6s %2s %9s %5s |", "matrix", "type", "th", "nnz", "fill");
  for (const auto& name : columns()) std::printf(" %9s", name.c_str());
  std::printf(" | %6s %6s %6s | %4s\n", "bitmap", "opt", "opt", "opt.");
  std::printf("%-54s |", "");
  for (std::size_t k = 0; k < columns().size(); ++k) std::printf(" %9s", "ps/nnz");
  std::printf(" | %6s %6s %6s | %4s\n", "/peer", "/peer", "/own", "SpMV");
}

void print(const bench::spmv_result& r) {
  std::printf("%-28.28s %-6s %2d %9lld %5.2f |", r.name.c_str(), r.type.c_str(), r.threads,
              static_cast<long long>(r.nnz), r.fill);
  for (const auto& name : columns()) {
    if (r.times.count(name) == 0) {
      std::printf(" %9s", "");
    } else {
      std::printf(" %9.0f", r.time(name) * 1e12 / static_cast<double>(r.nnz));
    }
  }
  const double peer = r.least(bench::peer_names());
  std::printf(" | %6.2f %6.2f %6.2f |", peer / r.time("bitmap"), peer / r.time("optimized"),
              r.least(bench::own_formats) / r.time("optimized"));
  if (r.threads == 1) std::printf(" %4.0f", r.optimize_seconds / r.time("CSR"));
  std::printf("\n");
  std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("SpMV of every format against other libraries.");
  std::vector<std::string> paths;
  std::vector<int> threads{1, 2};
  bench::timing_options options;
  app.add_option("paths", paths, "files or folders; none: built-in inputs");
  app.add_option("--threads", threads, "numbers of threads")
      ->allow_extra_args(false)
      ->delimiter(',');
  bench::run_options common;
  common.add_to(app, options);
  CLI11_PARSE(app, argc, argv);
  try {
    if (!common.summarize.empty()) {
      std::vector<bench::spmv_run> runs;
      for (const auto& file : common.summarize) runs.push_back(bench::read_spmv_json(file));
      bench::print_spmv_summary(runs);
      return 0;
    }
    const auto inputs = paths.empty() ? bench::built_in_inputs() : bench::inputs_of(paths);
    bench::start_timing(argv[0]);
    std::printf("%s\npeers:", bench::conditions_line(common.commit).c_str());
    for (const auto& library : bench::peer_libraries()) {
      std::printf(" %s %s;", library.name.c_str(), library.version.c_str());
    }
    for (const auto& name : bench::missing_libraries()) {
      std::printf(" %s left out (not found);", name.c_str());
    }
    std::printf("\n");
    print_head();
    bench::spmv_run run{{}, bench::peer_names()};
    for (const auto& in : inputs) {
      const auto a = in.load();
      if (!std::holds_alternative<bench::real_matrix>(a)) continue;
      const auto& real = std::get<bench::real_matrix>(a);
      for (const int n : threads) {
        run.results.push_back(measure<double>(in.name, real, n, options));
        print(run.results.back());
        run.results.push_back(measure<float>(in.name, real, n, options));
        print(run.results.back());
      }
    }
    bench::print_spmv_summary({run});
    if (!common.json.empty()) {
      bench::write_spmv_json(common.json, run, options, common.commit);
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "spmv: %s\n", e.what());
    return 1;
  }
}
