// Pruned 1x1 convolutions as SpMM: weights Cout x Cin times activations Cin x HW, one image, float,
// one thread, in both orders of the activations: CHW is a row-major B, HWC a column-major one.
// Against the dense product of the unpruned weights in the same order.
#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <exception>
#include <map>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/formats/dense.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "machine.hpp"
#include "measure.hpp"
#include "peers/spmm.hpp"
#include "random.hpp"
#include "spmm_problem.hpp"

namespace {

namespace tb = tilebit;

struct layer {
  int out = 0;
  int in = 0;
  int side = 0; ///< of the image: HW = side * side

  auto operator<=>(const layer&) const = default;
};

struct network {
  std::string name;
  std::vector<layer> layers; ///< the 1x1 convolutions, but those of a single pixel
};

// Source: Howard et al., MobileNets, 2017, table 1, without width multiplier.
network mobilenet_v1() {
  network n{"MobileNetV1",
            {{64, 32, 112},
             {128, 64, 56},
             {128, 128, 56},
             {256, 128, 28},
             {256, 256, 28},
             {512, 256, 14}}};
  n.layers.insert(n.layers.end(), 5, {512, 512, 14});
  n.layers.insert(n.layers.end(), {{1024, 512, 7}, {1024, 1024, 7}});
  return n;
}

/// A row of the tables of networks of inverted residuals.
struct stage {
  int expansion;
  int channels;
  int repeats;
  int stride; ///< of the first block
};

/// Each block expands its channels, convolves them one by one, with a stride, and projects them.
network inverted_residuals(const std::string& name, const std::vector<stage>& stages) {
  network n{name, {}};
  int in = 32;
  int side = 112;
  for (const stage& s : stages) {
    for (int block = 0; block < s.repeats; ++block) {
      if (s.expansion > 1) n.layers.push_back({s.expansion * in, in, side});
      if (block == 0) side /= s.stride;
      n.layers.push_back({s.channels, s.expansion * in, side});
      in = s.channels;
    }
  }
  n.layers.push_back({1280, in, side});
  return n;
}

std::vector<network> networks() {
  return {
      mobilenet_v1(),
      // Source: Sandler et al., MobileNetV2, CVPR 2018, table 2.
      inverted_residuals("MobileNetV2", {{1, 16, 1, 1},
                                         {6, 24, 2, 2},
                                         {6, 32, 3, 2},
                                         {6, 64, 4, 2},
                                         {6, 96, 3, 1},
                                         {6, 160, 3, 2},
                                         {6, 320, 1, 1}}),
      // Source: Tan, Le, EfficientNet, ICML 2019, table 1.
      inverted_residuals("EfficientNet-B0", {{1, 16, 1, 1},
                                             {6, 24, 2, 2},
                                             {6, 40, 2, 2},
                                             {6, 80, 3, 2},
                                             {6, 112, 3, 1},
                                             {6, 192, 4, 2},
                                             {6, 320, 1, 1}}),
  };
}

constexpr std::array<double, 4> sparsities{0.7, 0.8, 0.9, 0.95};
enum order { chw, hwc };
constexpr std::array<const char*, 2> order_names{"CHW", "HWC"};

struct pruned_times {
  std::int64_t nnz = 0;
  std::array<double, 2> bitmap{}; ///< in each order
  std::array<double, 2> optimized{};
};

struct layer_times {
  std::array<double, 2> dense{};
  std::array<pruned_times, sparsities.size()> pruned;
};

/// The weights without the share of them that is smallest in magnitude.
tb::csr_matrix<float> prune(const std::vector<float>& weights, const layer& l, double sparsity) {
  std::vector<float> sizes(weights.size());
  std::transform(weights.begin(), weights.end(), sizes.begin(),
                 [](float w) { return std::abs(w); });
  const auto cut =
      sizes.begin() + static_cast<std::ptrdiff_t>(sparsity * static_cast<double>(sizes.size())) - 1;
  std::nth_element(sizes.begin(), cut, sizes.end());
  return tb::to_csr(tb::dense_view(weights, {l.out, l.in}), {.threshold = double{*cut}});
}

/// One pruned matrix in the formats that are measured.
struct pruned_forms {
  tb::csr_matrix<float> csr;
  tb::bitmap_matrix<float> bitmap;
  decltype(tb::optimize(csr, tb::operation::spmm)) optimized;

  explicit pruned_forms(tb::csr_matrix<float> a)
      : csr(std::move(a)), bitmap(tb::to_bitmap(csr)),
        optimized(tb::optimize(csr, tb::operation::spmm)) {}
};

layer_times measure(const layer& l, const bench::timing_options& options) {
  std::vector<float> weights(static_cast<std::size_t>(l.out) * static_cast<std::size_t>(l.in));
  bench::splitmix64 random(11);
  for (float& w : weights) w = static_cast<float>(random.value());
  bench::dense_operands<float> data(l.out, l.in, std::int64_t{l.side} * l.side);
  const auto full = tb::to_csr(tb::dense_view(weights, {l.out, l.in}));

  std::vector<bench::spmm_product<float>> products; // their places are those of the tasks
  const auto check = [&](const tb::csr_matrix<float>& a, std::size_t first, bool exact) {
    bench::sampled_reference<float> expected(a, data.b.get(), data.n);
    for (std::size_t k = first; k < products.size(); ++k) {
      data.spoil();
      products[k].run();
      if (expected.admits(products[k])) continue;
      const std::string message = products[k].name + " leaves the error bound";
      if (exact) throw std::runtime_error(message);
      std::fprintf(stderr, "%s\n", message.c_str());
    }
  };
  for (const auto& library : bench::spmm_libraries()) {
    if (!library.dense) continue;
    for (auto& p : library.products(data.times(full, weights.data(), 1))) products.push_back(p);
  }
  check(full, 0, false);
  const std::size_t dense_count = products.size();

  std::vector<pruned_forms> forms;
  for (const double sparsity : sparsities) forms.emplace_back(prune(weights, l, sparsity));
  const tb::dense_view<const float> b(data.b.get(), {data.k, data.n});
  const tb::dense_view<float> c(data.c.get(), {data.m, data.n});
  const tb::dense_view<const float, tb::col_major> bt(data.b_columns.get(), {data.k, data.n});
  const tb::dense_view<float, tb::col_major> ct(data.c_columns.get(), {data.m, data.n});
  for (std::size_t s = 0; s < forms.size(); ++s) {
    const auto of = data.times(forms[s].csr, nullptr, 1);
    const std::size_t first = products.size();
    const auto add = [&](const std::string& name, const auto& a) {
      const std::string at = name + " " + std::to_string(s) + " ";
      products.push_back(
          bench::row_major_product(of, at + "CHW", [&a, b, c] { tb::multiply(a, b, c); }));
      products.push_back(
          bench::col_major_product(of, at + "HWC", [&a, bt, ct] { tb::multiply(a, bt, ct); }));
    };
    add("bitmap", forms[s].bitmap);
    add("optimized", forms[s].optimized);
    check(forms[s].csr, first, true);
  }
  std::vector<bench::task> tasks;
  for (const auto& product : products) {
    tasks.push_back({product.name, [&product] {
                       product.run();
                       benchmark::ClobberMemory();
                     }});
  }
  const auto times = bench::measure(tasks, options);

  layer_times result;
  for (std::size_t k = 0; k < dense_count; ++k) {
    double& least = result.dense[products[k].name.ends_with(" col") ? hwc : chw];
    least = least == 0 ? times[k].seconds : std::min(least, times[k].seconds);
  }
  for (std::size_t s = 0; s < forms.size(); ++s) {
    const std::size_t at = dense_count + 4 * s;
    result.pruned[s] = {forms[s].csr.nnz(),
                        {times[at].seconds, times[at + 1].seconds},
                        {times[at + 2].seconds, times[at + 3].seconds}};
  }
  return result;
}

void print_head() {
  std::printf("%-16s %8s %8s |", "", "dense us", "");
  for (const double s : sparsities) std::printf(" %10.0f%% %13s |", 100 * s, "");
  std::printf("\n%-16s %8s %8s |", "Cout x Cin, HW", "CHW", "HWC");
  for (std::size_t s = 0; s < sparsities.size(); ++s) {
    std::printf(" %5s %5s  %5s %5s  |", "bitm", "opt", "bitm", "opt");
  }
  std::printf("  time of dense / ours: CHW, CHW, HWC, HWC\n");
}

void print(const layer& l, const layer_times& t) {
  std::printf("%4d x %4d, %3d^2 %8.1f %8.1f |", l.out, l.in, l.side, t.dense[chw] * 1e6,
              t.dense[hwc] * 1e6);
  for (const pruned_times& p : t.pruned) {
    std::printf(" %5.2f %5.2f  %5.2f %5.2f  |", t.dense[chw] / p.bitmap[chw],
                t.dense[chw] / p.optimized[chw], t.dense[hwc] / p.bitmap[hwc],
                t.dense[hwc] / p.optimized[hwc]);
  }
  std::printf("\n");
  std::fflush(stdout);
}

void print_totals(const network& n, const std::map<layer, layer_times>& measured) {
  double all = 0;
  std::array<double, 2> dense{};
  for (const layer& l : n.layers) {
    all += static_cast<double>(l.out) * l.in * l.side * l.side;
    for (const order o : {chw, hwc}) dense[o] += measured.at(l).dense[o];
  }
  for (std::size_t s = 0; s < sparsities.size(); ++s) {
    double kept = 0;
    std::array<double, 2> bitmap{};
    std::array<double, 2> optimized{};
    for (const layer& l : n.layers) {
      const pruned_times& p = measured.at(l).pruned[s];
      kept += static_cast<double>(p.nnz) * l.side * l.side;
      for (const order o : {chw, hwc}) {
        bitmap[o] += p.bitmap[o];
        optimized[o] += p.optimized[o];
      }
    }
    for (const order o : {chw, hwc}) {
      std::printf("%-16s %2zu layers, %3.0f%% pruned, %s: %6.1f of %6.1f million multiplications "
                  "saved (%.1f%%); dense %7.3f ms, bitmap %7.3f (%.2f), optimized %7.3f (%.2f)\n",
                  n.name.c_str(), n.layers.size(), 100 * sparsities[s], order_names[o],
                  (all - kept) * 1e-6, all * 1e-6, 100 * (1 - kept / all), dense[o] * 1e3,
                  bitmap[o] * 1e3, dense[o] / bitmap[o], optimized[o] * 1e3,
                  dense[o] / optimized[o]);
    }
  }
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("Pruned 1x1 convolutions of three networks against dense ones.");
  std::string commit = "unknown";
  int most_layers = 1000;
  bench::timing_options options;
  app.add_option("--repetitions", options.repetitions, "timed repetitions")
      ->check(CLI::Range(2, 1000));
  app.add_option("--min-time", options.min_seconds, "seconds of each")->check(CLI::PositiveNumber);
  app.add_option("--layers", most_layers, "only the first layers of each network")
      ->check(CLI::PositiveNumber);
  app.add_option("--commit", commit, "shown as the version that is measured");
  CLI11_PARSE(app, argc, argv);
  try {
    const auto& libraries = bench::spmm_libraries();
    if (std::none_of(libraries.begin(), libraries.end(), [](const auto& l) { return l.dense; })) {
      throw std::runtime_error("neither oneMKL nor OpenBLAS was found to compare with");
    }
    bench::start_timing(argv[0]);
    std::printf("%s\ndense:", bench::conditions_line(commit).c_str());
    for (const auto& library : libraries) {
      if (library.dense) std::printf(" %s %s;", library.name.c_str(), library.version.c_str());
    }
    std::printf(" the better one counts\n");
    print_head();
    auto all = networks();
    std::map<layer, layer_times> measured;
    for (network& n : all) {
      if (n.layers.size() > static_cast<std::size_t>(most_layers)) {
        n.layers.resize(static_cast<std::size_t>(most_layers));
      }
      for (const layer& l : n.layers) {
        if (measured.count(l) != 0) continue;
        measured[l] = measure(l, options);
        print(l, measured[l]);
      }
    }
    std::printf("\nsums over the layers; in brackets the time of dense over it\n");
    for (const network& n : all) print_totals(n, measured);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "conv: %s\n", e.what());
    return 1;
  }
}
