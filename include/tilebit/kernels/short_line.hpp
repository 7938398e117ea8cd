// A tile row of up to 64 entries -> its tiles, with AVX-512.
//
// Short rows of irregular length cost a merge more in mispredicted loop ends than in work. Here the
// place of each entry is the number of entries with a lower key, counted for 16 entries at a time,
// whatever order they come in.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "../core/config.hpp"
#include "../core/isa.hpp"

#if TILEBIT_X86 && !defined(TILEBIT_DISABLE_AVX512)
#define TILEBIT_HAS_SHORT_LINE 1
#include <immintrin.h>
#else
#define TILEBIT_HAS_SHORT_LINE 0
#endif

namespace tilebit::detail {

/// Entries of one tile row by key = tile column << 4 | bit, which fits 31 bits.
struct short_line {
  static constexpr std::size_t capacity = 64;
  static constexpr std::size_t slack = 16; ///< outputs may be written so far behind their end

  alignas(64) std::uint32_t keys[capacity];
  alignas(64) std::uint32_t places[capacity]; ///< of each entry in the tile row
  alignas(64) std::uint32_t sorted[capacity + slack];
};

} // namespace tilebit::detail

#if TILEBIT_HAS_SHORT_LINE
TILEBIT_TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi,bmi2,popcnt")
namespace tilebit::inline TILEBIT_ABI::kernels::avx512 {

/// The lanes of block v that n entries fill.
inline __mmask16 lanes_of(std::size_t n, std::size_t v) noexcept {
  const std::size_t left = n - 16 * v;
  return static_cast<__mmask16>(left >= 16 ? 0xffff : (1U << left) - 1);
}

template <class I>
void keys_of_rows(detail::short_line& line, const I* cols,
                  const std::size_t (&offsets)[5]) noexcept {
  const std::size_t n = offsets[4] - offsets[0];
  const __m512i four = _mm512_set1_epi32(4);
  __m512i ends[3];
  for (int r = 0; r < 3; ++r) {
    ends[r] = _mm512_set1_epi32(static_cast<int>(offsets[r + 1] - offsets[0]));
  }
  __m512i position = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  for (std::size_t v = 0; 16 * v < n; ++v) {
    const __mmask16 lanes = lanes_of(n, v);
    const I* const from = cols + offsets[0] + 16 * v;
    __m512i col;
    if constexpr (sizeof(I) == 4) {
      col = _mm512_maskz_loadu_epi32(lanes, from);
    } else {
      const __m256i low =
          _mm512_cvtepi64_epi32(_mm512_maskz_loadu_epi64(static_cast<__mmask8>(lanes), from));
      const __mmask8 upper = static_cast<__mmask8>(lanes >> 8);
      const __m256i high = _mm512_cvtepi64_epi32(_mm512_maskz_loadu_epi64(upper, from + 8));
      col = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    }
    // tile column << 4 | column in the tile, as column + 3 * (column rounded down)
    const __m512i down = _mm512_andnot_si512(_mm512_set1_epi32(3), col);
    __m512i key = _mm512_add_epi32(col, _mm512_add_epi32(down, _mm512_slli_epi32(down, 1)));
    for (int r = 0; r < 3; ++r) {
      key = _mm512_mask_add_epi32(key, _mm512_cmpge_epi32_mask(position, ends[r]), key, four);
    }
    _mm512_store_si512(line.keys + 16 * v, key);
    position = _mm512_add_epi32(position, _mm512_set1_epi32(16));
  }
}

/// places[k]: how many keys are lower; sorted: the keys in order. For Blocks * 16 keys.
template <int Blocks>
void sort_keys(detail::short_line& line, std::size_t n) noexcept {
  __m512i key[Blocks];
  __m512i place[Blocks];
  for (int v = 0; v < Blocks; ++v) {
    key[v] = _mm512_load_si512(line.keys + 16 * v);
    place[v] = _mm512_setzero_si512();
  }
  const __m512i one = _mm512_set1_epi32(1);
  for (std::size_t k = 0; k < n; ++k) {
    const __m512i other = _mm512_set1_epi32(static_cast<int>(line.keys[k]));
    for (int v = 0; v < Blocks; ++v) {
      place[v] =
          _mm512_mask_add_epi32(place[v], _mm512_cmplt_epi32_mask(other, key[v]), place[v], one);
    }
  }
  for (int v = 0; v < Blocks; ++v) {
    _mm512_store_si512(line.places + 16 * v, place[v]);
    _mm512_mask_i32scatter_epi32(line.sorted, lanes_of(n, static_cast<std::size_t>(v)), place[v],
                                 key[v], 4);
  }
}

template <class I>
std::size_t sort_short_line(detail::short_line& line, std::size_t n, I* cols,
                            std::uint16_t* bitmaps) noexcept {
  line.sorted[n] = ~std::uint32_t{0};
  if (n <= 16) {
    sort_keys<1>(line, n);
  } else if (n <= 32) {
    sort_keys<2>(line, n);
  } else if (n <= 48) {
    sort_keys<3>(line, n);
  } else {
    sort_keys<4>(line, n);
  }
  // A tile's bits are distinct, so that their sum is its bitmap: the difference of the running sums
  // at its last entry and at the last one of the tile before.
  const __m512i zero = _mm512_setzero_si512();
  const __m512i last_lane = _mm512_set1_epi32(15);
  __m512i running = zero; // in all lanes
  __m512i before = zero;  // in all lanes
  std::size_t tiles = 0;
  __m512i place_sum = zero;
  for (std::size_t v = 0; 16 * v < n; ++v) {
    const __mmask16 lanes = lanes_of(n, v);
    place_sum =
        _mm512_mask_add_epi32(place_sum, lanes, place_sum, _mm512_load_si512(line.places + 16 * v));
    const __m512i key = _mm512_load_si512(line.sorted + 16 * v);
    const __m512i tile = _mm512_srli_epi32(key, 4);
    const __m512i next = _mm512_srli_epi32(_mm512_loadu_si512(line.sorted + 16 * v + 1), 4);
    const __mmask16 ends = _mm512_mask_cmpneq_epi32_mask(lanes, tile, next);
    __m512i sums =
        _mm512_maskz_sllv_epi32(lanes, _mm512_set1_epi32(1), _mm512_and_si512(key, last_lane));
    sums = _mm512_add_epi32(sums, _mm512_alignr_epi32(sums, zero, 15));
    sums = _mm512_add_epi32(sums, _mm512_alignr_epi32(sums, zero, 14));
    sums = _mm512_add_epi32(sums, _mm512_alignr_epi32(sums, zero, 12));
    sums = _mm512_add_epi32(sums, _mm512_alignr_epi32(sums, zero, 8));
    sums = _mm512_add_epi32(sums, running);
    running = _mm512_permutexvar_epi32(last_lane, sums);
    const __m512i at_ends = _mm512_maskz_compress_epi32(ends, sums);
    const __m512i bits = _mm512_sub_epi32(at_ends, _mm512_alignr_epi32(at_ends, before, 15));
    const __m512i tile_cols = _mm512_maskz_compress_epi32(ends, tile);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(bitmaps + tiles), _mm512_cvtepi32_epi16(bits));
    if constexpr (sizeof(I) == 4) {
      _mm512_storeu_si512(cols + tiles, tile_cols);
    } else {
      _mm512_storeu_si512(cols + tiles, _mm512_cvtepu32_epi64(_mm512_castsi512_si256(tile_cols)));
      _mm512_storeu_si512(cols + tiles + 8,
                          _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(tile_cols, 1)));
    }
    const int count = std::popcount(static_cast<unsigned>(ends));
    if (count != 0) before = _mm512_permutexvar_epi32(_mm512_set1_epi32(count - 1), at_ends);
    tiles += static_cast<std::size_t>(count);
  }
  const auto sum = static_cast<std::size_t>(_mm512_reduce_add_epi32(place_sum));
  return sum == n * (n - 1) / 2 ? tiles : 0;
}

} // namespace tilebit::inline TILEBIT_ABI::kernels::avx512
TILEBIT_TARGET_END
#endif

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Whether the active instruction set can, and the keys of such a matrix fit.
inline bool has_short_line(std::int64_t n_cols) noexcept {
  return TILEBIT_HAS_SHORT_LINE && active_isa() >= isa::avx512 && n_cols <= std::int64_t{1} << 29;
}

/// The keys of the entries offsets[0] to offsets[4] of four rows, 64 at most.
template <class I>
void keys_of_rows([[maybe_unused]] detail::short_line& line, [[maybe_unused]] const I* cols,
                  [[maybe_unused]] const std::size_t (&offsets)[5]) noexcept {
#if TILEBIT_HAS_SHORT_LINE
  avx512::keys_of_rows(line, cols, offsets);
#endif
}

/// Sorts the n keys, 1 to 64, and writes the tiles; returns their number, or 0 when two keys are
/// the same. cols and bitmaps have room for n + slack. Only where has_short_line says so.
template <class I>
std::size_t sort_short_line([[maybe_unused]] detail::short_line& line,
                            [[maybe_unused]] std::size_t n, [[maybe_unused]] I* cols,
                            [[maybe_unused]] std::uint16_t* bitmaps) noexcept {
#if TILEBIT_HAS_SHORT_LINE
  return avx512::sort_short_line(line, n, cols, bitmaps);
#else
  return 0;
#endif
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
