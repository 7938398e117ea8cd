// How long it takes to feed a matrix unit from each format.
#include "feed.hpp"

#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <utility>

#include <tilebit/convert.hpp>

#include "aligned.hpp"
#include "tensor_layer.hpp"

namespace bench {
namespace {

using expander = std::function<void(std::int64_t band, bfloat16* blocks)>;

const std::vector<std::string> format_order{"COO", "CSR", "grid"};

void check_blocks(const std::vector<std::pair<std::string, expander>>& formats,
                  const tilebit::csr_matrix<bfloat16>& a, bfloat16* blocks) {
  const auto size = static_cast<std::size_t>(blocks_of(a.cols()) * block_size);
  const auto expected = make_aligned<bfloat16>(blocks_of(a.cols()) * block_size);
  for (std::int64_t band = 0; band < bands_of(a.rows()); ++band) {
    for (const auto& [name, expand] : formats) {
      std::memset(static_cast<void*>(blocks), 0xff, size * sizeof(bfloat16));
      expand(band, blocks);
      if (name == formats.front().first) std::copy_n(blocks, size, expected.get());
      if (std::memcmp(blocks, expected.get(), size * sizeof(bfloat16)) != 0) {
        throw std::runtime_error("the blocks of " + name + " and " + formats.front().first +
                                 " differ in band " + std::to_string(band));
      }
    }
  }
}

/// Of one expander: that the sums of its products are those of double arithmetic.
void check_product(const tilebit::csr_matrix<bfloat16>& a, const expander& expand, bfloat16* blocks,
                   const bfloat16* b, const bfloat16* pairs) {
  float c[block_rows * unit_columns];
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    if (i % block_rows == 0) {
      expand(i / block_rows, blocks);
      multiply_band(blocks, blocks_of(a.cols()), pairs, c);
    }
    for (std::int64_t j = 0; j < unit_columns; ++j) {
      double sum = 0;
      double size = 0;
      for (auto k = static_cast<std::size_t>(a.row_offsets()[static_cast<std::size_t>(i)]);
           k < static_cast<std::size_t>(a.row_offsets()[static_cast<std::size_t>(i) + 1]); ++k) {
        const double p = double{a.values()[k]} * double{b[a.col_indices()[k] * unit_columns + j]};
        sum += p;
        size += std::abs(p);
      }
      const double error = std::abs(double{c[i % block_rows * unit_columns + j]} - sum);
      if (!(error <= 1e-5 * std::sqrt(static_cast<double>(a.cols())) * size)) {
        throw std::runtime_error("a product of the matrix unit leaves the error bound");
      }
    }
  }
}

} // namespace

feed_result measure_feed(const std::string& layer, double sparsity,
                         const tilebit::bitmap_grid<bfloat16>& a, const timing_options& options) {
  const auto csr = tilebit::to_csr(a);
  const auto coo = tilebit::to_coo(csr);
  const std::int64_t bands = bands_of(a.rows());
  const std::int64_t count = blocks_of(a.cols());
  std::size_t place = 0;
  const std::vector<std::pair<std::string, expander>> formats{
      {"COO", [&](std::int64_t band, bfloat16* out) { expand_band(coo, band, out, place); }},
      {"CSR", [&](std::int64_t band, bfloat16* out) { expand_band(csr, band, out); }},
      {"grid", [&](std::int64_t band, bfloat16* out) { expand_band(a, band, out); }}};
  const auto blocks = make_aligned<bfloat16>(count * block_size);
  const auto b = random_array<bfloat16>(a.cols() * unit_columns, 23);
  const auto pairs = interleaved_pairs(b.get(), a.cols());
  check_blocks(formats, csr, blocks.get());
  check_product(csr, formats.back().second, blocks.get(), b.get(), pairs.data());

  const auto dense = make_aligned<bfloat16>(bands * count * block_size);
  for (std::int64_t band = 0; band < bands; ++band) {
    expand_band(a, band, dense.get() + band * count * block_size);
  }
  std::vector<float> c(static_cast<std::size_t>(bands * block_rows * unit_columns));
  const auto multiply = [&](std::int64_t band, const bfloat16* from) {
    multiply_band(from, count, pairs.data(), c.data() + band * block_rows * unit_columns);
  };
  std::vector<task> tasks;
  for (const auto& [name, expand] : formats) {
    tasks.push_back({name, [&] {
                       for (std::int64_t band = 0; band < bands; ++band) {
                         expand(band, blocks.get());
                         benchmark::ClobberMemory();
                       }
                     }});
    tasks.push_back({name + " multiplied", [&] {
                       for (std::int64_t band = 0; band < bands; ++band) {
                         expand(band, blocks.get());
                         multiply(band, blocks.get());
                       }
                       benchmark::ClobberMemory();
                     }});
  }
  tasks.push_back({"dense multiplied", [&] {
                     for (std::int64_t band = 0; band < bands; ++band) {
                       multiply(band, dense.get() + band * count * block_size);
                     }
                     benchmark::ClobberMemory();
                   }});
  const auto times = measure(tasks, options);

  feed_result r{layer, sparsity, a.nnz(), bands * count, {}, {}};
  for (std::size_t k = 0; k < tasks.size(); ++k) r.times[tasks[k].name] = times[k];
  const auto entries = static_cast<double>(a.nnz());
  r.bytes = {{"COO", entries * (sizeof(bfloat16) + 2 * sizeof(std::int32_t))},
             {"CSR", entries * (sizeof(bfloat16) + sizeof(std::int32_t)) +
                         static_cast<double>(csr.row_offsets().size_bytes())},
             {"grid", static_cast<double>(bytes_of(a))}};
  return r;
}

void print_feed_head() {
  std::printf(
      "\nfeeding a matrix unit: blocks of %d x %d bf16 made from each format, and multiplied "
      "with %d columns by %s; one thread; in brackets the time over that of the grid\n",
      static_cast<int>(block_rows), static_cast<int>(block_cols), static_cast<int>(unit_columns),
      unit_name().c_str());
  std::printf("%-16s %8s | %-6s %8s %10s | %9s %8s %6s %8s %8s | %12s\n", "layer", "sparsity",
              "format", "MB", "over dense", "expand us", "", "ns/nnz", "ns/block", "read GB/s",
              "multiplied us");
}

void print_feed(const feed_result& r) {
  const double dense_bytes = static_cast<double>(r.blocks * block_size) * sizeof(bfloat16);
  const double all = r.times.at("grid").seconds;
  const double multiplied = r.times.at("grid multiplied").seconds;
  for (const auto& name : format_order) {
    const double bytes = r.bytes.at(name);
    const double seconds = r.times.at(name).seconds;
    const double both = r.times.at(name + " multiplied").seconds;
    std::printf("%-16.16s %7.1f%% | %-6s %8.2f %10.3f | %9.1f (%5.2f) %6.3f %8.2f %9.1f | %10.1f "
                "(%5.2f)\n",
                r.layer.c_str(), 100 * r.sparsity, name.c_str(), bytes * 1e-6, bytes / dense_bytes,
                seconds * 1e6, seconds / all, seconds * 1e9 / static_cast<double>(r.nnz),
                seconds * 1e9 / static_cast<double>(r.blocks), bytes / seconds * 1e-9, both * 1e6,
                both / multiplied);
  }
  const double alone = r.times.at("dense multiplied").seconds;
  std::printf("%-16.16s %7.1f%% | %-6s %8.2f %10.3f | %9s %7s %6s %8s %9s | %10.1f (%5.2f)\n",
              r.layer.c_str(), 100 * r.sparsity, "dense", dense_bytes * 1e-6, 1.0, "", "", "", "",
              "", alone * 1e6, alone / multiplied);
  std::fflush(stdout);
}

} // namespace bench
