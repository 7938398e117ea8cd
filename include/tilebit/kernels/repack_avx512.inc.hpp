// Tile rows as packed entries (core/packed.hpp): included by simd.hpp in the target region of
// AVX-512 BF16 and VNNI.
//
// The tiles that a word spans in each direction become one: two tiles of 16-bit entries are 4x4
// pairs, four tiles of 8-bit entries 4x4 quads. Words of zeros are left out.

/// Tiles that one step takes: their bitmaps in one word, and the column of the wide tile.
template <unsigned Depth, class I>
struct wide_tile {
  std::uint64_t bitmaps = 0;
  I col;

  /// From tile t on; moves t.
  wide_tile(const std::uint16_t* from, const I* cols, std::int64_t tiles,
            std::int64_t& t) noexcept {
    if (cols == nullptr) {
      col = static_cast<I>(t / Depth);
      if (t + Depth <= tiles) {
        std::memcpy(&bitmaps, from + t, Depth * sizeof(std::uint16_t));
        t += Depth;
      } else {
        for (unsigned k = 0; t < tiles; ++k, ++t) bitmaps |= std::uint64_t{from[t]} << 16 * k;
      }
      return;
    }
    col = static_cast<I>(cols[t] / static_cast<I>(Depth));
    do {
      bitmaps |= std::uint64_t{from[t]}
                 << 16 * static_cast<unsigned>(cols[t] % static_cast<I>(Depth));
      ++t;
    } while (t < tiles && static_cast<I>(cols[t] / static_cast<I>(Depth)) == col);
  }
};

/// Appends wide tiles, each from its 16 words in the order of bits.
template <class P, class I>
class tile_appender {
public:
  explicit tile_appender(const repacked<P, I>& to) noexcept : to_(to), end_(to.elements) {}

  void append(__m512i words, I col) noexcept {
    const __mmask16 there = _mm512_test_epi32_mask(words, words);
    const unsigned bits = bits_of(there);
    const auto count = static_cast<unsigned>(std::popcount(bits));
    _mm512_mask_storeu_epi32(end_, static_cast<__mmask16>((1U << count) - 1),
                             _mm512_maskz_compress_epi32(there, words));
    end_ += count;
    to_.bitmaps[tiles_] = static_cast<std::uint16_t>(bits);
    to_.cols[tiles_] = col;
    tiles_ += bits != 0;
  }
  row_of_tiles<P, I> row() const noexcept {
    return {to_.bitmaps, to_.cols, tiles_, to_.elements, end_ - to_.elements};
  }

private:
  repacked<P, I> to_;
  P* end_;
  std::int64_t tiles_ = 0;
};

template <class I>
row_of_tiles<detail::bfloat16_pair, I> repack(const row_of_tiles<bfloat16, I>& row,
                                              const repacked<detail::bfloat16_pair, I>& to,
                                              std::int32_t*) noexcept {
  // From rows of each tile to rows of both.
  const __m512i by_row = _mm512_setr_epi32(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15);
  const bfloat16* e = row.elements;
  tile_appender<detail::bfloat16_pair, I> out(to);
  for (std::int64_t t = 0; t < row.tiles;) {
    const wide_tile<2, I> tile(row.bitmaps, row.cols, row.tiles, t);
    const __m512i pairs = _mm512_permutexvar_epi32(by_row, expand_piece(tile.bitmaps, e));
    e += std::popcount(tile.bitmaps);
    out.append(pairs, tile.col);
  }
  return out.row();
}

/// corrections[r] = -128 times the sum of row r, see lanes_packed.inc.hpp.
template <class I>
row_of_tiles<detail::int8_quad, I> repack(const row_of_tiles<std::int8_t, I>& row,
                                          const repacked<detail::int8_quad, I>& to,
                                          std::int32_t* corrections) noexcept {
  const __m512i by_row = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m512i moved = _mm512_set1_epi8(-128); // 128, unsigned
  __m512i sums = _mm512_setzero_si512();
  const std::int8_t* e = row.elements;
  tile_appender<detail::int8_quad, I> out(to);
  for (std::int64_t t = 0; t < row.tiles;) {
    const wide_tile<4, I> tile(row.bitmaps, row.cols, row.tiles, t);
    const __m512i quads = _mm512_permutexvar_epi32(by_row, expand_piece(tile.bitmaps, e));
    e += std::popcount(tile.bitmaps);
    sums = _mm512_dpbusd_epi32(sums, moved, quads);
    out.append(quads, tile.col);
  }
  std::uint32_t by_quad[16]; // modulo 2^32
  _mm512_storeu_si512(by_quad, sums);
  for (int r = 0; r < 4; ++r) {
    const std::uint32_t sum =
        by_quad[4 * r] + by_quad[4 * r + 1] + by_quad[4 * r + 2] + by_quad[4 * r + 3];
    corrections[r] = static_cast<std::int32_t>(0U - sum);
  }
  return out.row();
}
