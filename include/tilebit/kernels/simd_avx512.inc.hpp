// The vocabulary of AVX-512 (F, BW, DQ, VL): included by simd.hpp inside a target region, in the
// namespace of the instruction set. simd_avx2.inc.hpp has the same names.
//
// row_sum<T> sums up pieces of one row, lane_sums<T> the next entries of 16 rows; both gather x at
// the entries' columns. add_first(n, ...) takes n entries and reads nothing behind them.
// Constructors are written out, because a compiler makes implicit ones without the region's
// instruction set.

/// diagonal_sums<T> sums up 16 rows, whose columns follow each other in every piece: all 16, or
/// those that a mask has.
template <class T>
struct diagonal_sums;

template <>
struct diagonal_sums<float> {
  __m512 sums;

  diagonal_sums() noexcept : sums(_mm512_setzero_ps()) {}
  void add(const float* e, const float* x) noexcept {
    sums = _mm512_fmadd_ps(_mm512_loadu_ps(e), _mm512_loadu_ps(x), sums);
  }
  void add(unsigned bits, const float* e, const float* x) noexcept {
    const auto mask = in_mask_register(static_cast<__mmask16>(bits));
    sums = _mm512_mask3_fmadd_ps(_mm512_loadu_ps(e), _mm512_maskz_loadu_ps(mask, x), sums, mask);
  }
  void store(float* to) const noexcept { _mm512_storeu_ps(to, sums); }
};

template <>
struct diagonal_sums<double> {
  __m512d low;
  __m512d high;

  diagonal_sums() noexcept : low(_mm512_setzero_pd()), high(_mm512_setzero_pd()) {}
  void add(const double* e, const double* x) noexcept {
    low = _mm512_fmadd_pd(_mm512_loadu_pd(e), _mm512_loadu_pd(x), low);
    high = _mm512_fmadd_pd(_mm512_loadu_pd(e + 8), _mm512_loadu_pd(x + 8), high);
  }
  void add(unsigned bits, const double* e, const double* x) noexcept {
    add_half(bits & 0xffU, e, x, low);
    add_half(bits >> 8, e + 8, x + 8, high);
  }
  void store(double* to) const noexcept {
    _mm512_storeu_pd(to, low);
    _mm512_storeu_pd(to + 8, high);
  }

private:
  static void add_half(unsigned bits, const double* e, const double* x, __m512d& sums) noexcept {
    const auto mask = in_mask_register(static_cast<__mmask8>(bits));
    sums = _mm512_mask3_fmadd_pd(_mm512_loadu_pd(e), _mm512_maskz_loadu_pd(mask, x), sums, mask);
  }
};

/// diagonal_scatter<T> adds pieces of diagonals times one factor per row to z.
template <class T>
struct diagonal_scatter;

template <>
struct diagonal_scatter<float> {
  __m512 factors;

  diagonal_scatter(const float* f, float alpha) noexcept
      : factors(_mm512_mul_ps(_mm512_loadu_ps(f), _mm512_set1_ps(alpha))) {}
  void add(const float* e, float* z) const noexcept {
    _mm512_storeu_ps(z, _mm512_fmadd_ps(_mm512_loadu_ps(e), factors, _mm512_loadu_ps(z)));
  }
  void add(unsigned bits, const float* e, float* z) const noexcept {
    const auto mask = in_mask_register(static_cast<__mmask16>(bits));
    _mm512_mask_storeu_ps(
        z, mask, _mm512_fmadd_ps(_mm512_loadu_ps(e), factors, _mm512_maskz_loadu_ps(mask, z)));
  }
};

template <>
struct diagonal_scatter<double> {
  __m512d low;
  __m512d high;

  diagonal_scatter(const double* f, double alpha) noexcept
      : low(_mm512_mul_pd(_mm512_loadu_pd(f), _mm512_set1_pd(alpha))),
        high(_mm512_mul_pd(_mm512_loadu_pd(f + 8), _mm512_set1_pd(alpha))) {}
  void add(const double* e, double* z) const noexcept {
    _mm512_storeu_pd(z, _mm512_fmadd_pd(_mm512_loadu_pd(e), low, _mm512_loadu_pd(z)));
    _mm512_storeu_pd(z + 8, _mm512_fmadd_pd(_mm512_loadu_pd(e + 8), high, _mm512_loadu_pd(z + 8)));
  }
  void add(unsigned bits, const double* e, double* z) const noexcept {
    add_half(bits & 0xffU, e, low, z);
    add_half(bits >> 8, e + 8, high, z + 8);
  }

private:
  static void add_half(unsigned bits, const double* e, __m512d factors, double* z) noexcept {
    const auto mask = in_mask_register(static_cast<__mmask8>(bits));
    _mm512_mask_storeu_pd(
        z, mask, _mm512_fmadd_pd(_mm512_loadu_pd(e), factors, _mm512_maskz_loadu_pd(mask, z)));
  }
};

template <class T>
struct row_sum;

template <>
struct row_sum<float> {
  static constexpr std::int64_t width = 16;
  __m512 sum;

  row_sum() noexcept : sum(_mm512_setzero_ps()) {}
  template <class I>
  void add(const float* values, const I* cols, const float* x) noexcept {
    sum = _mm512_fmadd_ps(_mm512_loadu_ps(values), gather(cols, x), sum);
  }
  template <class I>
  void add_first(std::int64_t n, const float* values, const I* cols, const float* x) noexcept {
    const auto mask = static_cast<__mmask16>(first_lanes(n));
    sum = _mm512_mask3_fmadd_ps(_mm512_maskz_loadu_ps(mask, values), gather(mask, mask, cols, x),
                                sum, mask);
  }
  void add(const row_sum& other) noexcept { sum = _mm512_add_ps(sum, other.sum); }
  float total() const noexcept { return in_quad().total(); }
  quad_sum<float> in_quad() const noexcept {
    return quad_sum<float>(
        _mm256_add_ps(_mm512_castps512_ps256(sum), _mm512_extractf32x8_ps(sum, 1)));
  }
};

template <>
struct row_sum<double> {
  static constexpr std::int64_t width = 8;
  __m512d sum;

  row_sum() noexcept : sum(_mm512_setzero_pd()) {}
  template <class I>
  void add(const double* values, const I* cols, const double* x) noexcept {
    sum = _mm512_fmadd_pd(_mm512_loadu_pd(values), gather(cols, x), sum);
  }
  template <class I>
  void add_first(std::int64_t n, const double* values, const I* cols, const double* x) noexcept {
    const auto mask = static_cast<__mmask8>(first_lanes(n));
    sum = _mm512_mask3_fmadd_pd(_mm512_maskz_loadu_pd(mask, values), gather(mask, mask, cols, x),
                                sum, mask);
  }
  void add(const row_sum& other) noexcept { sum = _mm512_add_pd(sum, other.sum); }
  double total() const noexcept { return in_quad().total(); }
  quad_sum<double> in_quad() const noexcept {
    return quad_sum<double>(
        _mm256_add_pd(_mm512_castpd512_pd256(sum), _mm512_extractf64x4_pd(sum, 1)));
  }
};

template <class T>
struct lane_sums;

template <>
struct lane_sums<float> {
  row_sum<float> all;

  lane_sums() noexcept {}
  template <class I>
  void add(const float* values, const I* cols, const float* x) noexcept {
    all.add(values, cols, x);
  }
  template <class I>
  void add_first(std::int64_t n, const float* values, const I* cols, const float* x) noexcept {
    all.add_first(n, values, cols, x);
  }
  void store(float* to) const noexcept { _mm512_storeu_ps(to, all.sum); }
};

template <>
struct lane_sums<double> {
  row_sum<double> low;
  row_sum<double> high;

  lane_sums() noexcept {}
  template <class I>
  void add(const double* values, const I* cols, const double* x) noexcept {
    low.add(values, cols, x);
    high.add(values + 8, cols + 8, x);
  }
  template <class I>
  void add_first(std::int64_t n, const double* values, const I* cols, const double* x) noexcept {
    low.add_first(n < 8 ? n : 8, values, cols, x);
    if (n > 8) high.add_first(n - 8, values + 8, cols + 8, x);
  }
  void store(double* to) const noexcept {
    _mm512_storeu_pd(to, low.sum);
    _mm512_storeu_pd(to + 8, high.sum);
  }
};

/// The lengths of up to 16 rows, for the question how many are longer than some step.
struct slice_lengths {
  __m512i lengths;

  slice_lengths(const std::int32_t* from, std::int64_t rows) noexcept
      : lengths(_mm512_maskz_loadu_epi32(static_cast<__mmask16>(first_lanes(rows)), from)) {}
  std::int64_t longer_than(std::int32_t step) const noexcept {
    return std::popcount(bits_of(_mm512_cmpgt_epi32_mask(lengths, _mm512_set1_epi32(step))));
  }
};

/// Comparisons of indices: any_falls looks at four vectors from rows on and the index before.
template <class I>
struct index_vector {
  static constexpr std::int64_t width = 64 / sizeof(I);

  static unsigned falls(const I* rows) noexcept {
    const __m512i here = _mm512_loadu_si512(rows);
    const __m512i before = _mm512_loadu_si512(rows - 1);
    if constexpr (sizeof(I) == 8) {
      return bits_of(_mm512_cmplt_epi64_mask(here, before));
    } else if constexpr (std::is_signed_v<I>) {
      return bits_of(_mm512_cmplt_epi32_mask(here, before));
    } else {
      return bits_of(_mm512_cmplt_epu32_mask(here, before));
    }
  }
  static bool any_falls(const I* rows) noexcept {
    return (falls(rows) | falls(rows + width) | falls(rows + 2 * width) |
            falls(rows + 3 * width)) != 0;
  }
};

/// Are 16 rows each the one before plus 1? Only looked at for 32-bit indices.
template <class I>
bool follow_each_other(const I* rows) noexcept {
  if constexpr (sizeof(I) == 4) {
    const __m512i steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i expected = _mm512_add_epi32(_mm512_set1_epi32(static_cast<int>(rows[0])), steps);
    return _mm512_cmpneq_epi32_mask(_mm512_loadu_si512(rows), expected) == 0;
  } else {
    return false;
  }
}
