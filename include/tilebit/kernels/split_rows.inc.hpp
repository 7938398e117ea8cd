// The tiles of a chunk (kernels/row_chunks.hpp) to its four rows, for every instruction set:
// included by simd.hpp. split_rows_avx512.inc.hpp overloads split_tiles with vectors.

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

/// Deals the entries of n tiles out: those of row r go to cols and values from begin[r] on. Returns
/// where the elements end.
template <class T, class I>
const T* split_tiles(const std::uint16_t* bitmaps, std::int64_t n, const I* tile_cols, const T* e,
                     std::uint32_t* cols, T* values, const std::size_t* begin) noexcept {
  std::size_t next[4] = {begin[0], begin[1], begin[2], begin[3]};
  for (std::int64_t t = 0; t < n; ++t) {
    const auto col = static_cast<std::uint32_t>(4 * tile_cols[t]);
    for (unsigned left = bitmaps[t]; left != 0; left &= left - 1) {
      const int bit = std::countr_zero(left);
      const std::size_t to = next[bit / 4]++;
      cols[to] = col + static_cast<std::uint32_t>(bit % 4);
      values[to] = *e++;
    }
  }
  return e;
}

/// Writes a tile row as chunks of `step` tiles: their columns, values and counts.
template <class T, class I>
void split_tile_row(const row_of_tiles<T, I>& row, std::int64_t step, std::uint32_t* cols,
                    T* values, std::uint32_t* counts) noexcept {
  const auto [bitmaps, tile_cols, tiles, elements, entries] = row;
  const T* e = elements;
  std::size_t begin[5] = {};
  for (std::int64_t t = 0; t < tiles; t += step, counts += 4) {
    const std::int64_t n = tiles - t < step ? tiles - t : step;
    count_rows(bitmaps + t, n, counts);
    begin[0] = begin[4];
    for (unsigned r = 0; r < 4; ++r) begin[r + 1] = begin[r] + counts[r];
    e = split_tiles(bitmaps + t, n, tile_cols + t, e, cols, values, begin);
  }
}
