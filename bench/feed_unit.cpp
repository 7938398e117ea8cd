// The products of a matrix unit, 16 x 32 times 32 x 16: by AMX or, on a processor without, by what
// stands for one, because what feeds it is measured and not what it does.
#include <cstring>

#include <tilebit/core/config.hpp>
#include <tilebit/core/isa.hpp>

#include "feed.hpp"
#if TILEBIT_X86
#include <immintrin.h>
#endif

namespace bench {
namespace {

void multiply_portably(const bfloat16* blocks, std::int64_t count, const bfloat16* b, float* c) {
  std::memset(c, 0, block_rows * unit_columns * sizeof(float));
  for (std::int64_t block = 0; block < count; ++block) {
    for (std::int64_t i = 0; i < block_rows; ++i) {
      for (std::int64_t l = 0; l < block_cols; ++l) {
        const float x = blocks[block * block_size + i * block_cols + l];
        const bfloat16* const row = b + (block * block_cols + l / 2 * 2) * unit_columns + l % 2;
        for (std::int64_t j = 0; j < unit_columns; ++j) c[i * unit_columns + j] += x * row[2 * j];
      }
    }
  }
}

#if TILEBIT_X86
TILEBIT_TARGET_BEGIN("avx512f,avx512bw,avx512vl,avx512bf16")

void multiply_by_dots(const bfloat16* blocks, std::int64_t count, const bfloat16* b, float* c) {
  constexpr std::int64_t pairs = block_cols / 2;
  __m512 sums[block_rows];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  for (std::int64_t block = 0; block < count; ++block) {
    for (std::int64_t p = 0; p < pairs; ++p) {
      const __m512i columns = _mm512_loadu_si512(b + (block * pairs + p) * 2 * unit_columns);
      TILEBIT_UNROLL
      for (std::int64_t i = 0; i < block_rows; ++i) {
        std::int32_t pair;
        std::memcpy(&pair, blocks + block * block_size + i * block_cols + 2 * p, sizeof pair);
        const __m512i both = _mm512_set1_epi32(pair);
        sums[i] = _mm512_dpbf16_ps(sums[i], (__m512bh)both, (__m512bh)columns);
      }
    }
  }
  for (std::int64_t i = 0; i < block_rows; ++i) _mm512_storeu_ps(c + i * unit_columns, sums[i]);
}

TILEBIT_TARGET_END

TILEBIT_TARGET_BEGIN("amx-tile,amx-bf16,avx512f")

/// Tiles 0 to 3 hold sums of every fourth block, so that none waits for the one before.
void multiply_by_amx(const bfloat16* blocks, std::int64_t count, const bfloat16* b, float* c) {
  alignas(64) unsigned char tiles[64] = {1}; // palette 1
  for (int t = 0; t < 8; ++t) {
    tiles[16 + 2 * t] = 64; // bytes of a row
    tiles[48 + t] = 16;     // rows
  }
  asm volatile("" ::"r"(tiles) : "memory"); // g++ 12 knows of 8 bytes that are read
  _tile_loadconfig(tiles);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  asm volatile("" ::: "memory");
  for (std::int64_t k = 0; k < count; ++k, blocks += block_size, b += block_cols * unit_columns) {
    switch (k % 4) { // numbers of tiles are literals
    case 0:
      _tile_loadd(4, blocks, 64);
      _tile_loadd(6, b, 64);
      _tile_dpbf16ps(0, 4, 6);
      break;
    case 1:
      _tile_loadd(5, blocks, 64);
      _tile_loadd(7, b, 64);
      _tile_dpbf16ps(1, 5, 7);
      break;
    case 2:
      _tile_loadd(4, blocks, 64);
      _tile_loadd(6, b, 64);
      _tile_dpbf16ps(2, 4, 6);
      break;
    default:
      _tile_loadd(5, blocks, 64);
      _tile_loadd(7, b, 64);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  float sums[4][block_rows * unit_columns];
  _tile_stored(0, sums[0], 64);
  _tile_stored(1, sums[1], 64);
  _tile_stored(2, sums[2], 64);
  _tile_stored(3, sums[3], 64);
  _tile_release();
  asm volatile("" ::"r"(sums) : "memory");
  for (std::int64_t i = 0; i < block_rows * unit_columns; ++i) {
    c[i] = (sums[0][i] + sums[1][i]) + (sums[2][i] + sums[3][i]);
  }
}

TILEBIT_TARGET_END
#endif

bool has_amx() {
#if TILEBIT_X86
  return tilebit::detail::amx_allowed();
#else
  return false;
#endif
}

bool has_dots() {
#if TILEBIT_X86
  static const bool has = __builtin_cpu_supports("avx512bf16") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  return has;
#else
  return false;
#endif
}

} // namespace

std::vector<bfloat16> interleaved_pairs(const bfloat16* b, std::int64_t k) {
  std::vector<bfloat16> out(static_cast<std::size_t>(blocks_of(k) * block_cols * unit_columns));
  for (std::int64_t i = 0; i < k; ++i) {
    for (std::int64_t j = 0; j < unit_columns; ++j) {
      out[static_cast<std::size_t>(i / 2 * 2 * unit_columns + 2 * j + i % 2)] =
          b[i * unit_columns + j];
    }
  }
  return out;
}

void multiply_band(const bfloat16* blocks, std::int64_t count, const bfloat16* b, float* c) {
#if TILEBIT_X86
  if (has_amx()) return multiply_by_amx(blocks, count, b, c);
  if (has_dots()) return multiply_by_dots(blocks, count, b, c);
#endif
  multiply_portably(blocks, count, b, c);
}

std::string unit_name() {
  return has_amx() ? "AMX" : has_dots() ? "dot products of AVX512-BF16" : "float arithmetic";
}

} // namespace bench
