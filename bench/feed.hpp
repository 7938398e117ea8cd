// Feeding a matrix unit from sparse weights: the dense blocks of 16 x 32 bfloat16 that it reads,
// made from COO, CSR and bitmap grid, and the product with what it makes of them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <tilebit/core/low_precision.hpp>
#include <tilebit/formats/bitmap_grid.hpp>
#include <tilebit/formats/coo.hpp>
#include <tilebit/formats/csr.hpp>

#include "measure.hpp"

namespace bench {

using tilebit::bfloat16;

/// Rows and columns of a block, row-major inside. A band is 16 rows of a matrix as its blocks from
/// left to right; what lies outside the matrix is zero.
inline constexpr std::int64_t block_rows = 16;
inline constexpr std::int64_t block_cols = 32;
inline constexpr std::int64_t block_size = block_rows * block_cols;
constexpr std::int64_t bands_of(std::int64_t rows) {
  return (rows + block_rows - 1) / block_rows;
}
constexpr std::int64_t blocks_of(std::int64_t cols) {
  return (cols + block_cols - 1) / block_cols;
}

/// Row-ordered COO has no beginnings of rows: bands are expanded in turn, and `place` is where the
/// next one begins.
void expand_band(const tilebit::coo_matrix<bfloat16>& a, std::int64_t band, bfloat16* blocks,
                 std::size_t& place);
void expand_band(const tilebit::csr_matrix<bfloat16>& a, std::int64_t band, bfloat16* blocks);
/// With the expanding instruction of AVX512-VBMI2 where the processor has it.
void expand_band(const tilebit::bitmap_grid<bfloat16>& a, std::int64_t band, bfloat16* blocks);

/// B for the unit, k rows of 16 columns: row 2i of 16 columns interleaved with row 2i + 1, zeros up
/// to whole blocks.
inline constexpr std::int64_t unit_columns = 16;
std::vector<bfloat16> interleaved_pairs(const bfloat16* b, std::int64_t k);

/// c, 16 x 16 row-major, = a band of `count` blocks times b. By AMX or dot products of AVX512-BF16
/// where the processor has them.
void multiply_band(const bfloat16* blocks, std::int64_t count, const bfloat16* b, float* c);

/// The instructions that multiply_band uses here.
std::string unit_name();

/// The times of all bands, one after the other into the same memory: expanded, and expanded and
/// multiplied with 16 columns (the name with " multiplied"; "dense multiplied" is the product
/// alone).
struct feed_result {
  std::string layer;
  double sparsity = 0;
  std::int64_t nnz = 0;
  std::int64_t blocks = 0;
  std::map<std::string, double> bytes; ///< of each format
  std::map<std::string, timing> times;
};

/// Throws std::runtime_error when the blocks of the three formats differ or a product is wrong.
feed_result measure_feed(const std::string& layer, double sparsity,
                         const tilebit::bitmap_grid<bfloat16>& a, const timing_options& options);

void print_feed_head();
void print_feed(const feed_result& r);

} // namespace bench
