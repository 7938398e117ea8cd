// Plain vectors of AVX-512, for kernels whose lanes are columns of dense matrices: included by
// simd.hpp inside a target region. lanes_avx2.inc.hpp has the same names.
//
// lanes<T> works on registers of `count` elements: `data` of T, `reg` of sums; a mask names the
// first n of them. What a mask leaves out is neither read nor written. stream() stores past the
// caches, to an address that is a multiple of the vector's bytes.

template <class T>
struct lanes;

template <>
struct lanes<float> {
  static constexpr std::int64_t count = 16;
  using reg = __m512;
  using data = reg;
  using mask = __mmask16;

  static mask first(std::int64_t n) noexcept { return static_cast<mask>((1U << n) - 1); }
  static reg zero() noexcept { return _mm512_setzero_ps(); }
  static reg broadcast(const float* p) noexcept { return _mm512_set1_ps(*p); }
  static reg load(const float* p) noexcept { return _mm512_loadu_ps(p); }
  static reg load(const float* p, mask m) noexcept { return _mm512_maskz_loadu_ps(m, p); }
  static void store(float* p, reg a) noexcept { _mm512_storeu_ps(p, a); }
  static void stream(float* p, reg a) noexcept { _mm512_stream_ps(p, a); }
  static void store(float* p, reg a, mask m) noexcept { _mm512_mask_storeu_ps(p, m, a); }
  static reg add(reg a, reg b) noexcept { return _mm512_add_ps(a, b); }
  static reg mul(reg a, reg b) noexcept { return _mm512_mul_ps(a, b); }
  static reg fma(reg a, reg b, reg c) noexcept { return _mm512_fmadd_ps(a, b, c); }
  /// Outside of the mask, c.
  static reg fma(reg a, reg b, reg c, mask m) noexcept { return _mm512_mask3_fmadd_ps(a, b, c, m); }
  /// max(a, 0), where NaN stays NaN.
  static reg relu(reg a) noexcept { return _mm512_max_ps(zero(), a); }
};

template <>
struct lanes<double> {
  static constexpr std::int64_t count = 8;
  using reg = __m512d;
  using data = reg;
  using mask = __mmask8;

  static mask first(std::int64_t n) noexcept { return static_cast<mask>((1U << n) - 1); }
  static reg zero() noexcept { return _mm512_setzero_pd(); }
  static reg broadcast(const double* p) noexcept { return _mm512_set1_pd(*p); }
  static reg load(const double* p) noexcept { return _mm512_loadu_pd(p); }
  static reg load(const double* p, mask m) noexcept { return _mm512_maskz_loadu_pd(m, p); }
  static void store(double* p, reg a) noexcept { _mm512_storeu_pd(p, a); }
  static void stream(double* p, reg a) noexcept { _mm512_stream_pd(p, a); }
  static void store(double* p, reg a, mask m) noexcept { _mm512_mask_storeu_pd(p, m, a); }
  static reg add(reg a, reg b) noexcept { return _mm512_add_pd(a, b); }
  static reg mul(reg a, reg b) noexcept { return _mm512_mul_pd(a, b); }
  static reg fma(reg a, reg b, reg c) noexcept { return _mm512_fmadd_pd(a, b, c); }
  static reg fma(reg a, reg b, reg c, mask m) noexcept { return _mm512_mask3_fmadd_pd(a, b, c, m); }
  static reg relu(reg a) noexcept { return _mm512_max_pd(zero(), a); }
};

/// Vectors of columns that a kernel keeps sums of: registers for four rows of them, for one, or for
/// two.
inline constexpr int widest_block = 4;
inline constexpr int widest_row = 4;
inline constexpr int widest_pair = 8;
/// Sums of a block that are kept apart, so that enough of them are under way at a time.
constexpr int separate_sums(int vectors) noexcept {
  return 4 / vectors;
}

/// As the template in group_rows.inc.hpp, by one or two expanding loads.
template <class T>
  requires(sizeof(T) == 4)
const T* spread_columns(unsigned bitmap, const T* e, T* to) noexcept {
  const __m512i rows = expand_words(static_cast<__mmask16>(bitmap), e);
  const __m512i by_column = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  _mm512_storeu_si512(to, _mm512_permutexvar_epi32(by_column, rows));
  return e + std::popcount(bitmap);
}
inline const double* spread_columns(unsigned bitmap, const double* e, double* to) noexcept {
  const unsigned low = bitmap & 0xffU;
  const unsigned high = bitmap >> 8;
  const double* const e1 = e + std::popcount(low);
  const __m512d a = expand(static_cast<__mmask8>(low), e);
  const __m512d b = expand(static_cast<__mmask8>(high), e1);
  const __m512i first = _mm512_setr_epi64(0, 4, 8, 12, 1, 5, 9, 13);
  const __m512i second = _mm512_setr_epi64(2, 6, 10, 14, 3, 7, 11, 15);
  _mm512_storeu_pd(to, _mm512_permutex2var_pd(a, first, b));
  _mm512_storeu_pd(to + 8, _mm512_permutex2var_pd(a, second, b));
  return e1 + std::popcount(high);
}
