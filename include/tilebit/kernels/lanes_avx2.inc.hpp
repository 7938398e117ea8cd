// Plain vectors of AVX2, for kernels whose lanes are columns of dense matrices: included by
// simd.hpp inside a target region. lanes_avx512.inc.hpp has the same names and says what they mean.

template <class T>
struct lanes;

template <>
struct lanes<float> {
  static constexpr std::int64_t count = 8;
  using reg = __m256;
  using data = reg;
  using mask = __m256i;

  static mask first(std::int64_t n) noexcept {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static reg zero() noexcept { return _mm256_setzero_ps(); }
  static reg broadcast(const float* p) noexcept { return _mm256_broadcast_ss(p); }
  static reg load(const float* p) noexcept { return _mm256_loadu_ps(p); }
  static reg load(const float* p, mask m) noexcept { return _mm256_maskload_ps(p, m); }
  static void store(float* p, reg a) noexcept { _mm256_storeu_ps(p, a); }
  static void stream(float* p, reg a) noexcept { _mm256_stream_ps(p, a); }
  static void store(float* p, reg a, mask m) noexcept { _mm256_maskstore_ps(p, m, a); }
  static reg add(reg a, reg b) noexcept { return _mm256_add_ps(a, b); }
  static reg mul(reg a, reg b) noexcept { return _mm256_mul_ps(a, b); }
  static reg fma(reg a, reg b, reg c) noexcept { return _mm256_fmadd_ps(a, b, c); }
  static reg relu(reg a) noexcept { return _mm256_max_ps(zero(), a); }
};

template <>
struct lanes<double> {
  static constexpr std::int64_t count = 4;
  using reg = __m256d;
  using data = reg;
  using mask = __m256i;

  static mask first(std::int64_t n) noexcept {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
  }
  static reg zero() noexcept { return _mm256_setzero_pd(); }
  static reg broadcast(const double* p) noexcept { return _mm256_broadcast_sd(p); }
  static reg load(const double* p) noexcept { return _mm256_loadu_pd(p); }
  static reg load(const double* p, mask m) noexcept { return _mm256_maskload_pd(p, m); }
  static void store(double* p, reg a) noexcept { _mm256_storeu_pd(p, a); }
  static void stream(double* p, reg a) noexcept { _mm256_stream_pd(p, a); }
  static void store(double* p, reg a, mask m) noexcept { _mm256_maskstore_pd(p, m, a); }
  static reg add(reg a, reg b) noexcept { return _mm256_add_pd(a, b); }
  static reg mul(reg a, reg b) noexcept { return _mm256_mul_pd(a, b); }
  static reg fma(reg a, reg b, reg c) noexcept { return _mm256_fmadd_pd(a, b, c); }
  static reg relu(reg a) noexcept { return _mm256_max_pd(zero(), a); }
};

inline constexpr int widest_block = 2; // 16 registers: eight sums, two vectors of B, one value
inline constexpr int widest_row = 4;
inline constexpr int widest_pair = 4;
constexpr int separate_sums(int vectors) noexcept {
  return std::max(1, 2 / vectors);
}
