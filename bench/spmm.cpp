// SpMM, C = A B with row-major B and C, of every format and of what optimize makes for that many
// columns against other libraries, sparse and dense, all in one process and interleaved.
#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/inspect.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "aligned.hpp"
#include "fma_peak.hpp"
#include "inputs.hpp"
#include "machine.hpp"
#include "measure.hpp"
#include "options.hpp"
#include "peers/spmm.hpp"
#include "spmm_problem.hpp"
#include "spmm_results.hpp"

namespace {

namespace tb = tilebit;

struct settings {
  std::vector<std::int64_t> columns{32, 64, 128, 256, 512, 1024};
  std::vector<int> threads{1, 2};
  std::vector<std::string> types{"float", "double"};
  bool coo = false;
  bool transposed = false;
  bool forms = false;
  bool no_peers = false;
  double most_megabytes = 1000; ///< of B and C together
  bench::timing_options timing;
};

const std::vector<bench::spmm_library>& libraries(const settings& s) {
  static const std::vector<bench::spmm_library> none;
  return s.no_peers ? none : bench::spmm_libraries();
}

/// One matrix in all forms that are measured.
template <class T>
struct forms {
  tb::csr_matrix<T> csr;
  tb::coo_matrix<T> coo;
  tb::bitmap_matrix<T> bitmap;
  decltype(tb::optimize(csr, tb::operation::spmm)) optimized;
  bench::aligned_array<T> dense; ///< null where it is too large
  /// Of the transpose, whose transposed products are the same ones; empty unless measured.
  tb::csr_matrix<T> transposed_csr;
  tb::bitmap_matrix<T> transposed_bitmap;
  decltype(optimized) transposed_optimized;

  forms(const bench::real_matrix& a, const settings& s)
      : csr(tb::to_csr(tb::coo_matrix<T>(std::vector<T>(a.values().begin(), a.values().end()),
                                         a.row_indices(), a.col_indices(), {a.rows(), a.cols()}))),
        coo(tb::to_coo(csr)), bitmap(tb::to_bitmap(csr)) {
    if (s.transposed) {
      transposed_csr = tb::to_csr(tb::transposed(csr));
      transposed_bitmap = tb::to_bitmap(transposed_csr);
    }
    const double size = static_cast<double>(a.rows()) * static_cast<double>(a.cols()) * sizeof(T);
    if (size > 512e6 || s.no_peers) return;
    dense = bench::make_aligned<T>(a.rows() * a.cols());
    tb::to_dense(csr, tb::dense_view(dense.get(), {a.rows(), a.cols()}));
  }

  /// For products with n columns.
  void optimize_for(std::int64_t n) {
    optimized = tb::optimize(csr, tb::operation::spmm, n);
    if (transposed_csr.rows() > 0) {
      transposed_optimized = tb::optimize(transposed_csr, tb::operation::spmm, n);
    }
  }
};

template <class T>
std::vector<bench::spmm_product<T>>
own_products(const forms<T>& a, const bench::spmm_operands<T>& of, bool transposed) {
  const auto policy = tb::threads(of.threads);
  const tb::dense_view<const T> b(of.b, {a.csr.cols(), of.n});
  const tb::dense_view<T> c(of.c, {a.csr.rows(), of.n});
  const auto product = [&](const char* name, const auto& matrix) {
    return bench::row_major_product<T>(
        of, name, [policy, &matrix, b, c] { tb::multiply(policy, matrix, b, c); });
  };
  std::vector products{product("COO", a.coo), product("CSR", a.csr), product("bitmap", a.bitmap),
                       product("optimized", a.optimized)};
  if (!transposed) return products;
  const auto transposed_product = [&](const char* name, const auto& matrix) {
    products.push_back(bench::row_major_product<T>(
        of, name, [policy, &matrix, b, c] { tb::multiply(policy, tb::transposed(matrix), b, c); }));
  };
  transposed_product("CSR^T", a.transposed_csr);
  transposed_product("bitmap^T", a.transposed_bitmap);
  transposed_product("optimized^T", a.transposed_optimized);
  return products;
}

/// Further forms of products with one matrix, which give C = A B as well: with an addend, of zeros;
/// with a factor and steps in registers; with a callable; with B and C column-major.
template <class T, class A>
void add_forms(std::vector<bench::spmm_product<T>>& products, const std::string& name,
               const A& matrix, const bench::spmm_operands<T>& of) {
  const auto policy = tb::threads(of.threads);
  const tb::shape of_b(of.a.cols(), of.n);
  const tb::shape of_c(of.a.rows(), of.n);
  const tb::dense_view<const T> b(of.b, of_b);
  const tb::dense_view<T> c(of.c, of_c);
  const auto zeros = std::make_shared<tb::dense_matrix<T>>(of_c);
  const auto none = std::make_shared<std::vector<T>>(static_cast<std::size_t>(of.a.rows()));
  const auto halves = std::make_shared<std::vector<T>>(none->size(), T(0.5F));
  products.push_back(bench::row_major_product<T>(
      of, name + " +D", [=, &matrix] { tb::multiply(policy, matrix, b, *zeros, c); }));
  products.push_back(bench::row_major_product<T>(of, name + " steps", [=, &matrix] {
    tb::multiply(policy, tb::scaled(2, matrix), b, c,
                 tb::epilogue(tb::row_scale(*halves), tb::bias(*none)));
  }));
  products.push_back(bench::row_major_product<T>(of, name + " f", [=, &matrix] {
    tb::multiply(policy, matrix, b, c, [](T x) { return x; });
  }));
  const tb::dense_view<const T, tb::col_major> b_columns(of.b_columns, of_b);
  const tb::dense_view<T, tb::col_major> c_columns(of.c_columns, of_c);
  products.push_back(bench::col_major_product<T>(
      of, name + " col", [=, &matrix] { tb::multiply(policy, matrix, b_columns, c_columns); }));
}

std::string name_of(tb::format f) {
  switch (f) {
  case tb::format::coo:
    return "COO";
  case tb::format::csr:
    return "CSR";
  default:
    return std::string(tb::to_string(f));
  }
}

template <class T>
bench::spmm_result measure(const std::string& name, const forms<T>& a,
                           bench::dense_operands<T>& dense, int threads, const settings& s) {
  const std::int64_t n = dense.n;
  const auto of = dense.times(a.csr, a.dense.get(), threads);
  auto products = own_products(a, of, s.transposed);
  if (s.forms) {
    add_forms(products, "CSR", a.csr, of);
    add_forms(products, "bitmap", a.bitmap, of);
    add_forms(products, "optimized", a.optimized, of);
  }
  for (const auto& library : libraries(s)) {
    for (auto& product : library.products(of)) {
      // The row-major gemm is the one whose operands are those of the sparse products.
      if (!product.name.ends_with("gemm col")) products.push_back(std::move(product));
    }
  }
  bench::sampled_reference<T> expected(a.csr, of.b, n);
  std::vector<bench::task> tasks;
  for (const auto& product : products) {
    dense.spoil();
    product.run();
    if (!expected.admits(product)) {
      const std::string message = name + ": " + product.name + " leaves the error bound";
      if (bench::is_own(product.name)) throw std::runtime_error(message);
      std::fprintf(stderr, "%s\n", message.c_str());
    }
    if (product.name == "COO" && !s.coo) continue; // slow, and here only to be checked
    tasks.push_back({product.name, [&product] {
                       product.run();
                       benchmark::ClobberMemory();
                     }});
  }
  const bool with_optimize = threads == 1 && n == 64;
  if (with_optimize) {
    tasks.push_back(
        {"optimize", [&a] { benchmark::DoNotOptimize(tb::optimize(a.csr, tb::operation::spmm)); }});
  }
  const auto times = bench::measure(tasks, s.timing);

  bench::spmm_result r;
  r.name = name;
  r.type = std::is_same_v<T, float> ? "float" : "double";
  r.columns = n;
  r.threads = threads;
  r.rows = a.csr.rows();
  r.inner = a.csr.cols();
  r.nnz = a.csr.nnz();
  const auto statistics = tb::analyze(a.bitmap);
  r.fill = statistics.fill;
  r.megabytes = {{"COO", static_cast<double>(statistics.bytes.coo) * 1e-6},
                 {"CSR", static_cast<double>(statistics.bytes.csr) * 1e-6},
                 {"bitmap", static_cast<double>(statistics.bytes.bitmap) * 1e-6},
                 {"optimized", static_cast<double>(a.optimized.bytes()) * 1e-6}};
  for (std::size_t k = 0; k < tasks.size(); ++k) r.times[tasks[k].name] = times[k];
  if (with_optimize) {
    r.optimize_seconds = times.back().seconds;
    r.times.erase("optimize");
  }
  r.recommended = name_of(tb::recommend(a.csr, tb::operation::spmm, n).best);
  return r;
}

/// What may have a column of the table, in its order.
std::vector<std::string> shown(const settings& s) {
  std::vector<std::string> names{"CSR", "bitmap", "optimized"};
  if (s.coo) names.insert(names.begin(), "COO");
  if (s.transposed) names.insert(names.end(), {"CSR^T", "bitmap^T", "optimized^T"});
  for (const auto& library : libraries(s)) {
    if (library.name == "Eigen" || library.name == "oneMKL") {
      names.push_back(library.name + " row");
      names.push_back(library.name + " col");
    } else if (library.name == "GraphBLAS") {
      names.insert(names.end(), {"GraphBLAS", "GraphBLAS +="});
    } else {
      names.push_back(library.name);
    }
  }
  return names;
}

void print_head(const settings& s) {
  std::printf("useful GFLOP/s: 2 * nnz * N / time\n");
  std::printf("%-24s %-6s %4s %2s %8s %5s %5s |", "matrix", "type", "N", "th", "nnz", "dens.",
              "fill");
  for (const auto& name : shown(s))
    std::printf(" %*s", std::max<int>(7, name.size()), name.c_str());
  std::printf(s.no_peers ? "\n" : " | bitmap/peer opt/peer opt/dense\n");
}

void print(const bench::spmm_result& r, const settings& s) {
  std::printf("%-24.24s %-6s %4lld %2d %8lld %5.3f %5.2f |", r.name.c_str(), r.type.c_str(),
              static_cast<long long>(r.columns), r.threads, static_cast<long long>(r.nnz),
              r.density(), r.fill);
  for (const auto& name : shown(s)) {
    const int width = std::max<int>(7, name.size());
    if (r.times.count(name) == 0) {
      std::printf(" %*s", width, "");
    } else {
      std::printf(" %*.2f", width, r.flops(name) * 1e-9);
    }
  }
  if (!s.no_peers) {
    const double peer = r.best_sparse_peer();
    std::printf(" | %11.2f %8.2f", peer / r.time("bitmap"), peer / r.time("optimized"));
  }
  if (r.best_dense() > 0) std::printf(" %9.2f", r.best_dense() / r.time("optimized"));
  std::printf("\n");
  std::fflush(stdout);
}

template <class T>
void measure_all(const std::string& name, const bench::real_matrix& matrix, const settings& s,
                 std::vector<bench::spmm_result>& results) {
  forms<T> a(matrix, s);
  for (const std::int64_t n : s.columns) {
    const double size = static_cast<double>(matrix.rows() + matrix.cols()) *
                        static_cast<double>(n) * sizeof(T) * 1e-6;
    if (size > s.most_megabytes) {
      std::printf("%-24.24s %-6s %4lld: B and C have %.0f MB, left out\n", name.c_str(),
                  std::is_same_v<T, float> ? "float" : "double", static_cast<long long>(n), size);
      continue;
    }
    a.optimize_for(n);
    bench::dense_operands<T> dense(matrix.rows(), matrix.cols(), n);
    for (const int threads : s.threads) {
      results.push_back(measure<T>(name, a, dense, threads, s));
      print(results.back(), s);
    }
  }
}

void print_conditions(const std::string& commit, const bench::fma_peak& peak, const settings& s) {
  std::printf("%s; one core's FMA peak %.1f GFLOP/s float, %.1f double\n",
              bench::conditions_line(commit).c_str(), peak.of_float * 1e-9, peak.of_double * 1e-9);
  if (s.no_peers) return;
  std::printf("peers:");
  for (const auto& library : libraries(s)) {
    std::printf(" %s %s;", library.name.c_str(), library.version.c_str());
  }
  for (const auto& name : bench::missing_spmm_libraries()) {
    std::printf(" %s left out (not found);", name.c_str());
  }
  std::printf("\n");
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("SpMM of every format against other libraries, sparse and dense.");
  std::vector<std::string> paths;
  settings s;
  std::string counted = "dlmc_.*|lyra_.*|bcsstk13|bcsstk16|bcsstk29|vibrobox|fe_body";
  const auto list = [](CLI::Option* option) { option->allow_extra_args(false)->delimiter(','); };
  app.add_option("paths", paths, "files or folders; none: built-in inputs");
  list(app.add_option("--columns", s.columns, "columns of B and C")->check(CLI::PositiveNumber));
  list(app.add_option("--threads", s.threads, "numbers of threads")->check(CLI::PositiveNumber));
  list(
      app.add_option("--types", s.types, "value types")->check(CLI::IsMember({"float", "double"})));
  app.add_flag("--coo", s.coo, "also time COO, which is slow");
  app.add_flag("--transposed", s.transposed,
               "also time products with transposed(a), where a is A transposed");
  app.add_flag("--forms", s.forms,
               "also time products with an addend, steps, a callable, column-major B and C");
  app.add_flag("--no-peers", s.no_peers, "our own formats alone");
  app.add_option("--most-megabytes", s.most_megabytes, "leave out larger B and C together");
  app.add_option(
      "--counted", counted,
      "regular expression of the names that the summary counts; all, where none matches");
  bench::run_options common;
  common.add_to(app, s.timing);
  CLI11_PARSE(app, argc, argv);
  try {
    bench::spmm_run run;
    if (!common.summarize.empty()) {
      std::vector<bench::spmm_run> runs;
      for (const auto& file : common.summarize) runs.push_back(bench::read_spmm_json(file));
      bench::print_spmm_summary(runs, counted);
      return 0;
    }
    auto inputs = paths.empty() ? bench::built_in_spmm_inputs() : bench::inputs_of(paths);
    if (!paths.empty()) inputs.push_back(bench::random_input(bench::half_dense_name, 1024, 0.5));
    bench::start_timing(argv[0]);
    run.peak = bench::measure_fma_peak(s.timing);
    for (const auto& library : libraries(s)) {
      if (!library.dense) run.libraries.push_back(library.name);
    }
    print_conditions(common.commit, run.peak, s);
    print_head(s);
    for (const auto& in : inputs) {
      const auto loaded = in.load();
      if (!std::holds_alternative<bench::real_matrix>(loaded)) continue;
      const auto& a = std::get<bench::real_matrix>(loaded);
      for (const auto& type : s.types) {
        if (type == "float") {
          measure_all<float>(in.name, a, s, run.results);
        } else {
          measure_all<double>(in.name, a, s, run.results);
        }
      }
    }
    bench::print_spmm_summary({run}, counted);
    if (!common.json.empty()) {
      bench::write_spmm_json(common.json, run, s.timing, common.commit);
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "spmm: %s\n", e.what());
    return 1;
  }
}
