// COO against CSR against bitmap: one row of figures for every matrix, checked while it runs.
#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <complex>
#include <cstdio>
#include <exception>
#include <string>
#include <type_traits>
#include <unistd.h>
#include <utility>
#include <vector>

#include <tilebit/tilebit.hpp>

#include "bandwidth.hpp"
#include "inputs.hpp"
#include "machine.hpp"
#include "measure.hpp"
#include "random.hpp"
#include "reference.hpp"
#include "report.hpp"

namespace {

namespace tb = tilebit;

template <class T>
constexpr const char* type_name() {
  if constexpr (std::is_same_v<T, float>) return "float";
  if constexpr (std::is_same_v<T, double>) return "double";
  if constexpr (std::is_same_v<T, std::complex<float>>) return "cfloat";
  return "cdouble";
}

/// The same matrix with other values.
template <class T, class From>
tb::coo_matrix<T> converted(const tb::coo_matrix<From>& a) {
  if constexpr (std::is_same_v<T, From>) {
    return a;
  } else {
    std::vector<T> values;
    for (const From& x : a.values()) values.push_back(T(x));
    return {values, a.row_indices(), a.col_indices(), {a.rows(), a.cols()}};
  }
}

template <class T>
std::vector<T> random_values(std::int64_t n, std::uint64_t seed) {
  bench::splitmix64 random(seed);
  std::vector<T> v(static_cast<std::size_t>(n));
  for (T& x : v) {
    if constexpr (std::is_arithmetic_v<T>) {
      x = static_cast<T>(random.value());
    } else {
      x = T(static_cast<typename T::value_type>(random.value()),
            static_cast<typename T::value_type>(random.value()));
    }
  }
  return v;
}

/// All figures of one matrix. Throws std::runtime_error when a product leaves its error bound.
template <class T>
class comparison {
public:
  comparison(std::string name, tb::coo_matrix<T> a, const bench::conditions& conditions)
      : conditions_(conditions), coo_(std::move(a)), csr_(tb::to_csr(coo_)),
        bitmap_(tb::to_bitmap(csr_)), n_(conditions.spmm_columns),
        x_(random_values<T>(coo_.cols(), 11)), y_(static_cast<std::size_t>(coo_.rows())),
        b_(random_values<T>(coo_.cols() * n_, 12), {coo_.cols(), n_}), c_({coo_.rows(), n_}) {
    const auto s = tb::analyze(bitmap_);
    row_.name = std::move(name);
    row_.type = type_name<T>();
    row_.rows = s.rows;
    row_.cols = s.cols;
    row_.nnz = s.nnz;
    row_.tiles = s.tiles;
    row_.fill = s.fill;
    row_.bytes = {static_cast<double>(s.bytes.coo), static_cast<double>(s.bytes.csr),
                  static_cast<double>(s.bytes.bitmap)};
    constexpr double per_entry = std::is_arithmetic_v<T> ? 2 : 8; // a complex product and sum: 8
    row_.flops = per_entry * static_cast<double>(s.nnz);
    for (std::size_t f = 0; f < 3; ++f) {
      row_.spmv_bytes[f] =
          row_.bytes[f] + static_cast<double>(sizeof(T)) * static_cast<double>(s.rows + s.cols);
      row_.bandwidth[f] = bench::bandwidth_for(conditions.bandwidth, row_.spmv_bytes[f]);
    }
  }

  bench::row run() {
    check();
    const auto policy = tb::threads(conditions_.threads);
    const auto spmv = [&](const auto& a) {
      return [&, policy] {
        tb::multiply(policy, a, x_, y_);
        benchmark::DoNotOptimize(y_.data());
        benchmark::ClobberMemory();
      };
    };
    const auto spmm = [&](const auto& a) {
      return [&, policy] {
        tb::multiply(policy, a, b_, c_);
        benchmark::DoNotOptimize(c_.data());
        benchmark::ClobberMemory();
      };
    };
    const auto times =
        bench::measure({{"SpMV COO", spmv(coo_)},
                        {"SpMV CSR", spmv(csr_)},
                        {"SpMV bitmap", spmv(bitmap_)},
                        {"SpMM COO", spmm(coo_)},
                        {"SpMM CSR", spmm(csr_)},
                        {"SpMM bitmap", spmm(bitmap_)},
                        {"COO to CSR", [&] { benchmark::DoNotOptimize(tb::to_csr(coo_)); }},
                        {"COO to bitmap", [&] { benchmark::DoNotOptimize(tb::to_bitmap(coo_)); }}},
                       conditions_.timing);
    for (std::size_t f = 0; f < 3; ++f) {
      row_.spmv[f] = times[f];
      row_.spmm[f] = times[3 + f];
    }
    row_.conversion[bench::csr] = times[6];
    row_.conversion[bench::bitmap] = times[7];
    return row_;
  }

private:
  void check() {
    const bench::reference_product<T> expected(csr_, x_.data(), 1);
    const auto check_spmv = [&](const auto& a, const char* format) {
      std::fill(y_.begin(), y_.end(), T(1e30F)); // must be overwritten
      tb::multiply(tb::threads(conditions_.threads), a, x_, y_);
      if (!expected.admits(y_.data(), 1)) wrong("SpMV", format);
    };
    check_spmv(coo_, "COO");
    check_spmv(csr_, "CSR");
    check_spmv(bitmap_, "bitmap");

    const auto product = [&](const auto& a) {
      tb::dense_matrix<T> c({a.rows(), n_});
      tb::multiply(tb::threads(conditions_.threads), a, b_, c);
      return c;
    };
    const std::array<tb::dense_matrix<T>, 3> c{product(coo_), product(csr_), product(bitmap_)};
    const auto stride = static_cast<std::size_t>(n_);
    for (std::size_t j = 0; j < stride; ++j) {
      const bench::reference_product<T> column(csr_, b_.data() + j, stride);
      for (std::size_t f = 0; f < 3; ++f) {
        if (!column.admits(c[f].data() + j, stride)) wrong("SpMM", bench::format_names[f]);
      }
    }
  }

  [[noreturn]] void wrong(const char* what, const char* format) const {
    throw std::runtime_error(row_.name + ": " + what + " in " + format +
                             " format leaves its error bound");
  }

  const bench::conditions& conditions_;
  tb::coo_matrix<T> coo_;
  tb::csr_matrix<T> csr_;
  tb::bitmap_matrix<T> bitmap_;
  std::int64_t n_;
  std::vector<T> x_;
  std::vector<T> y_;
  tb::dense_matrix<T> b_;
  tb::dense_matrix<T> c_;
  bench::row row_;
};

bench::row compare(const bench::input& in, bool single, const bench::conditions& conditions) {
  return std::visit(
      [&]<class From>(const tb::coo_matrix<From>& a) {
        constexpr bool real = std::is_arithmetic_v<From>;
        using narrow = std::conditional_t<real, float, std::complex<float>>;
        return single ? comparison<narrow>(in.name, converted<narrow>(a), conditions).run()
                      : comparison<From>(in.name, a, conditions).run();
      },
      in.load());
}

void show_progress(std::size_t k, std::size_t n, const std::string& name) {
  const bool terminal = isatty(STDERR_FILENO) != 0;
  std::fprintf(stderr, terminal ? "\r\033[K[%zu/%zu] %s%s" : "[%zu/%zu] %s%s", k, n, name.c_str(),
               terminal && k < n ? "" : "\n");
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Compares sparse matrices in COO, CSR and bitmap format: bytes, conversions, SpMV, SpMM.");
  std::vector<std::string> paths;
  std::string type = "double";
  std::string json;
  std::string csv;
  bench::conditions conditions;
  conditions.commit = "unknown";
  app.add_option("paths", paths,
                 "files (.mtx, .smtx, each also .gz) or folders; none: built-in inputs");
  app.add_option("--type", type, "value type")->check(CLI::IsMember({"float", "double"}));
  app.add_option("--threads", conditions.threads, "threads of each product")
      ->check(CLI::PositiveNumber);
  app.add_option("--columns", conditions.spmm_columns, "columns of B in SpMM")
      ->check(CLI::PositiveNumber);
  app.add_option("--repetitions", conditions.timing.repetitions, "timed repetitions")
      ->check(CLI::Range(2, 1000));
  app.add_option("--min-time", conditions.timing.min_seconds, "seconds of each")
      ->check(CLI::PositiveNumber);
  app.add_option("--json", json, "also write the figures to this file");
  app.add_option("--csv", csv, "also write the figures to this file");
  app.add_option("--commit", conditions.commit, "shown as the version that is measured");
  CLI11_PARSE(app, argc, argv);

  try {
    const auto inputs = paths.empty() ? bench::built_in_inputs() : bench::inputs_of(paths);
    bench::start_timing(argv[0]);
    conditions.processor = bench::processor_name();
    conditions.compiler = bench::compiler_name();
    conditions.flags = TILEBIT_BENCH_FLAGS;
    conditions.isa = tb::to_string(tb::active_isa());
    conditions.bandwidth = bench::measure_bandwidth(conditions.timing);
    bench::print_head(conditions);
    std::vector<bench::row> rows;
    for (std::size_t k = 0; k < inputs.size(); ++k) {
      show_progress(k + 1, inputs.size(), inputs[k].name);
      rows.push_back(compare(inputs[k], type == "float", conditions));
      if (isatty(STDERR_FILENO) != 0) std::fputs("\r\033[K", stderr);
      bench::print_row(rows.back());
    }
    bench::print_summary(rows);
    if (!json.empty()) bench::write_json(json, conditions, rows);
    if (!csv.empty()) bench::write_csv(csv, conditions, rows);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "\ncompare: %s\n", e.what());
    return 1;
  }
}
