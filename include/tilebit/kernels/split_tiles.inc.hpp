// The tiles of a chunk to its four rows, entry by entry: included by simd.hpp.

/// Deals the entries of n tiles out: those of row r go to next[r] and behind. How many they are
/// does not matter here.
template <class I>
void split_tiles(const std::uint16_t* bitmaps, std::int64_t n, const I* tile_cols, std::int64_t,
                 chunk_entry* (&next)[4]) noexcept {
  std::uint32_t place = 0;
  for (std::int64_t t = 0; t < n; ++t) {
    const auto col = static_cast<std::uint32_t>(4 * tile_cols[t]);
    for (unsigned left = bitmaps[t]; left != 0; left &= left - 1) {
      const auto bit = static_cast<unsigned>(std::countr_zero(left));
      *next[bit / 4]++ = {(col + bit % 4) << chunk_entry::place_bits | place++};
    }
  }
}
