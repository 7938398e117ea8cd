// How fast Matrix Market text is read: a matrix is written to a file as real general coordinates,
// and the file is read back and compared.
#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <vector>

#include <tilebit/io/matrix_market.hpp>

#include "inputs.hpp"
#include "machine.hpp"
#include "measure.hpp"

int main(int argc, char** argv) {
  CLI::App app("Speed of read_matrix_market on a written copy of a matrix.");
  std::vector<std::string> paths;
  bench::timing_options options;
  options.repetitions = 7;
  app.add_option("paths", paths, "files or folders; none: a generated power-law graph");
  CLI11_PARSE(app, argc, argv);
  const std::string copy =
      (std::filesystem::temp_directory_path() / "tilebit_read_benchmark.mtx").string();
  try {
    bench::start_timing(argv[0]);
    std::printf("%s; %s %s; one thread\n", bench::processor_name().c_str(),
                bench::compiler_name().c_str(), TILEBIT_BENCH_FLAGS);
    std::vector<bench::input> inputs{
        {"R-MAT graph, 2^18, 16 edges", [] { return bench::rmat_graph(18, 16); }}};
    if (!paths.empty()) inputs = bench::inputs_of(paths);
    for (const auto& in : inputs) {
      const auto any = in.load();
      if (!std::holds_alternative<bench::real_matrix>(any)) continue;
      const auto& a = std::get<bench::real_matrix>(any);
      tilebit::write_matrix_market(copy, a);
      if (!(tilebit::read_matrix_market<double>(copy) == a))
        throw std::runtime_error("the copy differs");
      const auto bytes = static_cast<double>(std::filesystem::file_size(copy));
      const auto times = bench::measure(
          {{"read", [&] { benchmark::DoNotOptimize(tilebit::read_matrix_market<double>(copy)); }}},
          options);
      std::printf("%-30s %9lld entries %8.1f MB %7.1f MB/s (spread %.1f%%) %6.1f ns per entry\n",
                  in.name.c_str(), static_cast<long long>(a.nnz()), bytes * 1e-6,
                  bytes / times[0].seconds * 1e-6, 100 * times[0].spread,
                  times[0].seconds / static_cast<double>(a.nnz()) * 1e9);
    }
    std::filesystem::remove(copy);
  } catch (const std::exception& e) {
    std::filesystem::remove(copy);
    std::fprintf(stderr, "read: %s\n", e.what());
    return 1;
  }
}
