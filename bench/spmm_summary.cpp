// What the runs of bench/spmm come to.
#include <cmath>
#include <cstdio>
#include <functional>
#include <regex>

#include "spmm_results.hpp"
#include "summary.hpp"

namespace bench {
namespace {

using filter = std::function<bool(const spmm_result&)>;
using figure = std::function<double(const spmm_run&, const spmm_result&)>;

/// Geometric mean and extreme over the results that belong, for each value type.
void print_mean(const std::vector<spmm_run>& runs, const std::string& what, const filter& belongs,
                const figure& ratio, extreme shown = extreme::least) {
  for (const char* type : {"double", "float"}) {
    std::vector<std::pair<double, std::string>> values;
    for (std::size_t k = 0; k < runs.front().results.size(); ++k) {
      const spmm_result& first = runs.front().results[k];
      if (first.type != type || first.nnz == 0 || !belongs(first)) continue;
      std::vector<double> ratios;
      for (const spmm_run& run : runs) ratios.push_back(ratio(run, run.results[k]));
      const double value = median(ratios);
      if (!std::isfinite(value)) continue; // a product that was not measured
      values.emplace_back(value, first.name + ", N " + std::to_string(first.columns));
    }
    print_mean_line(what, type, values, shown, "cases");
  }
}

/// The result of the same matrix and type with other columns or threads.
const spmm_result* other(const spmm_run& run, const spmm_result& r, std::int64_t columns,
                         int threads) {
  for (const auto& o : run.results) {
    if (o.name == r.name && o.type == r.type && o.columns == columns && o.threads == threads) {
      return &o;
    }
  }
  return nullptr;
}

double megabytes_of_operands(const spmm_result& r) {
  const double values = static_cast<double>(r.rows + r.inner) * static_cast<double>(r.columns);
  return values * (r.type == "float" ? 4 : 8) * 1e-6;
}

void print_recommended(const std::vector<spmm_run>& runs, const filter& belongs) {
  for (const char* type : {"double", "float"}) {
    std::vector<double> good;
    int count = 0;
    for (const auto& run : runs) {
      good.push_back(0);
      count = 0;
      for (const auto& r : run.results) {
        if (r.type != type || r.nnz == 0 || !belongs(r)) continue;
        if (std::isnan(r.time(r.recommended))) continue; // COO, which is not always timed
        good.back() += r.time(r.recommended) <= 1.05 * r.best_own() ? 1 : 0;
        ++count;
      }
    }
    if (count == 0) continue;
    std::printf("%-62s %-6s %3.0f of %d cases\n", "recommend within 5% of the best format", type,
                median(good), count);
  }
}

} // namespace

void print_spmm_summary(const std::vector<spmm_run>& runs, const std::string& counted) {
  require_same_results(runs, [](const spmm_result& a, const spmm_result& b) {
    return a.name == b.name && a.type == b.type && a.columns == b.columns && a.threads == b.threads;
  });
  const std::regex names(counted);
  const auto matches = [&](const spmm_result& r) { return std::regex_match(r.name, names); };
  const auto& results = runs.front().results;
  const bool any = std::any_of(results.begin(), results.end(), matches);
  const auto counts = [&](const spmm_result& r) { return !any || matches(r); };
  const filter one = [&](const spmm_result& r) { return r.threads == 1 && counts(r); };
  const auto dense_enough = [](const spmm_result& r, double least, double most) {
    return 1 - r.density() >= least && 1 - r.density() <= most;
  };
  const filter half = [&](const spmm_result& r) {
    return r.threads == 1 && (counts(r) || r.name == half_dense_name) &&
           dense_enough(r, 0.45, 0.55);
  };
  std::printf("\ngeometric means of time ratios, one thread; medians of %zu run%s; %s\n",
              runs.size(), runs.size() == 1 ? "" : "s",
              any ? ("matrices " + counted).c_str() : "all matrices");
  for (const char* format : {"bitmap", "optimized"}) {
    const std::string ours = format;
    for (const auto& library : runs.front().libraries) {
      print_mean(runs, ours + " over " + library, one, [&](const spmm_run&, const spmm_result& r) {
        return r.library_time(library) / r.time(ours);
      });
    }
    print_mean(
        runs, ours + " over the best sparse library", one,
        [&](const spmm_run&, const spmm_result& r) { return r.best_sparse_peer() / r.time(ours); });
    const figure over_dense = [&](const spmm_run&, const spmm_result& r) {
      return r.best_dense() / r.time(ours);
    };
    print_mean(
        runs, ours + " over dense, sparsity 0.55 to 0.97",
        [&](const spmm_result& r) { return one(r) && dense_enough(r, 0.55, 0.97); }, over_dense);
    print_mean(
        runs, ours + " over dense, sparsity 0.45 to 0.55, N 64 to 512",
        [&](const spmm_result& r) { return half(r) && r.columns >= 64 && r.columns <= 512; },
        over_dense);
    for (const std::int64_t columns : {512, 1024}) {
      print_mean(
          runs,
          ours + ", GFLOP/s at N " + std::to_string(columns) + " over N 128, B and C in 64 MB",
          [&](const spmm_result& r) {
            return one(r) && r.columns == columns && megabytes_of_operands(r) <= 64;
          },
          [&](const spmm_run& run, const spmm_result& r) {
            const auto* base = other(run, r, 128, 1);
            return base == nullptr ? std::nan("") : r.flops(ours) / base->flops(ours);
          });
    }
    print_mean(
        runs, ours + ", share of the FMA peak, sparsity 0.45 to 0.55, N 128",
        [&](const spmm_result& r) { return half(r) && r.columns == 128; },
        [&](const spmm_run& run, const spmm_result& r) {
          return r.flops(ours) / (r.type == "float" ? run.peak.of_float : run.peak.of_double);
        });
  }
  print_mean(
      runs, "bitmap over CSR, fill >= 2",
      [&](const spmm_result& r) { return one(r) && r.fill >= 2; },
      [](const spmm_run&, const spmm_result& r) { return r.time("CSR") / r.time("bitmap"); });
  print_mean(
      runs, "optimized over the best of our formats", one,
      [](const spmm_run&, const spmm_result& r) { return r.best_own() / r.time("optimized"); });
  for (const char* format : {"CSR", "bitmap", "optimized"}) {
    const std::string ours = format;
    print_mean(
        runs, ours + ", two threads over one",
        [&](const spmm_result& r) { return r.threads == 2 && counts(r); },
        [&](const spmm_run& run, const spmm_result& r) {
          const auto* single = other(run, r, r.columns, 1);
          return single == nullptr ? std::nan("") : single->time(ours) / r.time(ours);
        });
  }
  for (const char* format : {"CSR", "bitmap", "optimized"}) {
    const std::string ours = format;
    print_mean(
        runs, "time of the transposed product over the plain one, " + ours, one,
        [&](const spmm_run&, const spmm_result& r) { return r.time(ours + "^T") / r.time(ours); },
        extreme::largest);
  }
  for (const char* form : {" +D", " steps", " f", " col"}) {
    for (const char* format : {"CSR", "bitmap", "optimized"}) {
      const std::string ours = format;
      print_mean(
          runs, "time of \"" + ours + form + "\" over the plain product", one,
          [&](const spmm_run&, const spmm_result& r) { return r.time(ours + form) / r.time(ours); },
          extreme::largest);
    }
  }
  print_recommended(runs, one);
  print_mean(
      runs, "optimize(csr, spmm), in optimized SpMMs of 64 columns",
      [&](const spmm_result& r) { return one(r) && r.optimize_seconds > 0 && r.columns == 64; },
      [](const spmm_run&, const spmm_result& r) {
        return r.optimize_seconds / r.time("optimized");
      },
      extreme::largest);
  print_mean(
      runs, "bytes of the optimized matrix over those of CSR",
      [&](const spmm_result& r) { return one(r) && r.columns == results.front().columns; },
      [](const spmm_run&, const spmm_result& r) {
        return r.megabytes.at("optimized") / r.megabytes.at("CSR");
      },
      extreme::largest);
}

} // namespace bench
