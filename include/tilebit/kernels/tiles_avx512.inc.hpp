// Tiles with AVX-512: included by simd.hpp behind what simd_avx512.inc.hpp has.
// tiles_avx2.inc.hpp has the same names.
//
// tile_accumulator<T> sums up the products of tiles with pieces of x, row by row. Lanes that a
// bitmap leaves out are masked in the multiply-add, so that what x and memory behind the elements
// hold there never matters. The sums of `group` tile rows are reduced to rows together.

/// Quarter r of each of one, two or four registers, side by side in row r; what is behind them is
/// anything.
template <int N>
void transpose_quarters(const __m512 (&pieces)[N], __m512 (&rows)[4]) noexcept {
  if constexpr (N == 1) {
    const __m512 piece = pieces[0];
    rows[0] = piece;
    rows[1] = _mm512_castps128_ps512(_mm512_extractf32x4_ps(piece, 1));
    rows[2] = _mm512_castps128_ps512(_mm512_extractf32x4_ps(piece, 2));
    rows[3] = _mm512_castps128_ps512(_mm512_extractf32x4_ps(piece, 3));
  } else { // of two registers the first ones again
    const __m512 low = _mm512_shuffle_f32x4(pieces[0], pieces[1], 0x44);
    const __m512 high = _mm512_shuffle_f32x4(pieces[0], pieces[1], 0xee);
    const __m512 other_low =
        N == 2 ? low : _mm512_shuffle_f32x4(pieces[N - 2], pieces[N - 1], 0x44);
    const __m512 other_high =
        N == 2 ? high : _mm512_shuffle_f32x4(pieces[N - 2], pieces[N - 1], 0xee);
    rows[0] = _mm512_shuffle_f32x4(low, other_low, 0x88);
    rows[1] = _mm512_shuffle_f32x4(low, other_low, 0xdd);
    rows[2] = _mm512_shuffle_f32x4(high, other_high, 0x88);
    rows[3] = _mm512_shuffle_f32x4(high, other_high, 0xdd);
  }
}

template <class T>
struct tile_accumulator;

template <>
struct tile_accumulator<float> {
  static constexpr std::int64_t group = reductions_shared ? 4 : 1;
  static constexpr bool reads_ahead = false;
  __m512 sums; // lane 4 r + c

  tile_accumulator() noexcept : sums(_mm512_setzero_ps()) {}

  /// The elements of a tile, from e on.
  struct tile {
    __mmask16 present;
    __m512 elements;
    const float* end; ///< where those of the next tile begin

    tile(unsigned bits, const float* e) noexcept
        : present(in_mask_register(static_cast<__mmask16>(bits))), elements(expand(present, e)),
          end(e + std::popcount(bits)) {}
  };
  /// Adds a tile times the four elements of x for its columns.
  void add(const tile& a, const float* x) noexcept {
    const __m512 xs = _mm512_broadcast_f32x4(_mm_loadu_ps(x));
    sums = _mm512_mask3_fmadd_ps(a.elements, xs, sums, a.present);
  }
  /// A tile of 16 elements.
  struct full_tile {
    __m512 elements;
    const float* end;

    full_tile(unsigned, const float* e) noexcept : elements(_mm512_loadu_ps(e)), end(e + 16) {}
  };
  void add(const full_tile& a, const float* x) noexcept {
    sums = _mm512_fmadd_ps(a.elements, _mm512_broadcast_f32x4(_mm_loadu_ps(x)), sums);
  }
  void add(const tile_accumulator& other) noexcept { sums = _mm512_add_ps(sums, other.sums); }
  /// The sums of all rows of a group of tile rows, which share the reduction.
  static void rows(const tile_accumulator* of, float* to) noexcept {
    if constexpr (reductions_shared) {
      rows_of_four(of, to);
    } else {
      const __m512 twos = _mm512_add_ps(of->sums, _mm512_permute_ps(of->sums, 0xb1));
      const __m512 fours = _mm512_add_ps(twos, _mm512_permute_ps(twos, 0x4e));
      const __m512i firsts = _mm512_castsi128_si512(_mm_setr_epi32(0, 4, 8, 12));
      _mm_storeu_ps(to, _mm512_castps512_ps128(_mm512_permutexvar_ps(firsts, fours)));
    }
  }
  /// Four rows of the sums of one tile row, each with the columns that it was multiplied by.
  template <int Columns>
  static void rows_of_columns(const tile_accumulator* of, __m512 (&rows)[4]) noexcept {
    constexpr int fours = (Columns + 3) / 4;
    __m512 pieces[fours];
    TILEBIT_UNROLL
    for (int p = 0; p < fours; ++p) {
      const tile_accumulator* const four = of + 4 * p;
      pieces[p] = Columns == 2 ? row_by_row(four[0], four[1], four[0], four[1])
                               : row_by_row(four[0], four[1], four[2], four[3]);
    }
    transpose_quarters(pieces, rows);
  }

private:
  /// In each 128 bits one row: of a, b, c and d.
  static __m512 row_by_row(const tile_accumulator& a, const tile_accumulator& b,
                           const tile_accumulator& c, const tile_accumulator& d) noexcept {
    const __m512 ab = // columns 0 and 2 of a, of b, 1 and 3 of a, of b
        _mm512_add_ps(_mm512_unpacklo_ps(a.sums, b.sums), _mm512_unpackhi_ps(a.sums, b.sums));
    const __m512 cd =
        _mm512_add_ps(_mm512_unpacklo_ps(c.sums, d.sums), _mm512_unpackhi_ps(c.sums, d.sums));
    return _mm512_add_ps(_mm512_shuffle_ps(ab, cd, 0x44), _mm512_shuffle_ps(ab, cd, 0xee));
  }
  static void rows_of_four(const tile_accumulator* of, float* to) noexcept {
    const __m512i by_tile_row =
        _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    _mm512_storeu_ps(
        to, _mm512_permutexvar_ps(by_tile_row, row_by_row(of[0], of[1], of[2], of[3])));
  }
};

template <>
struct tile_accumulator<double> {
  static constexpr std::int64_t group = reductions_shared ? 2 : 1;
  static constexpr bool reads_ahead = false;
  __m512d upper; // rows 0 and 1
  __m512d lower; // rows 2 and 3

  tile_accumulator() noexcept : upper(_mm512_setzero_pd()), lower(_mm512_setzero_pd()) {}

  struct tile {
    __mmask8 in_upper;
    __mmask8 in_lower;
    __m512d upper;
    __m512d lower;
    const double* end;

    tile(unsigned bits, const double* e) noexcept
        : in_upper(in_mask_register(static_cast<__mmask8>(bits & 0xffU))),
          in_lower(in_mask_register(static_cast<__mmask8>(bits >> 8))), upper(expand(in_upper, e)),
          end(e + std::popcount(bits & 0xffU)) {
      lower = expand(in_lower, end);
      end += std::popcount(bits >> 8);
    }
  };
  void add(const tile& a, const double* x) noexcept {
    const __m512d xs = _mm512_broadcast_f64x4(_mm256_loadu_pd(x));
    upper = _mm512_mask3_fmadd_pd(a.upper, xs, upper, a.in_upper);
    lower = _mm512_mask3_fmadd_pd(a.lower, xs, lower, a.in_lower);
  }
  struct full_tile {
    __m512d upper;
    __m512d lower;
    const double* end;

    full_tile(unsigned, const double* e) noexcept
        : upper(_mm512_loadu_pd(e)), lower(_mm512_loadu_pd(e + 8)), end(e + 16) {}
  };
  void add(const full_tile& a, const double* x) noexcept {
    const __m512d xs = _mm512_broadcast_f64x4(_mm256_loadu_pd(x));
    upper = _mm512_fmadd_pd(a.upper, xs, upper);
    lower = _mm512_fmadd_pd(a.lower, xs, lower);
  }
  void add(const tile_accumulator& other) noexcept {
    upper = _mm512_add_pd(upper, other.upper);
    lower = _mm512_add_pd(lower, other.lower);
  }
  static void rows(const tile_accumulator* of, double* to) noexcept {
    if constexpr (reductions_shared) {
      rows_of_two(of, to);
    } else {
      const __m512d twos = // rows 0 2 0 2 1 3 1 3
          _mm512_add_pd(_mm512_unpacklo_pd(of->upper, of->lower),
                        _mm512_unpackhi_pd(of->upper, of->lower));
      const __m256d even = _mm512_castpd512_pd256(twos);
      const __m256d odd = _mm512_extractf64x4_pd(twos, 1);
      const __m256d r01 = _mm256_unpacklo_pd(even, odd);
      const __m256d r23 = _mm256_unpackhi_pd(even, odd);
      _mm256_storeu_pd(to, _mm256_add_pd(_mm256_permute2f128_pd(r01, r23, 0x20),
                                         _mm256_permute2f128_pd(r01, r23, 0x31)));
    }
  }
  template <int Columns>
  static void rows_of_columns(const tile_accumulator* of, __m512d (&rows)[4]) noexcept {
    constexpr int pairs = Columns / 2;
    __m512 pieces[pairs]; // in each 128 bits one row of two columns
    TILEBIT_UNROLL
    for (int p = 0; p < pairs; ++p) {
      const tile_accumulator& a = of[2 * p];
      const tile_accumulator& b = of[2 * p + 1];
      const __m512d upper = // twice two columns of A
          _mm512_add_pd(_mm512_unpacklo_pd(a.upper, b.upper), _mm512_unpackhi_pd(a.upper, b.upper));
      const __m512d lower =
          _mm512_add_pd(_mm512_unpacklo_pd(a.lower, b.lower), _mm512_unpackhi_pd(a.lower, b.lower));
      pieces[p] = _mm512_castpd_ps(_mm512_add_pd(_mm512_shuffle_f64x2(upper, lower, 0x88),
                                                 _mm512_shuffle_f64x2(upper, lower, 0xdd)));
    }
    __m512 pieces_of_row[4];
    transpose_quarters(pieces, pieces_of_row);
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) rows[r] = _mm512_castps_pd(pieces_of_row[r]);
  }

private:
  static void rows_of_two(const tile_accumulator* of, double* to) noexcept {
    const __m512d a = // rows 0 2 0 2 1 3 1 3
        _mm512_add_pd(_mm512_unpacklo_pd(of[0].upper, of[0].lower),
                      _mm512_unpackhi_pd(of[0].upper, of[0].lower));
    const __m512d b = _mm512_add_pd(_mm512_unpacklo_pd(of[1].upper, of[1].lower),
                                    _mm512_unpackhi_pd(of[1].upper, of[1].lower));
    const __m512i first = _mm512_setr_epi64(0, 4, 1, 5, 8, 12, 9, 13);
    const __m512i second = _mm512_setr_epi64(2, 6, 3, 7, 10, 14, 11, 15);
    _mm512_storeu_pd(to, _mm512_add_pd(_mm512_permutex2var_pd(a, first, b),
                                       _mm512_permutex2var_pd(a, second, b)));
  }
};

/// tile_scatter<T> adds to four elements of z what a tile's columns hold times one factor per row,
/// and gives the end of the tile's elements; add_four, where there is one, does so for four tiles
/// of different columns, which share the sums over rows, and gives the same bits. So does Full,
/// for tiles of 16 elements.
template <class T>
struct tile_scatter;

template <>
struct tile_scatter<float> {
  __m512 factors; // lane 4 r + c: factor r

  tile_scatter(const float* f, float alpha) noexcept {
    const __m512i rows = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
    const __m128 fs = _mm_mul_ps(_mm_loadu_ps(f), _mm_set1_ps(alpha));
    factors = _mm512_permutexvar_ps(rows, _mm512_castps128_ps512(fs));
  }
  template <bool Full = false>
  const float* add(unsigned bits, const float* e, float* z) const noexcept {
    const __m512 p = products<Full>(bits, e);
    const __m256 twos = _mm256_add_ps(_mm512_castps512_ps256(p), _mm512_extractf32x8_ps(p, 1));
    const __m128 one = _mm_add_ps(_mm256_castps256_ps128(twos), _mm256_extractf128_ps(twos, 1));
    _mm_storeu_ps(z, _mm_add_ps(_mm_loadu_ps(z), one));
    return e;
  }
  template <bool Full, class I>
  TILEBIT_ALWAYS_INLINE const float* add_four(const std::uint16_t* bitmaps, const I* cols,
                                              const float* e, float* z) const noexcept {
    const __m512 a = products<Full>(bitmaps[0], e);
    const __m512 b = products<Full>(bitmaps[1], e);
    const __m512 c = products<Full>(bitmaps[2], e);
    const __m512 d = products<Full>(bitmaps[3], e);
    const __m512 ab = _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44),
                                    _mm512_shuffle_f32x4(a, b, 0xee));
    const __m512 cd = _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44),
                                    _mm512_shuffle_f32x4(c, d, 0xee));
    const __m512 sums = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88),
                                      _mm512_shuffle_f32x4(ab, cd, 0xdd));
    const auto put = [&](const I& col, __m128 sum) {
      float* const to = z + 4 * static_cast<std::int64_t>(col);
      _mm_storeu_ps(to, _mm_add_ps(_mm_loadu_ps(to), sum));
    };
    put(cols[0], _mm512_castps512_ps128(sums));
    if constexpr (reads_quarters && !Full) {
      alignas(64) float quarters[16];
      _mm512_store_ps(quarters, sums);
      asm("" : "+m"(quarters)); // or g++ extracts them
      put(cols[1], _mm_load_ps(quarters + 4));
      put(cols[2], _mm_load_ps(quarters + 8));
      put(cols[3], _mm_load_ps(quarters + 12));
    } else {
      put(cols[1], _mm512_extractf32x4_ps(sums, 1));
      put(cols[2], _mm512_extractf32x4_ps(sums, 2));
      put(cols[3], _mm512_extractf32x4_ps(sums, 3));
    }
    return e;
  }

private:
  /// Moves e to the end of the tile's elements.
  template <bool Full>
  TILEBIT_ALWAYS_INLINE __m512 products(unsigned bits, const float*& e) const noexcept {
    if constexpr (Full) {
      e += 16;
      return _mm512_mul_ps(_mm512_loadu_ps(e - 16), factors);
    }
    const auto mask = in_mask_register(static_cast<__mmask16>(bits));
    const __m512 p = _mm512_maskz_mul_ps(mask, expand(mask, e), factors);
    e += std::popcount(bits);
    return p;
  }
};

template <>
struct tile_scatter<double> {
  __m512d upper; // factors of rows 0 and 1
  __m512d lower; // of rows 2 and 3

  tile_scatter(const double* f, double alpha) noexcept {
    const __m512d fs =
        _mm512_castpd256_pd512(_mm256_mul_pd(_mm256_loadu_pd(f), _mm256_set1_pd(alpha)));
    upper = _mm512_permutexvar_pd(_mm512_setr_epi64(0, 0, 0, 0, 1, 1, 1, 1), fs);
    lower = _mm512_permutexvar_pd(_mm512_setr_epi64(2, 2, 2, 2, 3, 3, 3, 3), fs);
  }
  template <bool Full = false>
  const double* add(unsigned bits, const double* e, double* z) const noexcept {
    const __m512d p = products<Full>(bits, e);
    const __m256d one = _mm256_add_pd(_mm512_castpd512_pd256(p), _mm512_extractf64x4_pd(p, 1));
    _mm256_storeu_pd(z, _mm256_add_pd(_mm256_loadu_pd(z), one));
    return e;
  }

private:
  /// Moves e to the end of the tile's elements.
  template <bool Full>
  TILEBIT_ALWAYS_INLINE __m512d products(unsigned bits, const double*& e) const noexcept {
    if constexpr (Full) {
      e += 16;
      return _mm512_fmadd_pd(_mm512_loadu_pd(e - 8), lower,
                             _mm512_mul_pd(_mm512_loadu_pd(e - 16), upper));
    }
    const auto m0 = in_mask_register(static_cast<__mmask8>(bits));
    const auto m1 = in_mask_register(static_cast<__mmask8>(bits >> 8));
    const __m512d a0 = expand(m0, e);
    const __m512d a1 = expand(m1, e + std::popcount(bits & 0xffU));
    e += std::popcount(bits);
    return _mm512_mask3_fmadd_pd(a1, lower, _mm512_maskz_mul_pd(m0, a0, upper), m1);
  }
};
