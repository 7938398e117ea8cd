// Products of tile rows with a few columns, for low-precision types: included by simd.hpp in the
// target region of AVX-512 BF16 and VNNI.
//
// One step takes a register of entries: two tiles of bfloat16, four tiles of 8-bit integers, one
// tile of float16. It expands what is stored, with zeros in between, and multiplies it by the
// entries of x above it, four for each tile. Those are broadcast to the rows of their tile by
// loads, so that no entry is moved after it is expanded.

/// One step of a type: what of x it multiplies, and how sums of a row are spread over a register.
template <class T>
struct dots;

template <>
struct dots<bfloat16> {
  using reg = __m512;
  static constexpr int tiles = 2;

  static reg zero() noexcept { return _mm512_setzero_ps(); }
  static reg add(reg a, reg b) noexcept { return _mm512_add_ps(a, b); }
  static __m512i expand(std::uint64_t bitmaps, const bfloat16* e) noexcept {
    return expand_piece(bitmaps, e);
  }
  static __m512i load_x(const bfloat16* x, const std::int64_t (&at)[2]) noexcept {
    const __m512i v = _mm512_broadcastq_epi64(load(x + at[0]));
    return _mm512_mask_broadcastq_epi64(v, 0xf0, load(x + at[1]));
  }
  static __m512i load_x(const bfloat16* x) noexcept {
    const std::int64_t at[2] = {0, 4};
    return load_x(x, at);
  }
  static reg fma(__m512i a, __m512i x, reg sum) noexcept {
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)x);
  }
  static __m128i load(const bfloat16* p) noexcept {
    return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  }
  /// Row r is in elements 2 r and 2 r + 1 of either half.
  static void store(reg a, float* to) noexcept {
    const __m256 v = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    const __m256 pairs = _mm256_add_ps(v, _mm256_movehdup_ps(v));
    const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    _mm_storeu_ps(to, _mm256_castps256_ps128(_mm256_permutevar8x32_ps(pairs, even)));
  }
};

template <>
struct dots<std::int8_t> {
  using reg = __m512i;
  static constexpr int tiles = 4;

  static reg zero() noexcept { return _mm512_setzero_si512(); }
  static reg add(reg a, reg b) noexcept { return _mm512_add_epi32(a, b); }
  static __m512i expand(std::uint64_t bitmaps, const std::int8_t* e) noexcept {
    return expand_piece(bitmaps, e);
  }
  static __m512i load_x(const std::uint8_t* x, const std::int64_t (&at)[4]) noexcept {
    __m512i v = _mm512_broadcastd_epi32(load(x + at[0]));
    v = _mm512_mask_broadcastd_epi32(v, 0x00f0, load(x + at[1]));
    v = _mm512_mask_broadcastd_epi32(v, 0x0f00, load(x + at[2]));
    return _mm512_mask_broadcastd_epi32(v, 0xf000, load(x + at[3]));
  }
  static __m512i load_x(const std::uint8_t* x) noexcept {
    const __m512i each =
        _mm512_setr_epi32(0x03020100, 0x03020100, 0x03020100, 0x03020100, 0x07060504, 0x07060504,
                          0x07060504, 0x07060504, 0x0b0a0908, 0x0b0a0908, 0x0b0a0908, 0x0b0a0908,
                          0x0f0e0d0c, 0x0f0e0d0c, 0x0f0e0d0c, 0x0f0e0d0c);
    const __m128i four = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x));
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(four), each);
  }
  static __m128i load(const std::uint8_t* p) noexcept { return _mm_loadu_si32(p); }
  static reg fma(__m512i a, __m512i x, reg sum) noexcept { return _mm512_dpbusd_epi32(sum, x, a); }
  /// Row r is in element r of every quarter.
  static void store(reg a, std::int32_t* to) noexcept {
    const __m256i v = _mm256_add_epi32(_mm512_castsi512_si256(a), _mm512_extracti64x4_epi64(a, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                     _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
  }
};

template <>
struct dots<float16> {
  using reg = __m512;
  static constexpr int tiles = 1;

  static reg zero() noexcept { return _mm512_setzero_ps(); }
  static reg add(reg a, reg b) noexcept { return _mm512_add_ps(a, b); }
  static __m512 expand(std::uint64_t bitmaps, const float16* e) noexcept {
    return _mm512_cvtph_ps(_mm256_mask_expandloadu_epi16(
        _mm512_castsi512_si256(cleared()), static_cast<__mmask16>(bitmaps), e));
  }
  static __m512 load_x(const float* x, const std::int64_t (&at)[1]) noexcept {
    return load_x(x + at[0]);
  }
  static __m512 load_x(const float* x) noexcept { return _mm512_broadcast_f32x4(_mm_loadu_ps(x)); }
  static reg fma(__m512 a, __m512 x, reg sum) noexcept { return _mm512_fmadd_ps(a, x, sum); }
  /// Row r is in elements 4 r to 4 r + 3.
  static void store(reg a, float* to) noexcept {
    const __m512 pairs = _mm512_add_ps(a, _mm512_movehdup_ps(a));
    const __m512 rows = _mm512_add_ps(pairs, _mm512_permute_ps(pairs, 0x4e));
    const __m512i firsts = _mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
    _mm_storeu_ps(to, _mm512_castps512_ps128(_mm512_permutexvar_ps(firsts, rows)));
  }
};

/// Tile rows [first, last) times N columns: column j of x is at x + j * ldx, its length rounded up
/// to whole tiles; the sums of tile row tr and column j go to sums[4 * (tr * N + j)] and the three
/// after it.
template <int N, class View, class T = typename View::scalar_type>
void tile_dots(const View& a, std::int64_t first, std::int64_t last, const dot_operand_t<T>* x,
               std::int64_t ldx, accumulator_t<T>* sums) noexcept {
  using d = dots<T>;
  constexpr int tiles = d::tiles;
  constexpr bool in_order = requires { a.tiles_per_row(); };
  constexpr int apart = N >= 4 ? 1 : 4 / N; // enough sums that none waits for itself
  const T* e = elements_in(a, first);
  for (std::int64_t tr = first; tr < last; ++tr) {
    const std::uint16_t* const bitmaps = bitmaps_in(a, tr);
    [[maybe_unused]] const auto* const cols = cols_in(a, tr);
    const std::int64_t n = tiles_of(a, tr);
    typename d::reg s[apart][N];
    [[maybe_unused]] typename d::reg moved = d::zero();
    TILEBIT_UNROLL
    for (int k = 0; k < apart; ++k) {
      TILEBIT_UNROLL
      for (int j = 0; j < N; ++j) s[k][j] = d::zero();
    }
    // Adds tiles, which are under the columns of x that load(column) gives.
    const auto add = [&](const auto& w, typename d::reg(&to)[N], auto&& load) {
      TILEBIT_UNROLL
      for (int j = 0; j < N; ++j) to[j] = d::fma(w, load(x + j * ldx), to[j]);
      if constexpr (std::is_same_v<T, std::int8_t>) {
        moved = d::fma(w, _mm512_set1_epi8(-128), moved);
      }
    };
    const auto step = [&](std::int64_t t, typename d::reg(&to)[N]) {
      prefetch_elements(e);
      std::uint64_t word = 0;
      std::memcpy(&word, bitmaps + t, tiles * sizeof(std::uint16_t));
      const auto w = d::expand(word, e);
      e += std::popcount(word);
      if constexpr (in_order) {
        add(w, to, [&](const auto* column) { return d::load_x(column + 4 * t); });
      } else {
        std::int64_t at[tiles];
        for (int k = 0; k < tiles; ++k) at[k] = 4 * static_cast<std::int64_t>(cols[t + k]);
        add(w, to, [&](const auto* column) { return d::load_x(column, at); });
      }
    };
    std::int64_t t = 0;
    for (; t + apart * tiles <= n; t += apart * tiles) {
      TILEBIT_UNROLL
      for (int k = 0; k < apart; ++k) step(t + k * tiles, s[k]);
    }
    for (; t + tiles <= n; t += tiles) step(t, s[0]);
    if (t < n) {
      std::uint64_t word = 0;
      std::int64_t at[tiles] = {};
      for (int k = 0; t + k < n; ++k) {
        word |= std::uint64_t{bitmaps[t + k]} << 16 * k;
        at[k] = 4 * (in_order ? t + k : static_cast<std::int64_t>(cols[t + k]));
      }
      const auto w = d::expand(word, e);
      e += std::popcount(word);
      add(w, s[0], [&](const auto* column) { return d::load_x(column, at); });
    }
    TILEBIT_UNROLL
    for (int j = 0; j < N; ++j) {
      TILEBIT_UNROLL
      for (int k = 1; k < apart; ++k) s[0][j] = d::add(s[0][j], s[k][j]);
      if constexpr (std::is_same_v<T, std::int8_t>) s[0][j] = _mm512_sub_epi32(s[0][j], moved);
      d::store(s[0][j], sums + 4 * (tr * N + j));
    }
  }
}
