// How many entries the four rows of tiles have: included by simd.hpp. AVX-512 has a better one.

/// Entries of each of the four rows of n tiles.
inline void count_rows(const std::uint16_t* bitmaps, std::int64_t n,
                       std::uint32_t* counts) noexcept {
  constexpr std::uint64_t row = 0x000f000f000f000f; // row 0 of four tiles
  std::uint32_t in_row[4] = {};
  for (std::int64_t t = 0; t < n; t += 4) {
    std::uint64_t four = 0;
    if (t + 4 <= n) {
      std::memcpy(&four, bitmaps + t, sizeof four);
    } else {
      for (std::int64_t k = 0; t + k < n; ++k) four |= std::uint64_t{bitmaps[t + k]} << 16 * k;
    }
    for (unsigned r = 0; r < 4; ++r) {
      in_row[r] += static_cast<std::uint32_t>(std::popcount(four & row << 4 * r));
    }
  }
  for (unsigned r = 0; r < 4; ++r) counts[r] = in_row[r];
}
