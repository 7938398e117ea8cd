// The tiles of a chunk to its four rows with AVX-512: the entries that a row has in four tiles are
// moved together by compression. Included by simd.hpp.

/// Entries of each of the four rows of n tiles, at most 2,016: they are counted in bytes.
inline void count_rows(const std::uint16_t* bitmaps, std::int64_t n,
                       std::uint32_t* counts) noexcept {
  const __m512i bits_of_nibble =
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m512i nibble = _mm512_set1_epi8(15);
  __m512i even = _mm512_setzero_si512(); // bytes of rows 0 and 2
  __m512i odd = even;
  for (std::int64_t t = 0; t < n; t += 32) {
    const auto left = static_cast<unsigned>(std::min<std::int64_t>(n - t, 32));
    const __m512i tiles = _mm512_maskz_loadu_epi16(_bzhi_u32(~0U, left), bitmaps + t);
    const __m512i low = _mm512_and_si512(tiles, nibble);
    const __m512i high = _mm512_and_si512(_mm512_srli_epi16(tiles, 4), nibble);
    even = _mm512_add_epi8(even, _mm512_shuffle_epi8(bits_of_nibble, low));
    odd = _mm512_add_epi8(odd, _mm512_shuffle_epi8(bits_of_nibble, high));
  }
  const __m512i zero = _mm512_setzero_si512();
  const __m512i low = _mm512_set1_epi16(0xff);
  const __m512i of_row[4] = {_mm512_and_si512(even, low), _mm512_and_si512(odd, low),
                             _mm512_srli_epi16(even, 8), _mm512_srli_epi16(odd, 8)};
  TILEBIT_UNROLL
  for (int r = 0; r < 4; ++r) {
    counts[r] =
        static_cast<std::uint32_t>(_mm512_reduce_add_epi64(_mm512_sad_epu8(of_row[r], zero)));
  }
}

/// Columns 4 * tile_cols[k / 4] + k % 4, of as many tiles as are there.
template <class I>
__m512i tile_columns(const I* tile_cols, std::int64_t tiles) noexcept {
  __m128i four;
  if constexpr (sizeof(I) == 4) {
    four = _mm_maskz_loadu_epi32(static_cast<__mmask8>((1U << tiles) - 1), tile_cols);
  } else {
    std::uint32_t of[4] = {};
    for (std::int64_t k = 0; k < tiles; ++k) of[k] = static_cast<std::uint32_t>(tile_cols[k]);
    four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(of));
  }
  const __m512i each = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
  const __m512i within = _mm512_setr_epi32(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
  return _mm512_or_si512(
      within, _mm512_slli_epi32(_mm512_permutexvar_epi32(each, _mm512_castsi128_si512(four)), 2));
}

/// Number k of four 16-bit numbers, in all lanes of tile k.
inline __m512i to_lanes_of_tiles(std::uint64_t numbers) noexcept {
  const __m512i number = _mm512_setr_epi64(
      static_cast<long long>(0x8080010080800100), static_cast<long long>(0x8080010080800100),
      static_cast<long long>(0x8080030280800302), static_cast<long long>(0x8080030280800302),
      static_cast<long long>(0x8080050480800504), static_cast<long long>(0x8080050480800504),
      static_cast<long long>(0x8080070680800706), static_cast<long long>(0x8080070680800706));
  return _mm512_shuffle_epi8(_mm512_set1_epi64(static_cast<long long>(numbers)), number);
}

/// Byte 4 r + c of tile k: how many elements the tile has before row r, column c.
inline __m512i ranks_in_tiles(std::uint64_t bitmaps) noexcept {
  constexpr auto table = [](auto bits_before) {
    std::array<std::uint32_t, 16> of{};
    for (unsigned n = 0; n < 16; ++n) {
      for (unsigned c = 0; c < 4; ++c) of[n] |= bits_before(n, c) << 8 * c;
    }
    return of;
  };
  alignas(64) static constexpr auto in_row = table([](unsigned n, unsigned c) {
    return static_cast<unsigned>(std::popcount(n & ((1U << c) - 1)));
  });
  alignas(64) static constexpr auto rows =
      table([](unsigned n, unsigned) { return static_cast<unsigned>(std::popcount(n)); });
  const __m512i shifts = _mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
  const __m512i nibbles = _mm512_srlv_epi32(to_lanes_of_tiles(bitmaps), shifts);
  // Permutations look at the lowest four bits of a lane only.
  const __m512i row = _mm512_permutexvar_epi32(nibbles, _mm512_load_si512(rows.data()));
  __m512i before = _mm512_bslli_epi128(row, 4);
  before = _mm512_add_epi8(before, _mm512_bslli_epi128(before, 4));
  before = _mm512_add_epi8(before, _mm512_bslli_epi128(before, 8));
  return _mm512_add_epi8(before,
                         _mm512_permutexvar_epi32(nibbles, _mm512_load_si512(in_row.data())));
}

/// Deals the entries of up to four tiles out; `first` are the words of their columns and of the
/// place of their first element. Wide: do rows have more than eight entries so often that to ask
/// costs more than to store 16 always?
template <bool Wide>
TILEBIT_ALWAYS_INLINE void split_four(std::uint64_t bitmaps, __m512i first,
                                      chunk_entry* (&next)[4]) noexcept {
  const auto in_first = [&](unsigned tiles) {
    return static_cast<std::uint64_t>(std::popcount(bitmaps << (64 - 16 * tiles)));
  };
  const __m512i words = _mm512_add_epi32(
      first, to_lanes_of_tiles(in_first(1) << 16 | in_first(2) << 32 | in_first(3) << 48));
  const __m512i ranks = ranks_in_tiles(bitmaps);
  TILEBIT_UNROLL
  for (unsigned r = 0; r < 4; ++r) {
    const auto byte = static_cast<int>(0x80808000 + 4 * r);
    const __m512i rank =
        _mm512_shuffle_epi8(ranks, _mm512_set4_epi32(byte + 3, byte + 2, byte + 1, byte));
    const auto in_row =
        static_cast<unsigned>(_pext_u64(bitmaps, std::uint64_t{0x000f000f000f000f} << 4 * r));
    const auto n = static_cast<unsigned>(std::popcount(in_row));
    const __m512i moved =
        _mm512_maskz_compress_epi32(static_cast<__mmask16>(in_row), _mm512_add_epi32(words, rank));
    const unsigned stored = _bzhi_u32(0xffff, n);
    if (Wide || n > 8) {
      _mm512_mask_storeu_epi32(next[r], static_cast<__mmask16>(stored), moved);
    } else {
      _mm256_mask_storeu_epi32(next[r], static_cast<__mmask8>(stored),
                               _mm512_castsi512_si256(moved));
    }
    next[r] += n;
  }
}

template <bool Wide, class I>
void split_by_fours(const std::uint16_t* bitmaps, std::int64_t n, const I* tile_cols,
                    chunk_entry* (&next)[4]) noexcept {
  __m512i place = _mm512_setzero_si512();
  const auto split = [&](std::uint64_t four, __m512i columns) {
    columns = _mm512_slli_epi32(columns, chunk_entry::place_bits);
    split_four<Wide>(four, _mm512_add_epi32(columns, place), next);
    place = _mm512_add_epi32(place, _mm512_set1_epi32(std::popcount(four)));
  };
  for (; n >= 4; n -= 4, bitmaps += 4, tile_cols += 4) {
    std::uint64_t four = 0;
    std::memcpy(&four, bitmaps, sizeof four);
    split(four, tile_columns(tile_cols, 4));
  }
  if (n > 0) {
    const auto there = static_cast<__mmask8>((1U << n) - 1);
    const auto rest = _mm_cvtsi128_si64(_mm_maskz_loadu_epi16(there, bitmaps));
    split(static_cast<std::uint64_t>(rest), tile_columns(tile_cols, n));
  }
}

/// Deals the entries of n tiles out: those of row r go to next[r] and behind.
template <class I>
void split_tiles(const std::uint16_t* bitmaps, std::int64_t n, const I* tile_cols,
                 std::int64_t entries, chunk_entry* (&next)[4]) noexcept {
  if (entries >= 4 * n) {
    split_by_fours<true>(bitmaps, n, tile_cols, next);
  } else {
    split_by_fours<false>(bitmaps, n, tile_cols, next);
  }
}
