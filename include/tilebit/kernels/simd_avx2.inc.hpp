// The vocabulary of AVX2, FMA and BMI2: included by simd.hpp inside a target region, in the
// namespace of the instruction set. simd_avx512.inc.hpp has the same names.
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
    present = _mm_castsi128_ps(_mm_load_si128(reinterpret_cast<const __m128i*>(row.present)));
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
    present = _mm256_castsi256_pd(_mm256_load_si256(reinterpret_cast<const __m256i*>(row.present)));
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

  const float* add(unsigned bitmap, const float* e, const float* x) noexcept {
    const unsigned low = bitmap & 0xffU;
    const unsigned high = bitmap >> 8;
    const float* const e1 = e + std::popcount(low);
    const __m256 xs = _mm256_broadcast_ps(reinterpret_cast<const __m128*>(x));
    upper = add_half(low, e, xs, upper);
    lower = add_half(high, e1, xs, lower);
    return e1 + std::popcount(high);
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

private:
  static __m256 add_half(unsigned bits, const float* e, __m256 xs, __m256 sums) noexcept {
    const __m256i order =
        _mm256_load_si256(reinterpret_cast<const __m256i*>(row_tables::halves[bits]));
    const __m256 a = _mm256_permutevar8x32_ps(_mm256_loadu_ps(e), order);
    const __m256 present = _mm256_castsi256_ps(_mm256_srai_epi32(order, 31));
    return _mm256_fmadd_ps(_mm256_and_ps(a, present), _mm256_and_ps(xs, present), sums);
  }
};

template <>
struct tile_accumulator<double> {
  static constexpr std::int64_t group = 1;
  static constexpr bool reads_ahead = true;
  __m256d sums[4];

  tile_accumulator() noexcept {
    for (auto& s : sums) s = _mm256_setzero_pd();
  }

  const double* add(unsigned bitmap, const double* e, const double* x) noexcept {
    const __m256d xs = _mm256_loadu_pd(x);
    sums[0] = add_row(bitmap & 15U, e, xs, sums[0]);
    sums[1] = add_row(bitmap >> 4 & 15U, e + std::popcount(bitmap & 0xfU), xs, sums[1]);
    sums[2] = add_row(bitmap >> 8 & 15U, e + std::popcount(bitmap & 0xffU), xs, sums[2]);
    sums[3] = add_row(bitmap >> 12, e + std::popcount(bitmap & 0xfffU), xs, sums[3]);
    return e + std::popcount(bitmap);
  }
  void add(const tile_accumulator& other) noexcept {
    for (int r = 0; r < 4; ++r) sums[r] = _mm256_add_pd(sums[r], other.sums[r]);
  }
  static void rows(const tile_accumulator* of, double* to) noexcept {
    const __m256d r01 = _mm256_hadd_pd(of->sums[0], of->sums[1]); // 0 1 0 1
    const __m256d r23 = _mm256_hadd_pd(of->sums[2], of->sums[3]);
    const __m256d crossed = _mm256_permute2f128_pd(r01, r23, 0x21);
    _mm256_storeu_pd(to, _mm256_add_pd(crossed, _mm256_blend_pd(r01, r23, 0xc)));
  }

private:
  static __m256d add_row(unsigned bits, const double* e, __m256d xs, __m256d sums) noexcept {
    const auto& row = row_tables::of_double[bits];
    const auto order = _mm256_load_si256(reinterpret_cast<const __m256i*>(row.order));
    const __m256d present =
        _mm256_castsi256_pd(_mm256_load_si256(reinterpret_cast<const __m256i*>(row.present)));
    const __m256 packed = _mm256_castpd_ps(_mm256_loadu_pd(e));
    const __m256d a = _mm256_castps_pd(_mm256_permutevar8x32_ps(packed, order));
    return _mm256_fmadd_pd(_mm256_and_pd(a, present), _mm256_and_pd(xs, present), sums);
  }
};

template <class T>
struct tile_scatter;

template <>
struct tile_scatter<float> {
  float factors[4];

  explicit tile_scatter(const float* f) noexcept { std::copy_n(f, 4, factors); }
  void add(unsigned bitmap, const float* e, float* z) const noexcept {
    __m128 sum = _mm_loadu_ps(z);
    for (unsigned r = 0; r < 4; ++r) {
      const tile_row<float> row(bitmap >> (4 * r) & 15U, e);
      sum = _mm_fmadd_ps(row.elements, _mm_and_ps(_mm_set1_ps(factors[r]), row.present), sum);
      e += row.count;
    }
    _mm_storeu_ps(z, sum);
  }
};

template <>
struct tile_scatter<double> {
  double factors[4];

  explicit tile_scatter(const double* f) noexcept { std::copy_n(f, 4, factors); }
  void add(unsigned bitmap, const double* e, double* z) const noexcept {
    __m256d sum = _mm256_loadu_pd(z);
    for (unsigned r = 0; r < 4; ++r) {
      const tile_row<double> row(bitmap >> (4 * r) & 15U, e);
      sum = _mm256_fmadd_pd(row.elements, _mm256_and_pd(_mm256_set1_pd(factors[r]), row.present),
                            sum);
      e += row.count;
    }
    _mm256_storeu_pd(z, sum);
  }
};

template <class T>
struct diagonal_sums;

template <>
struct diagonal_sums<float> {
  __m128 sums[4];

  diagonal_sums() noexcept {
    for (auto& s : sums) s = _mm_setzero_ps();
  }
  const float* add(const float* e, const float* x) noexcept {
    for (int k = 0; k < 4; ++k) {
      sums[k] = _mm_fmadd_ps(_mm_loadu_ps(e + 4 * k), _mm_loadu_ps(x + 4 * k), sums[k]);
    }
    return e + 16;
  }
  const float* add(unsigned bits, const float* e, const float* x) noexcept {
    for (int k = 0; k < 4; ++k) {
      const tile_row<float> row(bits >> (4 * k) & 15U, e);
      sums[k] = _mm_fmadd_ps(row.elements,
                             _mm_maskload_ps(x + 4 * k, _mm_castps_si128(row.present)), sums[k]);
      e += row.count;
    }
    return e;
  }
  void store(float* to) const noexcept {
    for (int k = 0; k < 4; ++k) _mm_storeu_ps(to + 4 * k, sums[k]);
  }
};

template <>
struct diagonal_sums<double> {
  __m256d sums[4];

  diagonal_sums() noexcept {
    for (auto& s : sums) s = _mm256_setzero_pd();
  }
  const double* add(const double* e, const double* x) noexcept {
    for (int k = 0; k < 4; ++k) {
      sums[k] = _mm256_fmadd_pd(_mm256_loadu_pd(e + 4 * k), _mm256_loadu_pd(x + 4 * k), sums[k]);
    }
    return e + 16;
  }
  const double* add(unsigned bits, const double* e, const double* x) noexcept {
    for (int k = 0; k < 4; ++k) {
      const tile_row<double> row(bits >> (4 * k) & 15U, e);
      sums[k] = _mm256_fmadd_pd(
          row.elements, _mm256_maskload_pd(x + 4 * k, _mm256_castpd_si256(row.present)), sums[k]);
      e += row.count;
    }
    return e;
  }
  void store(double* to) const noexcept {
    for (int k = 0; k < 4; ++k) _mm256_storeu_pd(to + 4 * k, sums[k]);
  }
};

template <class T>
struct diagonal_scatter;

template <>
struct diagonal_scatter<float> {
  __m128 factors[4];

  explicit diagonal_scatter(const float* f) noexcept {
    for (int k = 0; k < 4; ++k) factors[k] = _mm_loadu_ps(f + 4 * k);
  }
  const float* add(const float* e, float* z) const noexcept {
    for (int k = 0; k < 16; k += 4) {
      _mm_storeu_ps(z + k, _mm_fmadd_ps(_mm_loadu_ps(e + k), factors[k / 4], _mm_loadu_ps(z + k)));
    }
    return e + 16;
  }
  const float* add(unsigned bits, const float* e, float* z) const noexcept {
    for (int k = 0; k < 16; k += 4) {
      const tile_row<float> row(bits >> k & 15U, e);
      const auto mask = _mm_castps_si128(row.present);
      _mm_maskstore_ps(z + k, mask,
                       _mm_fmadd_ps(row.elements, factors[k / 4], _mm_maskload_ps(z + k, mask)));
      e += row.count;
    }
    return e;
  }
};

template <>
struct diagonal_scatter<double> {
  __m256d factors[4];

  explicit diagonal_scatter(const double* f) noexcept {
    for (int k = 0; k < 4; ++k) factors[k] = _mm256_loadu_pd(f + 4 * k);
  }
  const double* add(const double* e, double* z) const noexcept {
    for (int k = 0; k < 16; k += 4) {
      _mm256_storeu_pd(
          z + k, _mm256_fmadd_pd(_mm256_loadu_pd(e + k), factors[k / 4], _mm256_loadu_pd(z + k)));
    }
    return e + 16;
  }
  const double* add(unsigned bits, const double* e, double* z) const noexcept {
    for (int k = 0; k < 16; k += 4) {
      const tile_row<double> row(bits >> k & 15U, e);
      const auto mask = _mm256_castpd_si256(row.present);
      _mm256_maskstore_pd(
          z + k, mask,
          _mm256_fmadd_pd(row.elements, factors[k / 4], _mm256_maskload_pd(z + k, mask)));
      e += row.count;
    }
    return e;
  }
};

/// The lowest n lanes as a mask.
inline __m256i first_of_8(std::int64_t n) noexcept {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline __m256i first_of_4(std::int64_t n) noexcept {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}
/// 64-bit mask lanes as 32-bit ones.
inline __m128i narrow(__m256i mask) noexcept {
  const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
  return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(mask, even));
}

/// A mask of all lanes whose value the compiler does not see. g++ lets a gather under a constant
/// full mask start from whatever its register held, and the processor waits for that.
inline __m256i all_lanes() noexcept {
  __m256i mask = _mm256_set1_epi32(-1);
  asm("" : "+x"(mask));
  return mask;
}

/// x at the columns of the lanes that mask has; other lanes are 0 and nothing is read for them. The
/// columns are loaded under a mask of their own: the same, but constant where all are.
template <class I>
__m256d gather(__m256i loaded, __m256i mask, const I* cols, const double* x) noexcept {
  const __m256d zero = _mm256_setzero_pd();
  const __m256d lanes = _mm256_castsi256_pd(mask);
  if constexpr (sizeof(I) == 8) {
    const auto* p = reinterpret_cast<const long long*>(cols);
    return _mm256_mask_i64gather_pd(zero, x, _mm256_maskload_epi64(p, loaded), lanes, 8);
  } else {
    const __m128i narrow_cols =
        _mm_maskload_epi32(reinterpret_cast<const int*>(cols), narrow(loaded));
    if constexpr (std::is_signed_v<I>) {
      return _mm256_mask_i32gather_pd(zero, x, narrow_cols, lanes, 8);
    } else {
      return _mm256_mask_i64gather_pd(zero, x, _mm256_cvtepu32_epi64(narrow_cols), lanes, 8);
    }
  }
}
template <class I>
__m128 gather_half(__m256i mask, const I* cols, const float* x) noexcept {
  __m256i wide;
  if constexpr (sizeof(I) == 8) {
    wide = _mm256_maskload_epi64(reinterpret_cast<const long long*>(cols), mask);
  } else {
    wide =
        _mm256_cvtepu32_epi64(_mm_maskload_epi32(reinterpret_cast<const int*>(cols), narrow(mask)));
  }
  return _mm256_mask_i64gather_ps(_mm_setzero_ps(), x, wide, _mm_castsi128_ps(narrow(mask)), 4);
}
template <class I>
__m256 gather(__m256i loaded, __m256i mask, const I* cols, const float* x) noexcept {
  if constexpr (sizeof(I) == 4 && std::is_signed_v<I>) {
    const __m256i c = _mm256_maskload_epi32(reinterpret_cast<const int*>(cols), loaded);
    return _mm256_mask_i32gather_ps(_mm256_setzero_ps(), x, c, _mm256_castsi256_ps(mask), 4);
  } else {
    const __m128 low = gather_half(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(mask)), cols, x);
    const __m128 high =
        gather_half(_mm256_cvtepi32_epi64(_mm256_extracti128_si256(mask, 1)), cols + 4, x);
    return _mm256_set_m128(high, low);
  }
}

template <class T>
struct row_sum;

template <>
struct row_sum<float> {
  static constexpr std::int64_t width = 8;
  __m256 sum;

  row_sum() noexcept : sum(_mm256_setzero_ps()) {}
  template <class I>
  void add(const float* values, const I* cols, const float* x) noexcept {
    sum = _mm256_fmadd_ps(_mm256_loadu_ps(values),
                          gather(_mm256_set1_epi32(-1), all_lanes(), cols, x), sum);
  }
  template <class I>
  void add_first(std::int64_t n, const float* values, const I* cols, const float* x) noexcept {
    const __m256i mask = first_of_8(n); // lanes left out multiply 0 by 0
    sum = _mm256_fmadd_ps(_mm256_maskload_ps(values, mask), gather(mask, mask, cols, x), sum);
  }
  void add(const row_sum& other) noexcept { sum = _mm256_add_ps(sum, other.sum); }
  float total() const noexcept {
    const __m128 fours = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    const __m128 twos = _mm_add_ps(fours, _mm_movehl_ps(fours, fours));
    return _mm_cvtss_f32(_mm_add_ss(twos, _mm_movehdup_ps(twos)));
  }
};

template <>
struct row_sum<double> {
  static constexpr std::int64_t width = 4;
  __m256d sum;

  row_sum() noexcept : sum(_mm256_setzero_pd()) {}
  template <class I>
  void add(const double* values, const I* cols, const double* x) noexcept {
    sum = _mm256_fmadd_pd(_mm256_loadu_pd(values),
                          gather(_mm256_set1_epi32(-1), all_lanes(), cols, x), sum);
  }
  template <class I>
  void add_first(std::int64_t n, const double* values, const I* cols, const double* x) noexcept {
    const __m256i mask = first_of_4(n);
    sum = _mm256_fmadd_pd(_mm256_maskload_pd(values, mask), gather(mask, mask, cols, x), sum);
  }
  void add(const row_sum& other) noexcept { sum = _mm256_add_pd(sum, other.sum); }
  double total() const noexcept {
    const __m128d twos = _mm_add_pd(_mm256_castpd256_pd128(sum), _mm256_extractf128_pd(sum, 1));
    return _mm_cvtsd_f64(_mm_add_sd(twos, _mm_unpackhi_pd(twos, twos)));
  }
};

template <class T>
struct lane_sums {
  static constexpr std::int64_t width = row_sum<T>::width;
  row_sum<T> parts[16 / width];

  lane_sums() noexcept {}
  template <class I>
  void add(const T* values, const I* cols, const T* x) noexcept {
    for (std::int64_t k = 0; k < 16; k += width) parts[k / width].add(values + k, cols + k, x);
  }
  template <class I>
  void add_first(std::int64_t n, const T* values, const I* cols, const T* x) noexcept {
    for (std::int64_t k = 0; k < n; k += width) {
      parts[k / width].add_first(n - k, values + k, cols + k, x);
    }
  }
  void store(float* to) const noexcept {
    for (std::int64_t k = 0; k < 16; k += width) _mm256_storeu_ps(to + k, parts[k / width].sum);
  }
  void store(double* to) const noexcept {
    for (std::int64_t k = 0; k < 16; k += width) _mm256_storeu_pd(to + k, parts[k / width].sum);
  }
};

/// The lengths of up to 16 rows, for the question how many are longer than some step.
struct slice_lengths {
  __m256i low;
  __m256i high;

  slice_lengths(const std::int32_t* from, std::int64_t rows) noexcept
      : low(_mm256_maskload_epi32(from, first_of_8(rows))),
        high(_mm256_maskload_epi32(from + 8, first_of_8(rows - 8))) {}
  std::int64_t longer_than(std::int32_t step) const noexcept {
    const __m256i s = _mm256_set1_epi32(step);
    const auto longer = [s](__m256i lengths) {
      return static_cast<unsigned>(
          _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(lengths, s))));
    };
    return std::popcount(longer(low)) + std::popcount(longer(high));
  }
};

/// Comparisons of indices: any_falls looks at four vectors from rows on and the index before.
template <class I>
struct index_vector {
  static constexpr std::int64_t width = 32 / sizeof(I);

  static __m256i falls(const I* rows) noexcept {
    __m256i here = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows));
    __m256i before = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows - 1));
    if constexpr (sizeof(I) == 8) {
      return _mm256_cmpgt_epi64(before, here);
    } else {
      if constexpr (std::is_unsigned_v<I>) {
        const __m256i top = _mm256_set1_epi32(std::numeric_limits<std::int32_t>::min());
        here = _mm256_xor_si256(here, top);
        before = _mm256_xor_si256(before, top);
      }
      return _mm256_cmpgt_epi32(before, here);
    }
  }
  static bool any_falls(const I* rows) noexcept {
    const __m256i low = _mm256_or_si256(falls(rows), falls(rows + width));
    const __m256i high = _mm256_or_si256(falls(rows + 2 * width), falls(rows + 3 * width));
    const __m256i any = _mm256_or_si256(low, high);
    return _mm256_testz_si256(any, any) == 0;
  }
};

/// Are 16 rows each the one before plus 1? Only looked at for 32-bit indices.
template <class I>
bool follow_each_other(const I* rows) noexcept {
  if constexpr (sizeof(I) == 4) {
    const __m256i steps = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const auto differ = [&](const I* from, int first) {
      const __m256i expected = _mm256_add_epi32(_mm256_set1_epi32(first), steps);
      return _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)), expected);
    };
    const auto first = static_cast<int>(rows[0]);
    const __m256i any = _mm256_or_si256(differ(rows, first), differ(rows + 8, first + 8));
    return _mm256_testz_si256(any, any) != 0;
  } else {
    return false;
  }
}
