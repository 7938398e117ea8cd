// Tile rows to grouped rows (formats/grouped.hpp), for every instruction set: included by simd.hpp
// behind the lanes of the set, and once for the compiler's flags.

/// The elements of a tile column by column, absent ones as whatever was there: element (r, c) goes
/// to to[4 c + r]. Returns where the tile's elements end. AVX-512 has a better one.
template <class T>
const T* spread_columns(unsigned bitmap, const T* e, T* to) noexcept {
  if (bitmap == 0xffffU) {
    TILEBIT_UNROLL
    for (int k = 0; k < 16; ++k) to[k] = e[k % 4 * 4 + k / 4];
    return e + 16;
  }
  for (unsigned left = bitmap; left != 0; left &= left - 1) {
    const int bit = std::countr_zero(left);
    to[4 * (bit % 4) + bit / 4] = *e++;
  }
  return e;
}

/// The four columns of a tile as patterns of rows, one in each byte.
inline std::uint32_t column_patterns(unsigned bitmap) noexcept {
  unsigned swapped = (bitmap ^ (bitmap >> 3)) & 0x0a0aU; // transposes each 2x2 quarter
  bitmap ^= swapped ^ (swapped << 3);
  swapped = (bitmap ^ (bitmap >> 6)) & 0x00ccU; // and then the quarters
  bitmap ^= swapped ^ (swapped << 6);
  bitmap = (bitmap | bitmap << 8) & 0x00ff00ffU;
  return (bitmap | bitmap << 4) & 0x0f0f0f0fU;
}

/// Copies the n columns of a pattern, with their values.
template <unsigned Pattern, class T, class I>
TILEBIT_ALWAYS_INLINE void copy_pattern(std::uint32_t n, const std::uint32_t*& slot,
                                        const I* tile_cols, const T* spread, I*& cols,
                                        T*& values) noexcept {
  for (; n > 0; --n) {
    const std::uint32_t s = *slot++;
    *cols++ = static_cast<I>(4 * tile_cols[s / 4] + static_cast<I>(s % 4));
    TILEBIT_UNROLL
    for (unsigned r = 0; r < 4; ++r) {
      if ((Pattern >> r & 1U) != 0) *values++ = spread[4 * static_cast<std::size_t>(s) + r];
    }
  }
}

/// Copies the columns of all patterns.
template <class T, class I, unsigned... Patterns>
TILEBIT_ALWAYS_INLINE void copy_patterns(patterns_less_one<Patterns...>,
                                         const std::uint32_t* counts, const std::uint32_t* slot,
                                         const I* tile_cols, const T* spread, I* cols,
                                         T* values) noexcept {
  (copy_pattern<Patterns + 1>(counts[Patterns], slot, tile_cols, spread, cols, values), ...);
}

/// Writes a tile row as a block of grouped rows: its columns, its values and 15 counts. Returns
/// how many columns.
///
/// Columns are divided into rows where that costs less: patterns save loads of B for the second to
/// fourth entry of a column and cost loops, whose ends the processor does not foresee.
template <class T, class I>
std::int64_t group_tile_row(const row_of_tiles<T, I>& row, const grouping_scratch<T>& scratch,
                            I* cols, T* values, std::uint32_t* counts) noexcept {
  const auto [bitmaps, tile_cols, tiles, elements, entries] = row;
  const T* e = elements;

  if (entries == 16 * tiles) { // block-sparse: one pattern, nothing to sort
    std::fill_n(counts, 14, 0U);
    counts[14] = static_cast<std::uint32_t>(4 * tiles);
    for (std::int64_t t = 0; t < tiles; ++t) {
      e = spread_columns(0xffffU, e, values + 16 * t);
      for (unsigned c = 0; c < 4; ++c) {
        cols[4 * t + c] = static_cast<I>(4 * tile_cols[t] + static_cast<I>(c));
      }
    }
    return 4 * tiles;
  }
  std::uint32_t of_pattern[4][16] =
      {}; // apart for the columns of a tile: no count waits for another
  for (std::int64_t t = 0; t < tiles; ++t) {
    const std::uint32_t p = column_patterns(bitmaps[t]);
    scratch.patterns[t] = p;
    ++of_pattern[0][p & 15U];
    ++of_pattern[1][p >> 8 & 15U];
    ++of_pattern[2][p >> 16 & 15U];
    ++of_pattern[3][p >> 24];
  }
  std::int64_t columns = 0;
  int loops = 0;
  for (unsigned p = 1; p < 16; ++p) {
    counts[p - 1] = of_pattern[0][p] + of_pattern[1][p] + of_pattern[2][p] + of_pattern[3][p];
    columns += counts[p - 1];
    loops += counts[p - 1] > 0;
  }
  constexpr std::int64_t least_saved = 20;            // loads; 16 to 24 are as good (Zen 4)
  if (loops > 4 && entries - columns < least_saved) { // four rows are four loops, too
    std::int64_t in_row[4] = {};
    for (std::int64_t t = 0; t < tiles; ++t) {
      for (unsigned r = 0; r < 4; ++r) in_row[r] += std::popcount(bitmaps[t] >> (4 * r) & 15U);
    }
    std::int64_t next[4] = {0, in_row[0], in_row[0] + in_row[1], entries - in_row[3]};
    for (unsigned p = 1; p < 16; ++p) counts[p - 1] = 0;
    for (unsigned r = 0; r < 4; ++r) counts[(1U << r) - 1] = static_cast<std::uint32_t>(in_row[r]);
    for (std::int64_t t = 0; t < tiles; ++t) {
      for (unsigned left = bitmaps[t]; left != 0; left &= left - 1) {
        const int bit = std::countr_zero(left);
        const std::int64_t to = next[bit / 4]++;
        cols[to] = static_cast<I>(4 * tile_cols[t] + static_cast<I>(bit % 4));
        values[to] = *e++;
      }
    }
    return entries;
  }

  std::uint32_t next[16]; // where the next column of each pattern goes; empty ones come last
  next[1] = 0;
  for (unsigned p = 2; p < 16; ++p) next[p] = next[p - 1] + counts[p - 2];
  next[0] = static_cast<std::uint32_t>(columns);
  for (std::int64_t t = 0; t < tiles; ++t) {
    const std::uint32_t p = scratch.patterns[t];
    const auto slot = static_cast<std::uint32_t>(4 * t);
    scratch.slots[next[p & 15U]++] = slot;
    scratch.slots[next[p >> 8 & 15U]++] = slot + 1;
    scratch.slots[next[p >> 16 & 15U]++] = slot + 2;
    scratch.slots[next[p >> 24]++] = slot + 3;
    e = spread_columns(bitmaps[t], e, scratch.spread + 16 * t);
  }
  copy_patterns(all_patterns, counts, scratch.slots, tile_cols, scratch.spread, cols, values);
  return columns;
}
