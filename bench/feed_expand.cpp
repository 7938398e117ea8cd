// Bands of blocks from the three formats: COO and CSR clear the blocks and scatter their entries,
// bitmap tiles are expanded.
#include <algorithm>
#include <bit>
#include <cstring>

#include <tilebit/core/config.hpp>

#include "feed.hpp"
#if TILEBIT_X86
#include <immintrin.h>
#endif

namespace bench {
namespace {

std::size_t at(std::int64_t i) {
  return static_cast<std::size_t>(i);
}

/// Where column j has its place in a row of a band.
std::size_t place_of(std::uint32_t j) {
  constexpr std::uint32_t width = block_cols;
  return j / width * std::size_t{block_size} + j % width;
}

void clear(bfloat16* blocks, std::int64_t count) {
  std::memset(static_cast<void*>(blocks), 0, at(count * block_size) * sizeof(bfloat16));
}

using grid_view = tilebit::bitmap_grid_view<const bfloat16>;

/// Tiles [first, last) of a tile row, whose elements begin at e, into cleared blocks. `rows` is the
/// band's row where the tiles begin.
void scatter_tiles(const std::uint16_t* bitmaps, std::int64_t first, std::int64_t last,
                   const bfloat16* e, std::int64_t rows, bfloat16* blocks) {
  for (std::int64_t j = first; j < last; ++j) {
    for (unsigned left = bitmaps[j]; left != 0; left &= left - 1) {
      const int bit = std::countr_zero(left);
      bfloat16* const row = blocks + (rows + bit / 4) * block_cols;
      row[place_of(static_cast<std::uint32_t>(4 * j + bit % 4))] = *e++;
    }
  }
}

void expand_portably(const grid_view& a, std::int64_t band, bfloat16* blocks) {
  clear(blocks, blocks_of(a.cols()));
  const std::int64_t width = a.tiles_per_row();
  for (std::int64_t t = 0; t < 4 && 4 * band + t < a.tile_rows(); ++t) {
    const std::int64_t tile_row = 4 * band + t;
    scatter_tiles(a.bitmaps().data() + tile_row * width, 0, width,
                  a.elements().data() + a.element_offsets()[at(tile_row)], 4 * t, blocks);
  }
}

#if TILEBIT_X86
TILEBIT_TARGET_BEGIN("avx512f,avx512bw,avx512vl,avx512vbmi2,popcnt,bmi2")

/// The next elements of two tiles, each at its place in its tile. Reads nothing behind `end`.
inline __m512i next_two_tiles(std::uint32_t bitmaps, const bfloat16*& e, const bfloat16* end) {
  const auto count = static_cast<unsigned>(_mm_popcnt_u32(bitmaps));
  const __mmask32 inside = end - e >= 32 ? ~__mmask32{0} : _bzhi_u32(~0U, count);
  const __m512i packed = _mm512_maskz_loadu_epi16(inside, e);
  e += count;
  return _mm512_maskz_expand_epi16(bitmaps, packed);
}

/// Eight tiles side by side are four rows of a block: a row of four 16-bit elements of a tile is
/// one of 64 bits, so that the rows of the block are columns of 64-bit numbers.
inline void expand_eight_tiles(const std::uint16_t* bitmaps, const bfloat16*& e,
                               const bfloat16* end, bfloat16* rows) {
  std::uint32_t pairs[4];
  std::memcpy(pairs, bitmaps, sizeof pairs);
  const __m512i a = next_two_tiles(pairs[0], e, end);
  const __m512i b = next_two_tiles(pairs[1], e, end);
  const __m512i c = next_two_tiles(pairs[2], e, end);
  const __m512i d = next_two_tiles(pairs[3], e, end);
  const __m512i upper = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13); // rows 0 and 1 of four tiles
  const __m512i lower = _mm512_setr_epi64(2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i ab01 = _mm512_permutex2var_epi64(a, upper, b);
  const __m512i cd01 = _mm512_permutex2var_epi64(c, upper, d);
  const __m512i ab23 = _mm512_permutex2var_epi64(a, lower, b);
  const __m512i cd23 = _mm512_permutex2var_epi64(c, lower, d);
  _mm512_storeu_si512(rows, _mm512_shuffle_i64x2(ab01, cd01, 0x44));
  _mm512_storeu_si512(rows + block_cols, _mm512_shuffle_i64x2(ab01, cd01, 0xee));
  _mm512_storeu_si512(rows + 2 * block_cols, _mm512_shuffle_i64x2(ab23, cd23, 0x44));
  _mm512_storeu_si512(rows + 3 * block_cols, _mm512_shuffle_i64x2(ab23, cd23, 0xee));
}

void expand_by_vectors(const grid_view& a, std::int64_t band, bfloat16* blocks) {
  const std::int64_t width = a.tiles_per_row();
  const std::int64_t whole = width / 8; // blocks
  const bfloat16* const end = a.elements().data() + a.nnz();
  if (width % 8 != 0) clear(blocks + whole * block_size, 1);
  for (std::int64_t t = 0; t < 4; ++t) {
    const std::int64_t tile_row = 4 * band + t;
    if (tile_row >= a.tile_rows()) { // below the matrix
      for (std::int64_t block = 0; block < blocks_of(a.cols()); ++block) {
        std::memset(static_cast<void*>(blocks + block * block_size + 4 * t * block_cols), 0,
                    4 * block_cols * sizeof(bfloat16));
      }
      continue;
    }
    const std::uint16_t* const bitmaps = a.bitmaps().data() + tile_row * width;
    const bfloat16* e = a.elements().data() + a.element_offsets()[at(tile_row)];
    for (std::int64_t block = 0; block < whole; ++block) {
      expand_eight_tiles(bitmaps + 8 * block, e, end,
                         blocks + block * block_size + 4 * t * block_cols);
    }
    scatter_tiles(bitmaps, 8 * whole, width, e, 4 * t, blocks);
  }
}

TILEBIT_TARGET_END
#endif

} // namespace

void expand_band(const tilebit::coo_matrix<bfloat16>& a, std::int64_t band, bfloat16* blocks,
                 std::size_t& place) {
  clear(blocks, blocks_of(a.cols()));
  if (band == 0) place = 0;
  const std::int64_t first = band * block_rows;
  const auto rows = a.row_indices();
  const auto cols = a.col_indices();
  const auto values = a.values();
  std::size_t k = place;
  for (; k < values.size() && rows[k] < first + block_rows; ++k) {
    bfloat16* const row = blocks + (rows[k] - first) * block_cols;
    row[place_of(static_cast<std::uint32_t>(cols[k]))] = values[k];
  }
  place = k;
}

void expand_band(const tilebit::csr_matrix<bfloat16>& a, std::int64_t band, bfloat16* blocks) {
  clear(blocks, blocks_of(a.cols()));
  const std::int64_t first = band * block_rows;
  const auto cols = a.col_indices();
  const auto values = a.values();
  for (std::int64_t i = first; i < std::min(first + block_rows, a.rows()); ++i) {
    bfloat16* const row = blocks + (i - first) * block_cols;
    const auto end = at(a.row_offsets()[at(i) + 1]);
    for (auto k = at(a.row_offsets()[at(i)]); k < end; ++k) {
      row[place_of(static_cast<std::uint32_t>(cols[k]))] = values[k];
    }
  }
}

void expand_band(const tilebit::bitmap_grid<bfloat16>& a, std::int64_t band, bfloat16* blocks) {
#if TILEBIT_X86
  static const bool expands = __builtin_cpu_supports("avx512vbmi2") &&
                              __builtin_cpu_supports("avx512bw") &&
                              __builtin_cpu_supports("avx512vl");
  if (expands) return expand_by_vectors(a.view(), band, blocks);
#endif
  expand_portably(a.view(), band, blocks);
}

} // namespace bench
