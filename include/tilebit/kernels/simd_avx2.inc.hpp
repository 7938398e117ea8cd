// The vocabulary of AVX2, FMA and BMI2: included by simd.hpp inside a target region, in the
// namespace of the instruction set. simd_avx512.inc.hpp has the same names.

inline constexpr bool always_far = true; // elements are fetched ahead wherever they come from
template <class T>
inline constexpr bool scatters_vectors = true;

/// Four bits as a mask, by the signs of its lanes.
template <class T>
__m128i row_mask(unsigned bits) noexcept
  requires(sizeof(T) == 4)
{
  return _mm_load_si128(reinterpret_cast<const __m128i*>(row_tables::of_float[bits]));
}
template <class T>
__m256i row_mask(unsigned bits) noexcept
  requires(sizeof(T) == 8)
{
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(row_tables::of_double[bits]));
}

template <class T>
struct diagonal_sums;

template <>
struct diagonal_sums<float> {
  __m128 sums[4];

  diagonal_sums() noexcept {
    TILEBIT_UNROLL
    for (int k = 0; k < 4; ++k) sums[k] = _mm_setzero_ps();
  }
  void add(const float* e, const float* x) noexcept {
    TILEBIT_UNROLL
    for (int k = 0; k < 4; ++k) {
      sums[k] = _mm_fmadd_ps(_mm_loadu_ps(e + 4 * k), _mm_loadu_ps(x + 4 * k), sums[k]);
    }
  }
  void add(unsigned bits, const float* e, const float* x) noexcept {
    TILEBIT_UNROLL
    for (int k = 0; k < 4; ++k) {
      const __m128i present = row_mask<float>(bits >> (4 * k) & 15U);
      sums[k] = _mm_fmadd_ps(_mm_loadu_ps(e + 4 * k), _mm_maskload_ps(x + 4 * k, present), sums[k]);
    }
  }
  void store(float* to) const noexcept {
    TILEBIT_UNROLL
    for (int k = 0; k < 4; ++k) _mm_storeu_ps(to + 4 * k, sums[k]);
  }
};

template <>
struct diagonal_sums<double> {
  __m256d sums[4];

  diagonal_sums() noexcept {
    TILEBIT_UNROLL
    for (int k = 0; k < 4; ++k) sums[k] = _mm256_setzero_pd();
  }
  void add(const double* e, const double* x) noexcept {
    TILEBIT_UNROLL
    for (int k = 0; k < 4; ++k) {
      sums[k] = _mm256_fmadd_pd(_mm256_loadu_pd(e + 4 * k), _mm256_loadu_pd(x + 4 * k), sums[k]);
    }
  }
  void add(unsigned bits, const double* e, const double* x) noexcept {
    TILEBIT_UNROLL
    for (int k = 0; k < 4; ++k) {
      const __m256i present = row_mask<double>(bits >> (4 * k) & 15U);
      sums[k] = _mm256_fmadd_pd(_mm256_loadu_pd(e + 4 * k), _mm256_maskload_pd(x + 4 * k, present),
                                sums[k]);
    }
  }
  void store(double* to) const noexcept {
    TILEBIT_UNROLL
    for (int k = 0; k < 4; ++k) _mm256_storeu_pd(to + 4 * k, sums[k]);
  }
};

template <class T>
struct diagonal_scatter;

template <>
struct diagonal_scatter<float> {
  __m128 factors[4];

  diagonal_scatter(const float* f, float alpha) noexcept {
    TILEBIT_UNROLL
    for (int k = 0; k < 4; ++k)
      factors[k] = _mm_mul_ps(_mm_loadu_ps(f + 4 * k), _mm_set1_ps(alpha));
  }
  void add(const float* e, float* z) const noexcept {
    TILEBIT_UNROLL
    for (int k = 0; k < 16; k += 4) {
      _mm_storeu_ps(z + k, _mm_fmadd_ps(_mm_loadu_ps(e + k), factors[k / 4], _mm_loadu_ps(z + k)));
    }
  }
  void add(unsigned bits, const float* e, float* z) const noexcept {
    TILEBIT_UNROLL
    for (int k = 0; k < 16; k += 4) {
      const __m128i present = row_mask<float>(bits >> k & 15U);
      _mm_maskstore_ps(
          z + k, present,
          _mm_fmadd_ps(_mm_loadu_ps(e + k), factors[k / 4], _mm_maskload_ps(z + k, present)));
    }
  }
};

template <>
struct diagonal_scatter<double> {
  __m256d factors[4];

  diagonal_scatter(const double* f, double alpha) noexcept {
    TILEBIT_UNROLL
    for (int k = 0; k < 4; ++k)
      factors[k] = _mm256_mul_pd(_mm256_loadu_pd(f + 4 * k), _mm256_set1_pd(alpha));
  }
  void add(const double* e, double* z) const noexcept {
    TILEBIT_UNROLL
    for (int k = 0; k < 16; k += 4) {
      _mm256_storeu_pd(
          z + k, _mm256_fmadd_pd(_mm256_loadu_pd(e + k), factors[k / 4], _mm256_loadu_pd(z + k)));
    }
  }
  void add(unsigned bits, const double* e, double* z) const noexcept {
    TILEBIT_UNROLL
    for (int k = 0; k < 16; k += 4) {
      const __m256i present = row_mask<double>(bits >> k & 15U);
      _mm256_maskstore_pd(
          z + k, present,
          _mm256_fmadd_pd(_mm256_loadu_pd(e + k), factors[k / 4],
                          _mm256_maskload_pd(z + k, present)));
    }
  }
};
