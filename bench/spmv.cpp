// SpMV of every format, and of optimize(a), against a plain CSR loop and other libraries, all in
// one process and interleaved.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/inspect.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "inputs.hpp"
#include "machine.hpp"
#include "measure.hpp"
#include "peers/peers.hpp"
#include "plain_csr.hpp"
#include "random.hpp"
#include "reference.hpp"

namespace {

namespace tb = tilebit;

const std::vector<std::string> own_formats{"COO", "CSR", "bitmap"};

/// One matrix, value type and number of threads.
struct result {
  std::string name;
  std::string type;
  int threads = 1;
  std::int64_t nnz = 0;
  double fill = 0;
  std::map<std::string, bench::timing> times;
  std::map<std::string, double> megabytes; ///< of our formats
  double optimize_seconds = 0;
  std::string recommended;

  double time(const std::string& of) const { return times.at(of).seconds; }
  double least(const std::vector<std::string>& of) const {
    double t = std::numeric_limits<double>::infinity();
    for (const auto& name_of : of) {
      if (times.count(name_of) != 0) t = std::min(t, time(name_of));
    }
    return t;
  }
};

std::vector<std::string> peer_names() {
  std::vector<std::string> names;
  for (const auto& library : bench::peer_libraries()) names.push_back(library.name);
  return names;
}

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
result measure(const std::string& name, const bench::real_matrix& from, int threads,
               const bench::timing_options& options) {
  const auto csr = as_csr<T>(from);
  const auto coo = tb::to_coo(csr);
  const auto bitmap = tb::to_bitmap(csr);
  const auto optimized = tb::optimize(csr);
  const auto x = random_vector<T>(csr.cols());
  std::vector<T> y(static_cast<std::size_t>(csr.rows()));
  const auto policy = tb::threads(threads);
  const bench::reference_product<T> expected(csr, x.data(), 1);

  std::vector<bench::task> tasks;
  const auto add = [&](const std::string& task, auto&& run, auto&& fetch, bool exact) {
    std::fill(y.begin(), y.end(), T(1e30F)); // must be overwritten
    run();
    fetch();
    if (!expected.admits(y.data(), 1)) {
      const std::string message = name + ": " + task + " leaves the error bound";
      if (exact) throw std::runtime_error(message);
      std::fprintf(stderr, "%s\n", message.c_str());
    }
    tasks.push_back({task, [run, &y] {
                       run();
                       benchmark::DoNotOptimize(y.data());
                       benchmark::ClobberMemory();
                     }});
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
  const std::size_t products = tasks.size();
  if (threads == 1) {
    tasks.push_back({"optimize", [&] { benchmark::DoNotOptimize(tb::optimize(csr)); }});
  }
  const auto times = bench::measure(tasks, options);

  result r;
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
  for (const auto& name : peer_names()) names.push_back(name);
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

void print(const result& r) {
  std::printf("%-28.28s %-6s %2d %9lld %5.2f |", r.name.c_str(), r.type.c_str(), r.threads,
              static_cast<long long>(r.nnz), r.fill);
  for (const auto& name : columns()) {
    if (r.times.count(name) == 0) {
      std::printf(" %9s", "");
    } else {
      std::printf(" %9.0f", r.time(name) * 1e12 / static_cast<double>(r.nnz));
    }
  }
  const double peer = r.least(peer_names());
  std::printf(" | %6.2f %6.2f %6.2f |", peer / r.time("bitmap"), peer / r.time("optimized"),
              r.least(own_formats) / r.time("optimized"));
  if (r.threads == 1) std::printf(" %4.0f", r.optimize_seconds / r.time("CSR"));
  std::printf("\n");
  std::fflush(stdout);
}

/// Geometric mean and least of ratio(r) over the results that belong.
template <class Belongs, class Ratio>
void print_mean(const std::vector<result>& results, const char* what, Belongs&& belongs,
                Ratio&& ratio) {
  for (const char* type : {"double", "float"}) {
    double logs = 0;
    double least = std::numeric_limits<double>::infinity();
    std::string where;
    int count = 0;
    for (const auto& r : results) {
      if (r.type != type || r.nnz == 0 || !belongs(r)) continue;
      const double value = ratio(r);
      if (!std::isfinite(value)) continue;
      logs += std::log(value);
      if (value < least) where = r.name;
      least = std::min(least, value);
      ++count;
    }
    if (count == 0) continue;
    std::printf("%-62s %-6s %3d matrices: %6.2f, least %5.2f (%s)\n", what, type, count,
                std::exp(logs / count), least, where.c_str());
  }
}

void print_summary(const std::vector<result>& results) {
  const auto one = [](const result& r) { return r.threads == 1; };
  const auto filled = [](double fill) {
    return [fill](const result& r) { return r.threads == 1 && r.fill >= fill; };
  };
  const auto peers = peer_names();
  const std::vector<std::string> plain{"Eigen", "plain CSR"};
  const auto over = [](const std::vector<std::string>& others, const char* ours) {
    return [others, ours](const result& r) { return r.least(others) / r.time(ours); };
  };
  std::printf("\ngeometric means of time ratios, one thread\n");
  print_mean(results, "bitmap, fill >= 3, over the best peer", filled(3), over(peers, "bitmap"));
  print_mean(results, "bitmap, fill >= 3, over the better of Eigen and plain CSR", filled(3),
             over(plain, "bitmap"));
  print_mean(results, "bitmap, fill >= 8, over the best peer", filled(8), over(peers, "bitmap"));
  print_mean(results, "bitmap, fill >= 8, over the better of Eigen and plain CSR", filled(8),
             over(plain, "bitmap"));
  print_mean(results, "optimized over the best peer", one, over(peers, "optimized"));
  print_mean(results, "optimized over the better of Eigen and plain CSR", one,
             over(plain, "optimized"));
  print_mean(results, "optimized over the best of COO, CSR and bitmap", one,
             over(own_formats, "optimized"));
  for (const auto& name : peers) {
    print_mean(results, ("CSR over " + name).c_str(), one, over({name}, "CSR"));
  }
  print_mean(results, "optimize(csr), in SpMVs of CSR", one,
             [](const result& r) { return r.optimize_seconds / r.time("CSR"); });
  for (const char* type : {"double", "float"}) {
    int good = 0;
    int count = 0;
    for (const auto& r : results) {
      if (r.type != type || r.threads != 1 || r.nnz == 0) continue;
      good += r.time(r.recommended) <= 1.05 * r.least(own_formats);
      ++count;
    }
    std::printf("%-62s %-6s %3d of %d matrices\n", "recommend within 5% of the best format", type,
                good, count);
  }
  for (const char* format : {"COO", "CSR", "bitmap", "optimized"}) {
    const auto speedup = [&](const result& r) {
      for (const auto& other : results) {
        if (other.name == r.name && other.type == r.type && other.threads == 1) {
          return other.time(format) / r.time(format);
        }
      }
      return std::numeric_limits<double>::quiet_NaN();
    };
    print_mean(
        results, (std::string(format) + ", two threads over one, above 8 MB").c_str(),
        [&](const result& r) { return r.threads == 2 && r.megabytes.at(format) > 8; }, speedup);
  }
}

void write_json(const std::string& path, const std::vector<result>& results,
                const bench::timing_options& options, const std::string& commit) {
  nlohmann::json out;
  out["conditions"] = {{"processor", bench::processor_name()},
                       {"compiler", bench::compiler_name()},
                       {"flags", TILEBIT_BENCH_FLAGS},
                       {"isa", tb::to_string(tb::active_isa())},
                       {"threads", 1}, // of the pictures
                       {"repetitions", options.repetitions},
                       {"commit", commit}};
  for (const auto& library : bench::peer_libraries()) {
    out["peers"].push_back({{"name", library.name}, {"version", library.version}});
  }
  for (const auto& r : results) {
    nlohmann::json row{{"name", r.name},
                       {"type", r.type},
                       {"threads", r.threads},
                       {"nnz", r.nnz},
                       {"fill", r.fill},
                       {"recommended", r.recommended},
                       {"optimize_seconds", r.optimize_seconds}};
    for (const auto& [name, t] : r.times) {
      row["seconds"][name] = t.seconds;
      row["spread"][name] = t.spread;
    }
    for (const auto& [name, m] : r.megabytes) row["megabytes"][name] = m;
    out["results"].push_back(row);
  }
  std::ofstream file(path);
  file << out.dump(1) << '\n';
  if (!file) throw std::runtime_error("cannot write " + path);
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("SpMV of every format against other libraries.");
  std::vector<std::string> paths;
  std::vector<int> threads{1, 2};
  std::string json;
  std::string commit = "unknown";
  bench::timing_options options;
  app.add_option("paths", paths, "files or folders; none: built-in inputs");
  app.add_option("--threads", threads, "numbers of threads")
      ->allow_extra_args(false)
      ->delimiter(',');
  app.add_option("--repetitions", options.repetitions, "timed repetitions")
      ->check(CLI::Range(2, 1000));
  app.add_option("--min-time", options.min_seconds, "seconds of each")->check(CLI::PositiveNumber);
  app.add_option("--json", json, "also write the figures to this file");
  app.add_option("--commit", commit, "shown as the version that is measured");
  CLI11_PARSE(app, argc, argv);
  try {
    const auto inputs = paths.empty() ? bench::built_in_inputs() : bench::inputs_of(paths);
    bench::start_timing(argv[0]);
    std::printf("%s; %s %s; %s; commit %s\npeers:", bench::processor_name().c_str(),
                bench::compiler_name().c_str(), TILEBIT_BENCH_FLAGS,
                std::string(tb::to_string(tb::active_isa())).c_str(), commit.c_str());
    for (const auto& library : bench::peer_libraries()) {
      std::printf(" %s %s;", library.name.c_str(), library.version.c_str());
    }
    for (const auto& name : bench::missing_libraries()) {
      std::printf(" %s left out (not found);", name.c_str());
    }
    std::printf("\n");
    print_head();
    std::vector<result> results;
    for (const auto& in : inputs) {
      const auto a = in.load();
      if (!std::holds_alternative<bench::real_matrix>(a)) continue;
      const auto& real = std::get<bench::real_matrix>(a);
      for (const int n : threads) {
        results.push_back(measure<double>(in.name, real, n, options));
        print(results.back());
        results.push_back(measure<float>(in.name, real, n, options));
        print(results.back());
      }
    }
    print_summary(results);
    if (!json.empty()) write_json(json, results, options, commit);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "spmv: %s\n", e.what());
    return 1;
  }
}
