// split_tiles (split_rows.inc.hpp) with AVX-512: entries of one row of several tiles are moved
// together by compression. Stores are masked, because the rows of a chunk follow each other.

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

/// The bitmaps of one to four tiles in one word.
template <int Tiles>
std::uint64_t bitmaps_of(const std::uint16_t* bitmaps) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, bitmaps, Tiles * sizeof(std::uint16_t));
  return word;
}
inline std::uint64_t bitmaps_of(const std::uint16_t* bitmaps, std::int64_t tiles) noexcept {
  std::uint64_t word = 0;
  for (std::int64_t k = 0; k < tiles; ++k) word |= std::uint64_t{bitmaps[k]} << 16 * k;
  return word;
}

/// Four tiles at a time: 16 columns are a vector.
template <class T>
TILEBIT_ALWAYS_INLINE const T* split_four(std::uint64_t bitmaps, __m512i columns, const T* e,
                                          std::uint32_t* cols, T* values,
                                          std::size_t (&next)[4]) noexcept {
  __m512i tile[4];
  TILEBIT_UNROLL
  for (int k = 0; k < 4; ++k) {
    const auto bitmap = static_cast<std::uint16_t>(bitmaps >> 16 * k);
    tile[k] = _mm512_maskz_expandloadu_epi32(bitmap, e);
    e += std::popcount(bitmap);
  }
  const __m512i a = _mm512_shuffle_i32x4(tile[0], tile[1], 0x44); // rows 0 and 1 of tiles 0 and 1
  const __m512i b = _mm512_shuffle_i32x4(tile[0], tile[1], 0xee);
  const __m512i c = _mm512_shuffle_i32x4(tile[2], tile[3], 0x44);
  const __m512i d = _mm512_shuffle_i32x4(tile[2], tile[3], 0xee);
  const __m512i row[4] = {_mm512_shuffle_i32x4(a, c, 0x88), _mm512_shuffle_i32x4(a, c, 0xdd),
                          _mm512_shuffle_i32x4(b, d, 0x88), _mm512_shuffle_i32x4(b, d, 0xdd)};
  TILEBIT_UNROLL
  for (unsigned r = 0; r < 4; ++r) {
    const auto in_row =
        static_cast<unsigned>(_pext_u64(bitmaps, std::uint64_t{0x000f000f000f000f} << 4 * r));
    const auto n = static_cast<unsigned>(std::popcount(in_row));
    const auto mask = static_cast<__mmask16>(in_row);
    const __m512i where = _mm512_maskz_compress_epi32(mask, columns);
    const __m512i what = _mm512_maskz_compress_epi32(mask, row[r]);
    if (n <= 8) {
      const auto stored = static_cast<__mmask8>((1U << n) - 1);
      _mm256_mask_storeu_epi32(cols + next[r], stored, _mm512_castsi512_si256(where));
      _mm256_mask_storeu_epi32(values + next[r], stored, _mm512_castsi512_si256(what));
    } else {
      const auto stored = static_cast<__mmask16>((1U << n) - 1);
      _mm512_mask_storeu_epi32(cols + next[r], stored, where);
      _mm512_mask_storeu_epi32(values + next[r], stored, what);
    }
    next[r] += n;
  }
  return e;
}

template <class T, class I>
  requires(sizeof(T) == 4)
const T* split_tiles(const std::uint16_t* bitmaps, std::int64_t n, const I* tile_cols, const T* e,
                     std::uint32_t* cols, T* values, const std::size_t* begin) noexcept {
  std::size_t next[4] = {begin[0], begin[1], begin[2], begin[3]};
  std::int64_t t = 0;
  for (; t + 4 <= n; t += 4) {
    e = split_four(bitmaps_of<4>(bitmaps + t), tile_columns(tile_cols + t, 4), e, cols, values,
                   next);
  }
  if (t < n) {
    e = split_four(bitmaps_of(bitmaps + t, n - t), tile_columns(tile_cols + t, n - t), e, cols,
                   values, next);
  }
  return e;
}

/// Two tiles at a time: eight columns are a vector.
TILEBIT_ALWAYS_INLINE const double* split_two(std::uint64_t bitmaps, __m256i columns,
                                              const double* e, std::uint32_t* cols, double* values,
                                              std::size_t (&next)[4]) noexcept {
  __m512d half[4]; // two rows of a tile each
  TILEBIT_UNROLL
  for (int k = 0; k < 4; ++k) {
    const auto bits = static_cast<std::uint8_t>(bitmaps >> 8 * k);
    half[k] = _mm512_maskz_expandloadu_pd(bits, e);
    e += std::popcount(bits);
  }
  const __m512d row[4] = {
      _mm512_shuffle_f64x2(half[0], half[2], 0x44), _mm512_shuffle_f64x2(half[0], half[2], 0xee),
      _mm512_shuffle_f64x2(half[1], half[3], 0x44), _mm512_shuffle_f64x2(half[1], half[3], 0xee)};
  TILEBIT_UNROLL
  for (unsigned r = 0; r < 4; ++r) {
    const auto in_row =
        static_cast<unsigned>(_pext_u64(bitmaps, std::uint64_t{0x000f000f} << 4 * r));
    const auto n = static_cast<unsigned>(std::popcount(in_row));
    const auto mask = static_cast<__mmask8>(in_row);
    const auto stored = static_cast<__mmask8>((1U << n) - 1);
    _mm256_mask_storeu_epi32(cols + next[r], stored, _mm256_maskz_compress_epi32(mask, columns));
    _mm512_mask_storeu_pd(values + next[r], stored, _mm512_maskz_compress_pd(mask, row[r]));
    next[r] += n;
  }
  return e;
}

template <class I>
const double* split_tiles(const std::uint16_t* bitmaps, std::int64_t n, const I* tile_cols,
                          const double* e, std::uint32_t* cols, double* values,
                          const std::size_t* begin) noexcept {
  std::size_t next[4] = {begin[0], begin[1], begin[2], begin[3]};
  std::int64_t t = 0;
  for (; t + 2 <= n; t += 2) {
    e = split_two(bitmaps_of<2>(bitmaps + t),
                  _mm512_castsi512_si256(tile_columns(tile_cols + t, 2)), e, cols, values, next);
  }
  if (t < n) {
    e = split_two(bitmaps_of<1>(bitmaps + t),
                  _mm512_castsi512_si256(tile_columns(tile_cols + t, 1)), e, cols, values, next);
  }
  return e;
}
