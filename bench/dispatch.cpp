// What one call costs besides the product itself: multiply on tiny matrices against the kernel that
// it would choose, called directly.
#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/multiply.hpp>

#include "measure.hpp"

namespace {

namespace tb = tilebit;

template <class A>
void measure(const char* name, const A& a, const bench::timing_options& options) {
  const auto view = a.view();
  using View = std::remove_cvref_t<decltype(view)>;
  const std::vector<double> x(static_cast<std::size_t>(a.cols()), 1.0);
  std::vector<double> y(static_cast<std::size_t>(a.rows()));
  auto* function = tb::kernels::select(tb::kernels::spmv_table<View>::rows).function;
  const tb::kernels::vector_update<double> out{1.0, 0.0, nullptr, y.data()};
  const std::int64_t units = tb::kernels::units(view);
  constexpr int calls = 1000; // for each timed run, so that taking the time weighs nothing
  const auto times =
      bench::measure({{"multiply",
                       [&] {
                         for (int k = 0; k < calls; ++k) {
                           tb::multiply(a, x, y);
                           benchmark::ClobberMemory();
                         }
                       }},
                      {"kernel",
                       [&] {
                         for (int k = 0; k < calls; ++k) {
                           benchmark::DoNotOptimize(function);
                           function(view, 0, units, x.data(), out);
                           benchmark::ClobberMemory();
                         }
                       }},
                      {"select",
                       [&] {
                         for (int k = 0; k < calls; ++k) {
                           benchmark::DoNotOptimize(
                               tb::kernels::select(tb::kernels::spmv_table<View>::rows).function);
                           benchmark::ClobberMemory();
                         }
                       }}},
                     options);
  const auto ns = [](const bench::timing& t) { return t.seconds * 1e9 / calls; };
  std::printf("%-24s %10.1f %10.1f %10.1f %12.1f %8.1f%%\n", name, ns(times[0]), ns(times[1]),
              ns(times[0]) - ns(times[1]), ns(times[2]), 100 * times[0].spread);
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("What a call of multiply costs over the kernel that it chooses, in nanoseconds.");
  bench::timing_options options;
  options.repetitions = 15;
  app.add_option("--repetitions", options.repetitions, "timed repetitions")
      ->check(CLI::Range(2, 1000));
  CLI11_PARSE(app, argc, argv);
  try {
    bench::start_timing(argv[0]);
    std::printf("%-24s %10s %10s %10s %12s %9s\n", "ns per call", "multiply", "kernel", "over it",
                "select alone", "spread");
    const tb::csr_matrix<double> one({2.0}, {0, 1}, {0}, {1, 1});
    const tb::csr_matrix<double> four({1.0, 2.0, 3.0, 4.0}, {0, 1, 2, 3, 4}, {3, 2, 1, 0}, {4, 4});
    measure("CSR, 1 x 1", one, options);
    measure("CSR, 4 x 4, 4 entries", four, options);
    measure("bitmap, 1 tile", tb::to_bitmap(four), options);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "dispatch: %s\n", e.what());
    return 1;
  }
}
