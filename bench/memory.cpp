// SpMV of generated bitmap matrices far larger than the caches: how near it comes to the speed at
// which one thread reads memory.
#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <array>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/multiply.hpp>

#include "bandwidth.hpp"
#include "machine.hpp"
#include "measure.hpp"
#include "random.hpp"

namespace {

namespace tb = tilebit;

constexpr std::int64_t tiles_per_row = 32;

/// The arrays of a bitmap matrix, filled without a detour.
template <class T>
struct generated {
  tb::detail::array_of<T> elements;
  tb::detail::array_of<std::uint16_t> bitmaps;
  tb::detail::array_of<std::int32_t> tile_cols;
  std::vector<std::int64_t> tile_row_offsets{0};
  std::vector<std::int64_t> element_offsets{0};
  std::int64_t tile_columns = 0;

  tb::bitmap_view<const T, std::int32_t> view() const {
    const auto tile_rows = static_cast<std::int64_t>(tile_row_offsets.size()) - 1;
    return {elements,         bitmaps,         tile_cols,
            tile_row_offsets, element_offsets, {4 * tile_rows, 4 * tile_columns}};
  }
  double bytes() const {
    return static_cast<double>(elements.size() * sizeof(T) + bitmaps.size() * 6 +
                               tile_row_offsets.size() * 16);
  }
};

/// 32 tiles of `fill` entries in each tile row: near the diagonal, or all over 4096 columns.
template <class T>
generated<T> generate(double megabytes, int fill, bool banded) {
  const double tile_bytes = fill * static_cast<double>(sizeof(T)) + 6 + 16.0 / tiles_per_row;
  const auto tile_rows = static_cast<std::int64_t>(megabytes * 1e6 / tile_bytes / tiles_per_row);
  bench::splitmix64 random(7);
  generated<T> a;
  a.tile_columns = banded ? tile_rows + 4 * tiles_per_row : 1024;
  const std::int64_t step = banded ? 4 : a.tile_columns / tiles_per_row;
  const auto tiles = static_cast<std::size_t>(tile_rows * tiles_per_row);
  a.tile_cols.reserve(tiles); // as matrices of the library have them
  a.bitmaps.reserve(tiles);
  for (std::int64_t tr = 0; tr < tile_rows; ++tr) {
    for (std::int64_t k = 0; k < tiles_per_row; ++k) {
      const auto shift = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(step)));
      a.tile_cols.push_back(static_cast<std::int32_t>((banded ? tr : 0) + step * k + shift));
      std::uint16_t bitmap = fill == 16 ? 0xffff : 0;
      while (std::popcount(bitmap) < fill) {
        bitmap = static_cast<std::uint16_t>(bitmap | 1U << random.below(16));
      }
      a.bitmaps.push_back(bitmap);
    }
    a.tile_row_offsets.push_back(static_cast<std::int64_t>(a.bitmaps.size()));
    a.element_offsets.push_back(a.element_offsets.back() + tiles_per_row * fill);
  }
  a.elements.resize(static_cast<std::size_t>(a.element_offsets.back()));
  for (T& x : a.elements) x = static_cast<T>(static_cast<double>(random.below(2001)) / 1000 - 1);
  return a;
}

template <class T>
void measure(double megabytes, int fill, bool banded, const bench::timing_options& options) {
  const auto arrays = generate<T>(megabytes, fill, banded);
  const auto a = arrays.view();
  std::vector<T> x(static_cast<std::size_t>(a.cols()), T(0.5));
  std::vector<T> y(static_cast<std::size_t>(a.rows()));
  const auto words = static_cast<std::size_t>(arrays.bytes() / 8) / 64 * 64;
  tb::detail::array_of<std::uint64_t> data;
  data.assign(words, 1);

  tb::multiply(a, x, y);
  double sum = 0; // all x are 0.5
  double expected = 0;
  for (const T v : y) sum += static_cast<double>(v);
  for (const T v : arrays.elements) expected += static_cast<double>(v) / 2;
  if (!(std::abs(sum - expected) <= 1e-4 * static_cast<double>(a.nnz()))) {
    throw std::runtime_error("the elements of y do not sum to half of those of A");
  }
  const auto times = bench::measure(
      {{"bitmap",
        [&] {
          tb::multiply(a, x, y);
          benchmark::DoNotOptimize(y.data());
          benchmark::ClobberMemory();
        }},
       {"read", [&] { benchmark::DoNotOptimize(bench::read_words(data.data(), words)); }}},
      options);
  const double bytes = arrays.bytes() + static_cast<double>((x.size() + y.size()) * sizeof(T));
  const double read = static_cast<double>(words) * 8 / times[1].seconds;
  std::printf("%-6s fill %2d %-9s %6.0f MB | %8.2f ms %6.1f GB/s, spread %4.1f%% | read %6.1f GB/s "
              "| %3.0f%%\n",
              std::is_same_v<T, float> ? "float" : "double", fill, banded ? "banded" : "scattered",
              bytes * 1e-6, times[0].seconds * 1e3, bytes / times[0].seconds * 1e-9,
              times[0].spread * 100, read * 1e-9, 100 * bytes / times[0].seconds / read);
  std::fflush(stdout);
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app("SpMV of bitmap matrices larger than the caches, as a share of the read bandwidth.");
  double megabytes = 600;
  bench::timing_options options;
  options.min_seconds = 0.2;
  app.add_option("--megabytes", megabytes, "size of each matrix")->check(CLI::Range(1.0, 1e5));
  app.add_option("--repetitions", options.repetitions, "timed repetitions")
      ->check(CLI::Range(2, 1000));
  CLI11_PARSE(app, argc, argv);
  try {
    bench::start_timing(argv[0]);
    std::printf("%s; %s %s; %s; one thread\n", bench::processor_name().c_str(),
                bench::compiler_name().c_str(), TILEBIT_BENCH_FLAGS,
                std::string(tb::to_string(tb::active_isa())).c_str());
    for (const bool banded : {true, false}) {
      for (const int fill : {4, 8, 16}) {
        measure<double>(megabytes, fill, banded, options);
        measure<float>(megabytes, fill, banded, options);
      }
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "memory: %s\n", e.what());
    return 1;
  }
}
