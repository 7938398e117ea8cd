// Tile rows expanded into dense blocks: included by simd.hpp in target regions with VBMI2, and by
// the tests.

/// Dense blocks of a row of tiles, four rows of a block at a time.
template <class T, class View>
class block_writer {
public:
  using I = typename View::index_type;

  block_writer() = default;
  block_writer(const View& a, std::int64_t tr) noexcept
      : e_(elements_in(a, tr)), bitmaps_(bitmaps_in(a, tr)), cols_(cols_in(a, tr)),
        tiles_(tiles_of(a, tr)) {}

  /// The next block of columns, 64 bytes in each of four rows; zeros behind the last tile. Halves
  /// of rows are stored where they come together, because moves between the halves of a register
  /// would compete with the expansion.
  void write(std::int64_t block, unsigned char* to) noexcept {
    TILEBIT_UNROLL
    for (int half = 0; half < 2; ++half) {
      const __m512i a = expand(take(4 * block + 2 * half));
      const __m512i b = expand(take(4 * block + 2 * half + 1));
      store_rows(two_rows<0>(a, b), to + 32 * half);
      store_rows(two_rows<2>(a, b), to + 32 * half + 128);
    }
  }

  /// Where the next block is read: an element, counted from a given one, and a tile.
  void save(const T* elements, std::int64_t (&place)[2]) const noexcept {
    place[0] = e_ - elements;
    place[1] = next_;
  }
  void resume(const T* elements, const std::int64_t (&place)[2]) noexcept {
    e_ = elements + place[0];
    next_ = place[1];
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
  __m512i expand(std::uint64_t bits) noexcept {
    const T* const e = e_;
    e_ += std::popcount(bits);
    return expand_piece(bits, e);
  }
  /// 32 bytes of rows r and r + 1 of what two registers of tiles hold.
  template <int r>
  static __m512i two_rows(__m512i a, __m512i b) noexcept {
    if constexpr (sizeof(T) == 2) {
      return _mm512_permutex2var_epi64(
          a, _mm512_setr_epi64(r, r + 4, r + 8, r + 12, r + 1, r + 5, r + 9, r + 13), b);
    } else {
      return _mm512_permutex2var_epi32(a,
                                       _mm512_setr_epi32(r, r + 4, r + 8, r + 12, r + 16, r + 20,
                                                         r + 24, r + 28, r + 1, r + 5, r + 9,
                                                         r + 13, r + 17, r + 21, r + 25, r + 29),
                                       b);
    }
  }
  static void store_rows(__m512i two, unsigned char* to) noexcept {
    _mm256_store_si256(reinterpret_cast<__m256i*>(to), _mm512_castsi512_si256(two));
    _mm256_store_si256(reinterpret_cast<__m256i*>(to + 64), _mm512_extracti64x4_epi64(two, 1));
  }

  const T* e_ = nullptr;
  const std::uint16_t* bitmaps_ = nullptr;
  const I* cols_ = nullptr;
  std::int64_t tiles_ = 0;
  std::int64_t next_ = 0;
};
