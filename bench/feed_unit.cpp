// The products of a matrix unit, 16 x 32 times 32 x 16. It stands for one on a processor without:
// what feeds it is measured, not what it does.
#include <cstring>

#include <tilebit/core/config.hpp>

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
#endif

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
  if (has_dots()) return multiply_by_dots(blocks, count, b, c);
#endif
  multiply_portably(blocks, count, b, c);
}

std::string unit_name() {
  return has_dots() ? "dot products of AVX512-BF16" : "float arithmetic";
}

} // namespace bench
