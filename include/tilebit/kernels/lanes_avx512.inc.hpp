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
