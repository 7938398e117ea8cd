// Tiles with AVX2 and BMI2: included by simd.hpp behind what simd_avx2.inc.hpp has.
// tiles_avx512.inc.hpp has the same names.
//
// There is no expanding load: elements are moved to their columns by a permutation that the bits of
// one row or of two choose from a table. Where there is none, the sum stays what it was. Sixteen
// elements are read from a tile's first one on.

/// Loads what a permutation takes from a register: from memory it takes twice as long on AMD's
/// processors (Zen 3: 2 cycles, and 1).
template <class T>
__m256 loaded_apart(const T* e) noexcept {
  __m256 loaded = _mm256_loadu_ps(reinterpret_cast<const float*>(e));
  keep_loaded(loaded);
  return loaded;
}

/// Two rows of a tile.
struct two_rows {
  __m256 order; // the sign of a lane tells whether it has an element
  __m256 elements;

  two_rows(unsigned bits, const float* e) noexcept {
    const auto lanes =
        _mm256_load_si256(reinterpret_cast<const __m256i*>(row_tables::of_floats[bits]));
    order = _mm256_castsi256_ps(lanes);
    elements = _mm256_permutevar8x32_ps(loaded_apart(e), lanes);
  }
  /// sums + elements * factors.
  __m256 added(__m256 factors, __m256 sums) const noexcept {
    return _mm256_blendv_ps(sums, _mm256_fmadd_ps(elements, factors, sums), order);
  }
};

/// A row of a tile.
struct one_row {
  __m256d order;
  __m256d elements;

  one_row(unsigned bits, const double* e) noexcept {
    const auto lanes =
        _mm256_load_si256(reinterpret_cast<const __m256i*>(row_tables::of_double[bits]));
    order = _mm256_castsi256_pd(lanes);
    elements = _mm256_castps_pd(_mm256_permutevar8x32_ps(loaded_apart(e), lanes));
  }
  __m256d added(__m256d factors, __m256d sums) const noexcept {
    return _mm256_blendv_pd(sums, _mm256_fmadd_pd(elements, factors, sums), order);
  }
};

template <class T>
struct expanded_tile;

template <>
struct expanded_tile<float> {
  two_rows upper;
  two_rows lower;
  const float* end; ///< where those of the next tile begin

  expanded_tile(unsigned bits, const float* e) noexcept
      : upper(bits & 0xffU, e), lower(bits >> 8, e + std::popcount(bits & 0xffU)),
        end(e + std::popcount(bits)) {}
};

/// Row by row, because registers do not hold all four besides sums.
template <>
struct expanded_tile<double> {
  unsigned bits;
  const double* elements;
  const double* end;

  expanded_tile(unsigned b, const double* e) noexcept
      : bits(b), elements(e), end(e + std::popcount(b)) {}

  TILEBIT_ALWAYS_INLINE one_row row(int r) const noexcept {
    const unsigned before = bits & ((1U << 4 * r) - 1);
    return {bits >> 4 * r & 15U, elements + std::popcount(before)};
  }
};

template <class T>
struct tile_accumulator;

template <>
struct tile_accumulator<float> {
  static constexpr std::int64_t group = 1;
  static constexpr bool reads_ahead = true;
  using tile = expanded_tile<float>;
  __m256 upper; // rows 0 and 1
  __m256 lower; // rows 2 and 3

  tile_accumulator() noexcept : upper(_mm256_setzero_ps()), lower(_mm256_setzero_ps()) {}

  void add(const tile& a, const float* x) noexcept {
    const __m256 xs = _mm256_broadcast_ps(reinterpret_cast<const __m128*>(x));
    upper = a.upper.added(xs, upper);
    lower = a.lower.added(xs, lower);
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
  using tile = expanded_tile<double>;
  __m256d sums[4];

  tile_accumulator() noexcept {
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) sums[r] = _mm256_setzero_pd();
  }

  void add(const tile& a, const double* x) noexcept {
    const __m256d xs = _mm256_loadu_pd(x);
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) sums[r] = a.row(r).added(xs, sums[r]);
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

/// Adds products of a tile to z, over its rows.
template <class T>
struct tile_scatter;

template <>
struct tile_scatter<float> {
  __m256 upper; // the factors of rows 0 and 1
  __m256 lower;

  tile_scatter(const float* f, float alpha) noexcept
      : upper(of_rows(alpha * f[0], alpha * f[1])), lower(of_rows(alpha * f[2], alpha * f[3])) {}

  template <bool Full = false>
  const float* add(unsigned bits, const float* e, float* z) const noexcept {
    const __m256 old = _mm256_zextps128_ps256(_mm_loadu_ps(z));
    if constexpr (Full) {
      add_halves(_mm256_fmadd_ps(_mm256_loadu_ps(e + 8), lower,
                                 _mm256_fmadd_ps(_mm256_loadu_ps(e), upper, old)),
                 z);
      return e + 16;
    }
    const expanded_tile<float> tile(bits, e);
    add_halves(tile.lower.added(lower, tile.upper.added(upper, old)), z);
    return tile.end;
  }

private:
  static __m256 of_rows(float even, float odd) noexcept {
    return _mm256_set_m128(_mm_set1_ps(odd), _mm_set1_ps(even));
  }
  static void add_halves(__m256 sums, float* z) noexcept {
    _mm_storeu_ps(z, _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps(sums, 1)));
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
    const expanded_tile<double> tile(bits, e);
    TILEBIT_UNROLL
    for (int r = 0; r < 4; ++r) sum = tile.row(r).added(_mm256_set1_pd(factors[r]), sum);
    _mm256_storeu_pd(z, sum);
    return tile.end;
  }
};
