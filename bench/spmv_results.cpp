#include "spmv_results.hpp"

#include <cmath>
#include <cstdio>

#include "peers/peers.hpp"
#include "run_json.hpp"
#include "summary.hpp"

namespace bench {
namespace {

/// Geometric mean and extreme of ratio(r) over the results that belong, of both value types.
template <class Belongs, class Ratio>
void print_mean(const std::vector<spmv_run>& runs, const std::string& what, Belongs&& belongs,
                Ratio&& ratio, extreme shown = extreme::least) {
  for (const char* type : {"double", "float"}) {
    std::vector<std::pair<double, std::string>> values;
    for (std::size_t k = 0; k < runs.front().results.size(); ++k) {
      const spmv_result& first = runs.front().results[k];
      if (first.type != type || first.nnz == 0 || !belongs(first)) continue;
      std::vector<double> ratios;
      for (const spmv_run& run : runs) ratios.push_back(ratio(run, run.results[k]));
      const double value = median(ratios);
      if (!std::isfinite(value)) continue;
      values.emplace_back(value, first.name);
    }
    print_mean_line(what, type, values, shown);
  }
}

/// The time of the same product on one thread.
double single_thread_time(const spmv_run& run, const spmv_result& r, const std::string& of) {
  for (const auto& other : run.results) {
    if (other.name == r.name && other.type == r.type && other.threads == 1) return other.time(of);
  }
  return std::numeric_limits<double>::quiet_NaN();
}

} // namespace

std::vector<std::string> peer_names() {
  std::vector<std::string> names;
  for (const auto& library : peer_libraries()) names.push_back(library.name);
  return names;
}

void write_spmv_json(const std::string& path, const spmv_run& run, const timing_options& options,
                     const std::string& commit) {
  nlohmann::json out;
  out["conditions"] = conditions_json(options, commit);
  for (const auto& library : peer_libraries()) {
    out["peers"].push_back({{"name", library.name}, {"version", library.version}});
  }
  for (const auto& r : run.results) {
    nlohmann::json row{{"name", r.name},
                       {"type", r.type},
                       {"threads", r.threads},
                       {"nnz", r.nnz},
                       {"fill", r.fill},
                       {"recommended", r.recommended},
                       {"optimize_seconds", r.optimize_seconds}};
    put_times(row, r.times);
    for (const auto& [name, m] : r.megabytes) row["megabytes"][name] = m;
    out["results"].push_back(row);
  }
  write_json_file(path, out);
}

spmv_run read_spmv_json(const std::string& path) {
  const auto in = read_json_file(path);
  spmv_run run;
  if (in.contains("peers")) {
    for (const auto& peer : in["peers"]) run.peers.push_back(peer.at("name"));
  }
  for (const auto& row : in.at("results")) {
    spmv_result r;
    r.name = row.at("name");
    r.type = row.at("type");
    r.threads = row.at("threads");
    r.nnz = row.at("nnz");
    r.fill = row.at("fill");
    r.recommended = row.at("recommended");
    r.optimize_seconds = row.at("optimize_seconds");
    r.times = get_times(row);
    for (const auto& [name, m] : row.at("megabytes").items()) r.megabytes[name] = m;
    run.results.push_back(r);
  }
  return run;
}

void print_spmv_summary(const std::vector<spmv_run>& runs) {
  require_same_results(runs, [](const spmv_result& a, const spmv_result& b) {
    return a.name == b.name && a.type == b.type && a.threads == b.threads;
  });
  const auto one = [](const spmv_result& r) { return r.threads == 1; };
  const auto filled = [](double fill) {
    return [fill](const spmv_result& r) { return r.threads == 1 && r.fill >= fill; };
  };
  const auto& peers = runs.front().peers;
  const std::vector<std::string> plain{"Eigen", "plain CSR"};
  const auto over = [](const std::vector<std::string>& others, const std::string& ours) {
    return [others, ours](const spmv_run&, const spmv_result& r) {
      return r.least(others) / r.time(ours);
    };
  };
  std::printf("\ngeometric means of time ratios, one thread; medians of %zu run%s\n", runs.size(),
              runs.size() == 1 ? "" : "s");
  for (const double fill : {3.0, 8.0}) {
    const std::string what = "bitmap, fill >= " + std::to_string(static_cast<int>(fill));
    print_mean(runs, what + ", over the best peer", filled(fill), over(peers, "bitmap"));
    print_mean(runs, what + ", over the better of Eigen and plain CSR", filled(fill),
               over(plain, "bitmap"));
  }
  print_mean(runs, "bitmap, fill >= 4, over Eigen", filled(4), over({"Eigen"}, "bitmap"));
  print_mean(runs, "optimized over the best peer", one, over(peers, "optimized"));
  print_mean(runs, "optimized over the better of Eigen and plain CSR", one,
             over(plain, "optimized"));
  print_mean(runs, "optimized over the best of COO, CSR and bitmap", one,
             over(own_formats, "optimized"));
  for (const auto& name : peers) {
    print_mean(runs, "CSR over " + name, one, over({name}, "CSR"));
  }
  print_mean(
      runs, "optimize(csr), in SpMVs of CSR", one,
      [](const spmv_run&, const spmv_result& r) { return r.optimize_seconds / r.time("CSR"); },
      extreme::largest);
  for (const char* type : {"double", "float"}) {
    std::vector<double> good(runs.size());
    int count = 0;
    for (std::size_t run = 0; run < runs.size(); ++run) {
      count = 0;
      for (const auto& r : runs[run].results) {
        if (r.type != type || r.threads != 1 || r.nnz == 0) continue;
        good[run] += r.time(r.recommended) <= 1.05 * r.least(own_formats) ? 1 : 0;
        ++count;
      }
    }
    std::printf("%-62s %-6s %3.0f of %d matrices\n", "recommend within 5% of the best format", type,
                median(good), count);
  }
  for (const char* format : {"COO", "CSR", "bitmap", "optimized"}) {
    const std::string name = format;
    print_mean(
        runs, "transposed over plain time, " + name, one,
        [&](const spmv_run&, const spmv_result& r) { return r.time(name + "^T") / r.time(name); },
        extreme::largest);
  }
  print_mean(
      runs, "transposed over plain time, optimized for it", one,
      [](const spmv_run&, const spmv_result& r) {
        return r.time("optimized for it^T") / r.time("optimized");
      },
      extreme::largest);
  for (const char* format : {"CSR", "bitmap", "optimized"}) {
    const std::string name = format;
    print_mean(
        runs, "time of b - A x over that of A x, " + name, one,
        [&](const spmv_run&, const spmv_result& r) {
          return r.time(name + ", b - A x") / r.time(name);
        },
        extreme::largest);
  }
  for (const char* format :
       {"COO", "CSR", "bitmap", "optimized", "COO^T", "CSR^T", "bitmap^T", "optimized^T"}) {
    const std::string name = format;
    const std::string stored = name.substr(0, name.find('^'));
    print_mean(
        runs, name + ", two threads over one, above 8 MB",
        [&](const spmv_result& r) { return r.threads == 2 && r.megabytes.at(stored) > 8; },
        [&](const spmv_run& run, const spmv_result& r) {
          return single_thread_time(run, r, name) / r.time(name);
        });
  }
}

} // namespace bench
