// SpMM of bitmap tile rows with few columns, entry by entry: included by simd.hpp behind
// spmm_panel.inc.hpp.
//
// Entries are taken in the order in which tiles store them. Each of the sixteen places of a tile
// has sums of its own, in memory: those of an entry were stored long before, so that nothing waits
// for them, and no branch depends on a bitmap. To take tiles apart by rows would cost more than
// that, where few columns follow (row_chunks.hpp).

/// Where eight bits of a bitmap, two rows of a tile, have entries: 4 c + r for row r, column c.
struct places_of_bits {
  alignas(64) std::uint8_t places[256][8] = {};

  constexpr places_of_bits() {
    for (unsigned bits = 0; bits < 256; ++bits) {
      std::size_t n = 0;
      for (unsigned k = 0; k < 8; ++k) {
        if ((bits >> k & 1U) != 0) places[bits][n++] = static_cast<std::uint8_t>(k % 4 * 4 + k / 4);
      }
    }
  }
};
inline constexpr places_of_bits places_of_rows;

/// Tiles whose entries are listed together.
inline constexpr std::int64_t listed_tiles = 64;

/// Stores 16 times the tile column plus the place of each entry in two rows of a tile to the end of
/// a list, which it moves. What stands behind it does not matter.
TILEBIT_ALWAYS_INLINE void list_half(unsigned bits, __m256i first, std::uint32_t*& end) noexcept {
  const auto* const places = reinterpret_cast<const __m128i*>(places_of_rows.places[bits]);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(end),
                      _mm256_add_epi32(first, _mm256_cvtepu8_epi32(_mm_loadl_epi64(places))));
  end += std::popcount(bits);
}

/// The same for n tiles; returns how many entries they have.
template <class I>
std::int64_t list_entries(const std::uint16_t* bitmaps, const I* cols, std::int64_t n,
                          std::uint32_t* list) noexcept {
  std::uint32_t* end = list;
  for (std::int64_t t = 0; t < n; ++t) {
    const unsigned bitmap = bitmaps[t];
    const __m256i first =
        _mm256_set1_epi32(static_cast<int>(16 * static_cast<std::uint32_t>(cols[t])));
    list_half(bitmap & 255U, first, end);
    list_half(bitmap >> 8, _mm256_add_epi32(first, _mm256_set1_epi32(2)), end);
  }
  return end - list;
}

/// Tile rows [first, last). Rows of B in memory are asked for one tile row ahead.
template <int Vectors, bool Part = false, class T, class I>
void spmm_entries(const bitmap_view<const T, I>& a, std::int64_t first, std::int64_t last,
                  const T* b, std::int64_t ldb, std::int64_t width,
                  const panel_output<T>& out) noexcept {
  using v = lanes<T>;
  if constexpr (Vectors == 1 && !Part) {
    if (width < v::count) return spmm_entries<1, true>(a, first, last, b, ldb, width, out);
  }
  constexpr std::int64_t size = Vectors * v::count; // of the sums of a place
  const vector_places<T, Vectors, Part> places(b, width, out.whole_b);
  const std::int64_t* const offsets = a.tile_row_offsets().data();
  const std::uint16_t* const bitmaps = a.bitmaps().data();
  const I* const cols = a.tile_cols().data();
  const T* e = a.elements().data() + a.element_offsets()[at(first)];
  alignas(64) T sums[16 * size];
  std::uint32_t list[16 * listed_tiles + 8];

  for (std::int64_t tr = first; tr < last; ++tr) {
    if (out.fetched != nullptr) fetch_output<T, Vectors>(4 * tr + 4, 4 * tr + 8, out);
    if (out.fetches_b && tr + 1 < last) {
      for (std::int64_t t = offsets[tr + 1]; t < offsets[tr + 2]; ++t) {
        const T* const row = b + 4 * ldb * static_cast<std::int64_t>(cols[t]);
        for (std::int64_t r = 0; r < 4; ++r) TILEBIT_PREFETCH(row + r * ldb);
      }
    }
    for (std::int64_t k = 0; k < 16 * size; k += v::count) v::store(sums + k, v::zero());
    for (std::int64_t t = offsets[tr]; t < offsets[tr + 1]; t += listed_tiles) {
      const std::int64_t tiles = std::min(listed_tiles, offsets[tr + 1] - t);
      const std::int64_t n = list_entries(bitmaps + t, cols + t, tiles, list);
      for (std::int64_t k = 0; k < n; ++k, ++e) {
        T* const of_place = sums + size * (list[k] & 15U);
        const std::int64_t row = static_cast<std::int64_t>(list[k] >> 2) * ldb;
        const auto entry = v::broadcast(e);
        TILEBIT_UNROLL
        for (int j = 0; j < Vectors; ++j) {
          T* const s = of_place + v::count * j;
          v::store(s, v::fma(entry, places.load_b(row, j), v::load(s)));
        }
      }
    }
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) {
      typename v::reg row[Vectors];
      TILEBIT_UNROLL
      for (int j = 0; j < Vectors; ++j) {
        const T* const s = sums + size * r + v::count * j;
        row[j] = v::add(v::add(v::load(s), v::load(s + 4 * size)),
                        v::add(v::load(s + 8 * size), v::load(s + 12 * size)));
      }
      if (4 * tr + r < out.rows) store_row<T, Vectors>(row, 4 * tr + r, places, out);
    }
  }
}
