// Tile rows to grouped rows in pairs, for every instruction set: included by simd.hpp behind
// group_rows.inc.hpp.

/// Columns that a pair of rows shares below which each row has them for itself: a loop for so few
/// costs more than the loads of B that it saves.
inline constexpr std::uint32_t least_shared = 6;

/// Columns of a pair of rows: with an entry in the upper row alone, in the lower one alone, in
/// both.
struct columns_of_pair {
  std::uint32_t upper = 0;
  std::uint32_t lower = 0;
  std::uint32_t both = 0;
};

/// Where the columns of a pair go, and their values.
template <class T, class I>
struct pair_output {
  I* cols;
  T* values;
};

/// Counts them for the upper and for the lower pair.
inline void count_pairs(const std::uint16_t* bitmaps, std::int64_t tiles,
                        columns_of_pair (&pairs)[2]) noexcept {
  for (std::int64_t t = 0; t < tiles; t += 4) { // four bitmaps at once
    std::uint64_t rows = 0;
    std::memcpy(&rows, bitmaps + t, at(std::min<std::int64_t>(4, tiles - t)) * sizeof *bitmaps);
    constexpr std::uint64_t row = 0x000f000f000f000f; // the same row of four tiles
    const std::uint64_t both = rows & rows >> 4;
    for (unsigned pair = 0; pair < 2; ++pair) {
      const auto count = [pair](std::uint64_t columns) {
        return static_cast<std::uint32_t>(std::popcount(columns >> 8 * pair & row));
      };
      pairs[pair].upper += count(rows ^ both);
      pairs[pair].lower += count(rows >> 4 ^ both);
      pairs[pair].both += count(both);
    }
  }
}

/// The rows of a pair one after the other.
template <class T, class I>
void write_rows_of_pair(const row_of_tiles<T, I>& row, unsigned pair, std::uint32_t upper,
                        const pair_output<T, I>& to) noexcept {
  std::uint32_t next[2] = {0, upper};
  const T* e = row.elements;
  for (std::int64_t t = 0; t < row.tiles; ++t) {
    const unsigned bitmap = row.bitmaps[t];
    const T* entry = pair == 0 ? e : e + std::popcount(bitmap & 0xffU);
    for (unsigned left = bitmap >> 8 * pair & 0xffU; left != 0; left &= left - 1) {
      const int bit = std::countr_zero(left);
      const std::uint32_t place = next[bit / 4]++;
      to.cols[place] = static_cast<I>(4 * row.cols[t] + static_cast<I>(bit % 4));
      to.values[place] = *entry++;
    }
    e += std::popcount(bitmap);
  }
}

/// Copies n columns that have entries in the upper row of a pair (Rows = 1), the lower one (2) or
/// both (3). spread: the elements column by column, from the upper row of the pair on.
template <unsigned Rows, class T, class I>
void copy_columns_of_pair(std::uint32_t n, const std::uint32_t* slot, const I* tile_cols,
                          const T* spread, pair_output<T, I>& to) noexcept {
  for (; n > 0; --n) {
    const std::uint32_t s = *slot++;
    *to.cols++ = static_cast<I>(4 * tile_cols[s / 4] + static_cast<I>(s % 4));
    if constexpr ((Rows & 1U) != 0) *to.values++ = spread[4 * static_cast<std::size_t>(s)];
    if constexpr ((Rows & 2U) != 0) *to.values++ = spread[4 * static_cast<std::size_t>(s) + 1];
  }
}

/// The columns of a pair that shares some, sorted by the rows that have them. No branch depends on
/// an entry.
template <class T, class I>
void write_shared_columns(const row_of_tiles<T, I>& row, const grouping_scratch<T>& scratch,
                          unsigned pair, const columns_of_pair& n, pair_output<T, I> to) noexcept {
  std::uint32_t* const slots = scratch.slots;
  const std::uint32_t columns = n.upper + n.lower + n.both;
  std::uint32_t next[4] = {columns, 0, n.upper, n.upper + n.lower}; // empty ones come last
  for (std::int64_t t = 0; t < row.tiles; ++t) {
    const std::uint32_t patterns = column_patterns(row.bitmaps[t]) >> 2 * pair;
    for (unsigned c = 0; c < 4; ++c) {
      slots[next[patterns >> 8 * c & 3U]++] = static_cast<std::uint32_t>(4 * t) + c;
    }
  }
  const T* const spread = scratch.spread + 2 * pair;
  copy_columns_of_pair<1>(n.upper, slots, row.cols, spread, to);
  copy_columns_of_pair<2>(n.lower, slots + n.upper, row.cols, spread, to);
  copy_columns_of_pair<3>(n.both, slots + n.upper + n.lower, row.cols, spread, to);
}

/// As group_tile_row, for columns that pairs of rows share at most.
template <class T, class I>
std::int64_t pair_tile_row(const row_of_tiles<T, I>& row, const grouping_scratch<T>& scratch,
                           I* cols, T* values, std::uint32_t* counts) noexcept {
  columns_of_pair pairs[2];
  count_pairs(row.bitmaps, row.tiles, pairs);
  if (std::max(pairs[0].both, pairs[1].both) >= least_shared) {
    const T* e = row.elements;
    for (std::int64_t t = 0; t < row.tiles; ++t) {
      e = spread_columns(row.bitmaps[t], e, scratch.spread + 16 * t);
    }
  }
  std::fill_n(counts, 15, 0U);
  pair_output<T, I> to{cols, values};
  for (unsigned pair = 0; pair < 2; ++pair) {
    columns_of_pair& n = pairs[pair];
    const bool shares = n.both >= least_shared;
    if (shares) {
      write_shared_columns(row, scratch, pair, n, to);
    } else {
      n = {n.upper + n.both, n.lower + n.both, 0};
      write_rows_of_pair(row, pair, n.upper, to);
    }
    counts[(1U << 2 * pair) - 1] = n.upper;
    counts[(2U << 2 * pair) - 1] = n.lower;
    counts[(3U << 2 * pair) - 1] = n.both;
    to.cols += n.upper + n.lower + n.both;
    to.values += n.upper + n.lower + 2 * n.both;
  }
  return to.cols - cols;
}
