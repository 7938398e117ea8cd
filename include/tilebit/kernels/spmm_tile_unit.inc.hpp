// Products of tile rows with a matrix unit: included by simd.hpp behind tile_unit, and by the tests
// behind an emulation of it.
//
// Eight tile rows are expanded into dense blocks of 32 rows and 64 bytes, as the unit reads them,
// and multiplied by all panels of B. A block is expanded one step before it is multiplied, because
// its stores have to reach the cache first.

/// Bytes of a dense block: 32 rows of 64.
inline constexpr std::int64_t unit_block = 2048;

/// Dense blocks of a row of tiles, four rows of a block at a time.
template <class T, class View>
class block_writer {
public:
  using I = typename View::index_type;

  block_writer() noexcept : e_(nullptr), bitmaps_(nullptr), cols_(nullptr), tiles_(0), next_(0) {}
  block_writer(const View& a, std::int64_t tr) noexcept
      : e_(elements_in(a, tr)), bitmaps_(bitmaps_in(a, tr)), cols_(cols_in(a, tr)),
        tiles_(tiles_of(a, tr)), next_(0) {}

  /// The next block of columns, 64 bytes in each of four rows; zeros behind the last tile.
  void write(std::int64_t block, unsigned char* to) noexcept {
    __m512i part[4]; // in each 128 bits one row
    TILEBIT_UNROLL
    for (int k = 0; k < 4; ++k) part[k] = expand_rows(take(4 * block + k));
    const __m512i a = _mm512_shuffle_i32x4(part[0], part[1], 0x44);
    const __m512i b = _mm512_shuffle_i32x4(part[0], part[1], 0xee);
    const __m512i c = _mm512_shuffle_i32x4(part[2], part[3], 0x44);
    const __m512i d = _mm512_shuffle_i32x4(part[2], part[3], 0xee);
    _mm512_store_si512(to, _mm512_shuffle_i32x4(a, c, 0x88));
    _mm512_store_si512(to + 64, _mm512_shuffle_i32x4(a, c, 0xdd));
    _mm512_store_si512(to + 128, _mm512_shuffle_i32x4(b, d, 0x88));
    _mm512_store_si512(to + 192, _mm512_shuffle_i32x4(b, d, 0xdd));
  }

private:
  /// Tiles of a register, 16 bytes of each of four rows.
  static constexpr std::int64_t depth = 4 / std::int64_t{sizeof(T)};

  /// The bitmaps of `depth` tiles, of which the first is in tile column `depth` times word.
  std::uint64_t take(std::int64_t word) noexcept {
    std::uint64_t bits = 0;
    if (cols_ == nullptr) {
      const std::int64_t t = depth * word;
      if (t + depth <= tiles_) {
        std::memcpy(&bits, bitmaps_ + t, depth * sizeof(std::uint16_t));
      } else {
        for (std::int64_t k = 0; t + k < tiles_ && k < depth; ++k) {
          bits |= std::uint64_t{bitmaps_[t + k]} << 16 * k;
        }
      }
      return bits;
    }
    for (; next_ < tiles_; ++next_) {
      const std::int64_t k = static_cast<std::int64_t>(cols_[next_]) - depth * word;
      if (k >= depth) break;
      bits |= std::uint64_t{bitmaps_[next_]} << 16 * k;
    }
    return bits;
  }
  __m512i expand_rows(std::uint64_t bits) noexcept {
    const T* const e = e_;
    e_ += std::popcount(bits);
    if constexpr (sizeof(T) == 2) {
      const __m512i by_row = _mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7);
      return _mm512_permutexvar_epi64(
          by_row, _mm512_maskz_expandloadu_epi16(static_cast<__mmask32>(bits), e));
    } else {
      const __m512i by_row =
          _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
      return _mm512_permutexvar_epi32(by_row, _mm512_maskz_expandloadu_epi8(bits, e));
    }
  }

  const T* e_;
  const std::uint16_t* bitmaps_;
  const I* cols_;
  std::int64_t tiles_;
  std::int64_t next_;
};

/// Tile rows [first, first + 8), as far as they are below `end`, times a panel of 32 columns: rows
/// of b are words of a column each, ldb words apart, padded with zeros to whole blocks and to 32
/// columns. Where `fresh`, the tile rows are expanded into `blocks` first; otherwise they stand
/// there already. sums: 32 rows of 32.
template <class View, class T = typename View::scalar_type>
void multiply_tile_rows(const View& a, std::int64_t first, std::int64_t end, const void* b,
                        std::int64_t ldb, bool fresh, unsigned char* blocks,
                        accumulator_t<T>* sums) noexcept {
  constexpr std::int64_t cols_of_block = 64 / std::int64_t{sizeof(T)};
  const std::int64_t count = (a.cols() + cols_of_block - 1) / cols_of_block;
  block_writer<T, View> rows[8];
  if (fresh) {
    for (std::int64_t k = 0; k < 8 && first + k < end; ++k) {
      rows[k] = block_writer<T, View>(a, first + k);
    }
  }
  tile_unit unit;
  unit.clear();
  const auto* const words = static_cast<const unsigned char*>(b);
  for (std::int64_t k = fresh ? -1 : 0; k < count; ++k) {
    if (fresh && k + 1 < count) {
      unsigned char* const to = blocks + (k + 1) * unit_block;
      for (std::int64_t r = 0; r < 8; ++r) rows[r].write(k + 1, to + 256 * r);
    }
    if (k < 0) continue;
    unit.load_a(blocks + k * unit_block);
    unit.load_b(words + k * 64 * ldb, 4 * ldb);
    unit.multiply(static_cast<const T*>(nullptr));
  }
  unit.store(sums);
}
