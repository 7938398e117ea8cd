// Tiles with AVX2 and BMI2: included by simd.hpp behind what simd_avx2.inc.hpp has.
// tiles_avx512.inc.hpp has the same names.
//
// There is no expanding load: elements are moved to their columns by a permutation that the bits of
// one row or of two choose from a table. What x holds elsewhere is masked to zero before it
// multiplies. tile_accumulator reads 16 elements from a tile's first one on, tile_row only those
// that its row has.

/// The elements of one row of a tile in their columns, 0 where there are none.
template <class T>
struct tile_row;

template <>
struct tile_row<float> {
  __m128 elements;
  __m128 present; // a mask
  int count;

  tile_row(unsigned bits, const float* e) noexcept : count(std::popcount(bits)) {
    const auto& row = row_tables::of_float[bits];
    const auto loaded =
        _mm_load_si128(reinterpret_cast<const __m128i*>(row_tables::first_floats[count]));
    const auto order = _mm_load_si128(reinterpret_cast<const __m128i*>(row.order));
    present = _mm_castsi128_ps(row_mask<float>(bits));
    elements = _mm_and_ps(_mm_permutevar_ps(_mm_maskload_ps(e, loaded), order), present);
  }
};

template <>
struct tile_row<double> {
  __m256d elements;
  __m256d present;
  int count;

  tile_row(unsigned bits, const double* e) noexcept : count(std::popcount(bits)) {
    const auto& row = row_tables::of_double[bits];
    const auto loaded =
        _mm256_load_si256(reinterpret_cast<const __m256i*>(row_tables::first_doubles[count]));
    const auto order = _mm256_load_si256(reinterpret_cast<const __m256i*>(row.order));
    present = _mm256_castsi256_pd(row_mask<double>(bits));
    const __m256 packed = _mm256_castpd_ps(_mm256_maskload_pd(e, loaded));
    elements = _mm256_and_pd(_mm256_castps_pd(_mm256_permutevar8x32_ps(packed, order)), present);
  }
};

template <class T>
struct tile_accumulator;

template <>
struct tile_accumulator<float> {
  static constexpr std::int64_t group = 1;
  static constexpr bool reads_ahead = true;
  __m256 upper; // rows 0 and 1
  __m256 lower; // rows 2 and 3

  tile_accumulator() noexcept : upper(_mm256_setzero_ps()), lower(_mm256_setzero_ps()) {}

  /// Two rows of a tile, their elements from e on.
  struct half {
    __m256 present; // a mask
    __m256 elements;

    half(unsigned bits, const float* e) noexcept {
      const __m256i order =
          _mm256_load_si256(reinterpret_cast<const __m256i*>(row_tables::halves[bits]));
      present = _mm256_castsi256_ps(_mm256_srai_epi32(order, 31));
      elements = _mm256_and_ps(_mm256_permutevar8x32_ps(_mm256_loadu_ps(e), order), present);
    }
    __m256 times(__m256 xs, __m256 sums) const noexcept {
      return _mm256_fmadd_ps(elements, _mm256_and_ps(xs, present), sums);
    }
  };
  struct tile {
    half upper;
    half lower;
    const float* end; ///< where those of the next tile begin

    tile(unsigned bits, const float* e) noexcept
        : upper(bits & 0xffU, e), lower(bits >> 8, e + std::popcount(bits & 0xffU)),
          end(e + std::popcount(bits)) {}
  };
  void add(const tile& a, const float* x) noexcept {
    const __m256 xs = _mm256_broadcast_ps(reinterpret_cast<const __m128*>(x));
    upper = a.upper.times(xs, upper);
    lower = a.lower.times(xs, lower);
  }
  /// A tile of 16 elements.
  struct full_tile {
    __m256 upper;
    __m256 lower;
    const float* end;

    full_tile(unsigned, const float* e) noexcept
        : upper(_mm256_loadu_ps(e)), lower(_mm256_loadu_ps(e + 8)), end(e + 16) {}
  };
  void add(const full_tile& a, const float* x) noexcept {
    const __m256 xs = _mm256_broadcast_ps(reinterpret_cast<const __m128*>(x));
    upper = _mm256_fmadd_ps(a.upper, xs, upper);
    lower = _mm256_fmadd_ps(a.lower, xs, lower);
  }
  void add(const tile_accumulator& other) noexcept {
    upper = _mm256_add_ps(upper, other.upper);
    lower = _mm256_add_ps(lower, other.lower);
  }
  static void rows(const tile_accumulator* of, float* to) noexcept {
    const __m256 pairs = _mm256_hadd_ps(of->upper, of->lower); // rows 0 0 2 2 1 1 3 3
    const __m256 sums = _mm256_hadd_ps(pairs, pairs);          // rows 0 2 0 2 1 3 1 3
    _mm_storeu_ps(to,
                  _mm_unpacklo_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1)));
  }
  template <int Columns>
  static void rows_of_columns(const tile_accumulator* of, __m256 (&rows)[4]) noexcept {
    constexpr int last = Columns - 1;
    const __m256 upper = // in each 128 bits one row
        _mm256_hadd_ps(_mm256_hadd_ps(of[0].upper, of[1].upper),
                       _mm256_hadd_ps(of[last - 1].upper, of[last].upper));
    const __m256 lower = _mm256_hadd_ps(_mm256_hadd_ps(of[0].lower, of[1].lower),
                                        _mm256_hadd_ps(of[last - 1].lower, of[last].lower));
    rows[0] = upper;
    rows[1] = _mm256_castps128_ps256(_mm256_extractf128_ps(upper, 1));
    rows[2] = lower;
    rows[3] = _mm256_castps128_ps256(_mm256_extractf128_ps(lower, 1));
  }
};

template <>
struct tile_accumulator<double> {
  static constexpr std::int64_t group = 1;
  static constexpr bool reads_ahead = true;
  __m256d sums[4];

  tile_accumulator() noexcept {
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) sums[r] = _mm256_setzero_pd();
  }

  /// A row of a tile, four elements from its first one on.
  struct row {
    __m256d present; // a mask
    __m256d elements;

    row(unsigned bits, const double* e) noexcept {
      const auto& moved = row_tables::of_double[bits];
      const auto order = _mm256_load_si256(reinterpret_cast<const __m256i*>(moved.order));
      present =
          _mm256_castsi256_pd(_mm256_load_si256(reinterpret_cast<const __m256i*>(moved.present)));
      const __m256 packed = _mm256_castpd_ps(_mm256_loadu_pd(e));
      elements =
          _mm256_and_pd(_mm256_castps_pd(_mm256_permutevar8x32_ps(packed, order)), present);
    }
  };
  struct tile {
    row rows[4];
    const double* end;

    tile(unsigned bits, const double* e) noexcept
        : rows{{bits & 15U, e},
               {bits >> 4 & 15U, e + std::popcount(bits & 0xfU)},
               {bits >> 8 & 15U, e + std::popcount(bits & 0xffU)},
               {bits >> 12, e + std::popcount(bits & 0xfffU)}},
          end(e + std::popcount(bits)) {}
  };
  void add(const tile& a, const double* x) noexcept {
    const __m256d xs = _mm256_loadu_pd(x);
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) {
      const row& of = a.rows[r];
      sums[r] = _mm256_fmadd_pd(of.elements, _mm256_and_pd(xs, of.present), sums[r]);
    }
  }
  struct full_tile {
    const double* elements;
    const double* end;

    full_tile(unsigned, const double* e) noexcept : elements(e), end(e + 16) {}
  };
  void add(const full_tile& a, const double* x) noexcept {
    const __m256d xs = _mm256_loadu_pd(x);
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) {
      sums[r] = _mm256_fmadd_pd(_mm256_loadu_pd(a.elements + 4 * r), xs, sums[r]);
    }
  }
  void add(const tile_accumulator& other) noexcept {
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) sums[r] = _mm256_add_pd(sums[r], other.sums[r]);
  }
  static void rows(const tile_accumulator* of, double* to) noexcept {
    const __m256d r01 = _mm256_hadd_pd(of->sums[0], of->sums[1]); // 0 1 0 1
    const __m256d r23 = _mm256_hadd_pd(of->sums[2], of->sums[3]);
    const __m256d crossed = _mm256_permute2f128_pd(r01, r23, 0x21);
    _mm256_storeu_pd(to, _mm256_add_pd(crossed, _mm256_blend_pd(r01, r23, 0xc)));
  }
  template <int Columns>
  static void rows_of_columns(const tile_accumulator* of, __m256d (&rows)[4]) noexcept {
    static_assert(Columns == 2);
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) {
      const __m256d both = _mm256_hadd_pd(of[0].sums[r], of[1].sums[r]);
      rows[r] = _mm256_add_pd(both, _mm256_castpd128_pd256(_mm256_extractf128_pd(both, 1)));
    }
  }
};

template <class T>
struct tile_scatter;

template <>
struct tile_scatter<float> {
  float factors[4];

  tile_scatter(const float* f, float alpha) noexcept {
    for (int r = 0; r < 4; ++r) factors[r] = alpha * f[r];
  }
  template <bool Full = false>
  const float* add(unsigned bits, const float* e, float* z) const noexcept {
    __m128 sum = _mm_loadu_ps(z);
    if constexpr (Full) {
      TILEBIT_UNROLL
      for (int r = 0; r < 4; ++r) {
        sum = _mm_fmadd_ps(_mm_loadu_ps(e + 4 * r), _mm_set1_ps(factors[r]), sum);
      }
      _mm_storeu_ps(z, sum);
      return e + 16;
    }
    TILEBIT_UNROLL
    for (unsigned r = 0; r < 4; ++r) {
      const tile_row<float> row(bits >> (4 * r) & 15U, e);
      sum = _mm_fmadd_ps(row.elements, _mm_and_ps(_mm_set1_ps(factors[r]), row.present), sum);
      e += row.count;
    }
    _mm_storeu_ps(z, sum);
    return e;
  }
};

template <>
struct tile_scatter<double> {
  double factors[4];

  tile_scatter(const double* f, double alpha) noexcept {
    for (int r = 0; r < 4; ++r) factors[r] = alpha * f[r];
  }
  template <bool Full = false>
  const double* add(unsigned bits, const double* e, double* z) const noexcept {
    __m256d sum = _mm256_loadu_pd(z);
    if constexpr (Full) {
      TILEBIT_UNROLL
      for (int r = 0; r < 4; ++r) {
        sum = _mm256_fmadd_pd(_mm256_loadu_pd(e + 4 * r), _mm256_set1_pd(factors[r]), sum);
      }
      _mm256_storeu_pd(z, sum);
      return e + 16;
    }
    TILEBIT_UNROLL
    for (unsigned r = 0; r < 4; ++r) {
      const tile_row<double> row(bits >> (4 * r) & 15U, e);
      sum = _mm256_fmadd_pd(row.elements, _mm256_and_pd(_mm256_set1_pd(factors[r]), row.present),
                            sum);
      e += row.count;
    }
    _mm256_storeu_pd(z, sum);
    return e;
  }
};
