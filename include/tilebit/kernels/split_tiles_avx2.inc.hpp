// The tiles of a chunk to its four rows with AVX2: what a row has in a tile is looked up and stored
// together. Included by simd.hpp.

/// Words of up to four entries of a row of a tile, by its four bits: columns and places as if those
/// of the row began at 0. What stands behind the entries does not matter.
struct entries_of_bits {
  alignas(16) std::uint32_t words[16][4] = {};
  alignas(16) std::uint32_t counts[16][4] = {}; ///< of entries, four times

  constexpr entries_of_bits() {
    for (unsigned bits = 0; bits < 16; ++bits) {
      std::uint32_t place = 0;
      for (std::uint32_t c = 0; c < 4; ++c) {
        if ((bits >> c & 1U) == 0) continue;
        words[bits][place] = c << chunk_entry::place_bits | place;
        ++place;
      }
      for (std::uint32_t& count : counts[bits]) count = place;
    }
  }
};
inline constexpr entries_of_bits entries_of_row;

/// Deals the entries of n tiles out: those of row r go to next[r] and behind. They are collected
/// elsewhere first, because more is stored than there is.
template <class I>
void split_tiles(const std::uint16_t* bitmaps, std::int64_t n, const I* tile_cols, std::int64_t,
                 chunk_entry* (&next)[4]) noexcept {
  const auto words = [](const std::uint32_t (&four)[4]) {
    return _mm_load_si128(reinterpret_cast<const __m128i*>(four));
  };
  constexpr std::int64_t room = 4 * most_tiles_of_chunk;
  std::uint32_t rows[4][room];
  std::uint32_t* ends[4] = {rows[0], rows[1], rows[2], rows[3]};
  std::uint32_t place = 0;
  for (std::int64_t t = 0; t < n; ++t) {
    const unsigned bitmap = bitmaps[t];
    const auto col = static_cast<std::uint32_t>(4 * tile_cols[t]);
    __m128i first = _mm_set1_epi32(static_cast<int>(col << chunk_entry::place_bits | place));
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) {
      const unsigned bits = bitmap >> 4 * r & 15U;
      _mm_storeu_si128(reinterpret_cast<__m128i*>(ends[r]),
                       _mm_add_epi32(first, words(entries_of_row.words[bits])));
      first = _mm_add_epi32(first, words(entries_of_row.counts[bits]));
      ends[r] += std::popcount(bits);
    }
    place += static_cast<std::uint32_t>(std::popcount(bitmap));
  }
  for (int r = 0; r < 4; ++r) {
    std::memcpy(next[r], rows[r], static_cast<std::size_t>(ends[r] - rows[r]) * sizeof(*next[r]));
  }
}
