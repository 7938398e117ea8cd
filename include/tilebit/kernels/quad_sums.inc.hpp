// Sums of products of entries with x at their columns, four lanes at a time, x loaded one by one:
// included by simd.hpp behind collect_avx2.inc.hpp, also where gathers are fast, for short rows and
// for the totals of four rows together.

/// Sums of four lanes.
template <class T>
struct quad_sum;

template <>
struct quad_sum<float> {
  __m128 sum;

  quad_sum() noexcept : sum(_mm_setzero_ps()) {}
  /// The sum of both halves.
  explicit quad_sum(__m256 of) noexcept
      : sum(_mm_add_ps(_mm256_castps256_ps128(of), _mm256_extractf128_ps(of, 1))) {}
  /// The products of four entries.
  template <class I>
  void add(const float* values, const I* cols, const float* x) noexcept {
    sum = _mm_fmadd_ps(_mm_loadu_ps(values), collect(x, four_columns<I>(cols).at), sum);
  }
  /// Of the first n of them, n <= 4; all four are read, but count for nothing, whatever they hold.
  template <class I>
  void add_of_four(std::int64_t n, const float* values, const I* cols, const float* x) noexcept {
    const __m128 mask = _mm_load_ps(reinterpret_cast<const float*>(row_tables::first_floats[n]));
    const __m128 xs = _mm_and_ps(collect(x, four_columns<I>(cols).at), mask);
    sum = _mm_fmadd_ps(_mm_and_ps(_mm_loadu_ps(values), mask), xs, sum);
  }
  /// The same where n, 1 or 2, is known: x is loaded for the n alone.
  template <int N, class I>
  void add_exactly(const float* values, const I* cols, const float* x) noexcept {
    const __m128 mask = _mm_load_ps(reinterpret_cast<const float*>(row_tables::first_floats[N]));
    __m128 xs = _mm_load_ss(x + cols[0]);
    if constexpr (N > 1) xs = _mm_insert_ps(xs, _mm_load_ss(x + cols[1]), 0x10);
    sum = _mm_fmadd_ps(_mm_and_ps(_mm_loadu_ps(values), mask), xs, sum);
  }
  /// Of n entries, 0 < n < 4, behind which nothing is read: the others load x for the last of them.
  template <class I>
  void add_first(std::int64_t n, const float* values, const I* cols, const float* x) noexcept {
    const __m128i mask =
        _mm_load_si128(reinterpret_cast<const __m128i*>(row_tables::first_floats[n]));
    const I last = cols[n - 1];
    const I all[4] = {cols[0], n > 1 ? cols[1] : last, last, last};
    const __m128 xs = _mm_and_ps(collect(x, four_columns<I>(all).at), _mm_castsi128_ps(mask));
    sum = _mm_fmadd_ps(_mm_maskload_ps(values, mask), xs, sum);
  }
  void add(const quad_sum& other) noexcept { sum = _mm_add_ps(sum, other.sum); }
  float total() const noexcept {
    const __m128 twos = _mm_add_ps(sum, _mm_movehl_ps(sum, sum));
    return _mm_cvtss_f32(_mm_add_ss(twos, _mm_movehdup_ps(twos)));
  }
  void store(float* to) const noexcept { _mm_storeu_ps(to, sum); }
  /// The totals of four sums, added up in the same order as one alone.
  static void totals(const quad_sum* of, float* to) noexcept {
    const __m128 ab = _mm_add_ps(_mm_unpacklo_ps(of[0].sum, of[1].sum),
                                 _mm_unpackhi_ps(of[0].sum, of[1].sum)); // a b a b
    const __m128 cd =
        _mm_add_ps(_mm_unpacklo_ps(of[2].sum, of[3].sum), _mm_unpackhi_ps(of[2].sum, of[3].sum));
    _mm_storeu_ps(to, _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab)));
  }
  /// The sums of the two pairs of lanes of two sums.
  static void totals_of_pairs(const quad_sum* of, float* to) noexcept {
    _mm_storeu_ps(to, _mm_hadd_ps(of[0].sum, of[1].sum));
  }
};

template <>
struct quad_sum<double> {
  __m256d sum;

  quad_sum() noexcept : sum(_mm256_setzero_pd()) {}
  explicit quad_sum(__m256d of) noexcept : sum(of) {}
  template <class I>
  void add(const double* values, const I* cols, const double* x) noexcept {
    sum = _mm256_fmadd_pd(_mm256_loadu_pd(values), collect(x, four_columns<I>(cols).at), sum);
  }
  template <class I>
  void add_of_four(std::int64_t n, const double* values, const I* cols, const double* x) noexcept {
    const __m256d mask =
        _mm256_load_pd(reinterpret_cast<const double*>(row_tables::first_doubles[n]));
    const __m256d xs = _mm256_and_pd(collect(x, four_columns<I>(cols).at), mask);
    sum = _mm256_fmadd_pd(_mm256_and_pd(_mm256_loadu_pd(values), mask), xs, sum);
  }
  template <int N, class I>
  void add_exactly(const double* values, const I* cols, const double* x) noexcept {
    const __m256d mask =
        _mm256_load_pd(reinterpret_cast<const double*>(row_tables::first_doubles[N]));
    __m128d xs = _mm_load_sd(x + cols[0]);
    if constexpr (N > 1) xs = _mm_loadh_pd(xs, x + cols[1]);
    sum = _mm256_fmadd_pd(_mm256_and_pd(_mm256_loadu_pd(values), mask),
                          _mm256_zextpd128_pd256(xs), sum);
  }
  template <class I>
  void add_first(std::int64_t n, const double* values, const I* cols, const double* x) noexcept {
    const __m256i mask =
        _mm256_load_si256(reinterpret_cast<const __m256i*>(row_tables::first_doubles[n]));
    const I last = cols[n - 1];
    const I all[4] = {cols[0], n > 1 ? cols[1] : last, last, last};
    const __m256d xs =
        _mm256_and_pd(collect(x, four_columns<I>(all).at), _mm256_castsi256_pd(mask));
    sum = _mm256_fmadd_pd(_mm256_maskload_pd(values, mask), xs, sum);
  }
  void add(const quad_sum& other) noexcept { sum = _mm256_add_pd(sum, other.sum); }
  double total() const noexcept {
    const __m128d low = _mm256_castpd256_pd128(sum);
    const __m128d high = _mm256_extractf128_pd(sum, 1);
    const __m128d twos = _mm_add_pd(_mm_unpacklo_pd(low, high), _mm_unpackhi_pd(low, high));
    return _mm_cvtsd_f64(_mm_add_sd(twos, _mm_unpackhi_pd(twos, twos)));
  }
  void store(double* to) const noexcept { _mm256_storeu_pd(to, sum); }
  static void totals(const quad_sum* of, double* to) noexcept {
    const __m256d ab = _mm256_add_pd(_mm256_unpacklo_pd(of[0].sum, of[1].sum),
                                     _mm256_unpackhi_pd(of[0].sum, of[1].sum)); // a b a b
    const __m256d cd = _mm256_add_pd(_mm256_unpacklo_pd(of[2].sum, of[3].sum),
                                     _mm256_unpackhi_pd(of[2].sum, of[3].sum));
    _mm256_storeu_pd(to, _mm256_add_pd(_mm256_permute2f128_pd(ab, cd, 0x20),
                                       _mm256_permute2f128_pd(ab, cd, 0x31)));
  }
  static void totals_of_pairs(const quad_sum* of, double* to) noexcept {
    const __m256d halves = _mm256_hadd_pd(of[0].sum, of[1].sum); // 0 2 1 3
    _mm256_storeu_pd(to, _mm256_permute4x64_pd(halves, 0xd8));
  }
};

/// Adds the products of n entries with x. Behind: the last four entries may be read where there are
/// fewer, because others follow.
template <bool Behind, class T, class I>
TILEBIT_ALWAYS_INLINE void add_quads(quad_sum<T>& sum, const T* values, const I* cols,
                                     std::int64_t n, const T* x) noexcept {
  for (; n > (Behind ? 4 : 3); n -= 4) {
    sum.add(values, cols, x);
    values += 4;
    cols += 4;
  }
  if (n > 0) [[likely]] {
    if constexpr (Behind) {
      sum.add_of_four(n, values, cols, x);
    } else {
      sum.add_first(n, values, cols, x);
    }
  }
}
