// Pruned layers of networks as frameworks call them, Y = X W^T with row-major X and Y: bitmap grid
// and optimize(grid) in bfloat16 and 8-bit integers against dense and packed sparse products of
// oneDNN, in one process and interleaved. Before it, what feeding a matrix unit costs by format.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "feed.hpp"
#include "inputs.hpp"
#include "machine.hpp"
#include "measure.hpp"
#include "options.hpp"
#include "peers/tensor.hpp"
#include "tensor_benchmark.hpp"
#include "tensor_layer.hpp"
#include "tensor_results.hpp"

namespace {

namespace tb = tilebit;

void print_head() {
  std::printf("\n%-16s %-4s %5s %-6s %2s %8s %9s | %-12s", "layer", "type", "batch", "from", "th",
              "sparsity", "nnz", "dense us");
  std::printf(" | %10s %8s %6s | %10s %8s %6s | %10s\n", "grid us", "MB", "ratio", "optim. us",
              "MB", "ratio", "spread");
}

/// A number of this many places; blanks where there was nothing to compare with.
void print_number(int width, int decimals, double x) {
  if (std::isfinite(x)) {
    std::printf(" %*.*f", width, decimals, x);
  } else {
    std::printf(" %*s", width, "");
  }
}

void print(const bench::tensor_result& r) {
  std::printf("%-16.16s %-4s %5lld %-6s %2d %7.1f%% %9lld |", r.layer.c_str(), r.type.c_str(),
              static_cast<long long>(r.batch), r.from_memory ? "memory" : "cache", r.threads,
              100 * r.sparsity, static_cast<long long>(r.nnz));
  print_number(12, 1, r.best_dense() * 1e6);
  double spread = 0;
  for (const auto& [name, t] : r.times) spread = std::max(spread, t.spread);
  for (const auto& form : bench::tensor_forms) {
    std::printf(" | %10.1f %8.2f", r.time(form) * 1e6, r.bytes.at(form) * 1e-6);
    print_number(6, 2, r.best_dense() / r.time(form));
  }
  std::printf(" | %9.1f%%\n", 100 * spread);
  std::fflush(stdout);
}

template <class T>
void measure_cases(bench::tensor_benchmark<T>& layer, const bench::tensor_settings& s,
                   bench::tensor_run& run) {
  for (const int threads : s.threads) {
    for (const std::int64_t batch : s.batches) {
      for (const bool from_memory : {true, false}) {
        if (from_memory && (batch != 1 || !layer.fits_memory_case())) continue;
        for (auto& r : layer.measure({batch, from_memory, threads})) {
          print(r);
          run.results.push_back(std::move(r));
        }
      }
    }
  }
}

std::pair<std::int64_t, std::int64_t> size_of(const std::string& layer) {
  std::size_t used = 0;
  const std::int64_t m = std::stoll(layer, &used);
  if (used >= layer.size() || layer[used] != 'x') {
    throw std::runtime_error(layer + " is not of the form 4096x11008");
  }
  return {m, std::stoll(layer.substr(used + 1))};
}

template <class T>
void measure_layer(const std::string& name, const bench::tensor_settings& s,
                   bench::tensor_run& run) {
  const auto [m, k] = size_of(name);
  auto weights = bench::random_layer<T>(m, k);
  const auto view = weights.view();
  bench::tensor_benchmark<T> layer(std::move(weights), s);
  for (const double percent : s.sparsity) {
    layer.add(percent / 100, tb::prune_to_sparsity(view, percent / 100).matrix);
  }
  measure_cases(layer, s, run);
}

double sparsity_of(const bench::real_matrix& a) {
  return 1 - static_cast<double>(a.nnz()) /
                 (static_cast<double>(a.rows()) * static_cast<double>(a.cols()));
}

template <class T>
void measure_file(const std::string& name, const bench::real_matrix& a,
                  const bench::tensor_settings& s, bench::tensor_run& run) {
  const auto weights = bench::weights_of<T>(a);
  bench::dense_layer<T> dense{name, a.rows(), a.cols(),
                              bench::make_aligned<T>(a.rows() * a.cols())};
  tb::to_dense(weights, tb::dense_view<T>(dense.w.get(), {a.rows(), a.cols()}));
  bench::tensor_benchmark<T> layer(std::move(dense), s);
  layer.add(sparsity_of(a), weights);
  measure_cases(layer, s, run);
}

void measure_feeds(const bench::tensor_settings& s,
                   const std::vector<std::pair<std::string, bench::real_matrix>>& files,
                   bench::tensor_run& run) {
  bench::print_feed_head();
  const auto add = [&](const std::string& name, double sparsity,
                       const tb::bitmap_grid<tb::bfloat16>& a) {
    run.feeds.push_back(bench::measure_feed(name, sparsity, a, s.timing));
    bench::print_feed(run.feeds.back());
  };
  for (const auto& [name, a] : files) {
    add(name, sparsity_of(a), tb::to_bitmap_grid(bench::weights_of<tb::bfloat16>(a)));
  }
  if (!files.empty()) return;
  const auto& name = s.layers.front(); // one layer: what it costs per block is the same for others
  const auto [m, k] = size_of(name);
  const auto layer = bench::random_layer<tb::bfloat16>(m, k);
  for (const double percent : s.sparsity) {
    const auto pruned = tb::prune_to_sparsity(layer.view(), percent / 100);
    add(name, percent / 100, tb::to_bitmap_grid(pruned.matrix));
  }
}

void print_conditions(const std::string& commit) {
  std::printf("%s; last-level cache %.0f MB\n", bench::conditions_line(commit).c_str(),
              bench::last_level_cache() * 1e-6);
  for (const auto& library : bench::all_tensor_libraries().found) {
    std::printf("%s: %s; packed sparse int8 weights: %s\n", library.name.c_str(),
                library.version.c_str(),
                library.packed_refusal.empty() ? "yes" : library.packed_refusal.c_str());
  }
  for (const auto& reason : bench::all_tensor_libraries().left_out) {
    std::printf("left out: %s\n", reason.c_str());
  }
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("Pruned layers in bf16 and int8 against dense and packed sparse ones of oneDNN.");
  std::vector<std::string> paths;
  bench::tensor_settings s;
  bool no_feed = false;
  bool feed_only = false;
  const auto list = [](CLI::Option* option) { option->allow_extra_args(false)->delimiter(','); };
  app.add_option("paths", paths, "files or folders of pruned weights, in place of the layers");
  list(app.add_option("--layers", s.layers, "shapes of the layers, outputs x inputs"));
  list(app.add_option("--batches", s.batches, "rows of X and Y")->check(CLI::PositiveNumber));
  list(app.add_option("--sparsity", s.sparsity, "percents that are pruned from the layers")
           ->check(CLI::Range(0.0, 99.99)));
  list(app.add_option("--types", s.types, "value types")->check(CLI::IsMember({"bf16", "int8"})));
  list(app.add_option("--threads", s.threads, "numbers of threads")->check(CLI::PositiveNumber));
  auto* const without = app.add_flag("--no-feed", no_feed, "do not measure feeding a matrix unit");
  app.add_flag("--feed-only", feed_only, "measure nothing else")->excludes(without);
  app.add_flag("--float", s.with_float,
               "also our product of the same weights in float, from batch 64 on");
  bench::run_options common;
  common.add_to(app, s.timing);
  CLI11_PARSE(app, argc, argv);
  try {
    if (!common.summarize.empty()) {
      std::vector<bench::tensor_run> runs;
      for (const auto& file : common.summarize) runs.push_back(bench::read_tensor_json(file));
      bench::print_tensor_summary(runs);
      return 0;
    }
    std::vector<std::pair<std::string, bench::real_matrix>> files;
    if (!paths.empty()) {
      for (const auto& in : bench::inputs_of(paths)) {
        auto loaded = in.load();
        if (auto* const a = std::get_if<bench::real_matrix>(&loaded)) {
          files.emplace_back(in.name, std::move(*a));
        }
      }
    }
    bench::start_timing(argv[0]);
    print_conditions(common.commit);
    bench::tensor_run run;
    if (!no_feed) measure_feeds(s, files, run);
    if (!feed_only) {
      print_head();
      for (const auto& type : s.types) {
        const auto each = [&](auto zero) {
          using T = decltype(zero);
          for (const auto& [name, a] : files) measure_file<T>(name, a, s, run);
          if (!files.empty()) return;
          for (const auto& name : s.layers) measure_layer<T>(name, s, run);
        };
        if (type == "bf16") {
          each(tb::bfloat16{});
        } else {
          each(std::int8_t{});
        }
      }
      bench::print_tensor_summary({run});
    }
    if (!common.json.empty()) {
      bench::write_tensor_json(common.json, run, s.timing, common.commit);
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "tensor: %s\n", e.what());
    return 1;
  }
}
