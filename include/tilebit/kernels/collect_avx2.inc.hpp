// Elements of a vector at four columns, brought together by four loads, and stored again by as many
// stores: included by simd.hpp.

/// Two columns: a load of one 64-bit word for two 32-bit indices saves half of the loads, one of 32
/// bits for two 16-bit ones too.
template <class I>
struct two_columns {
  std::uint64_t at[2];

  explicit two_columns(const I* cols) noexcept {
    if constexpr (sizeof(I) == 4) {
      std::uint64_t pair;
      std::memcpy(&pair, cols, sizeof pair);
      at[0] = pair & 0xffffffffU;
      at[1] = pair >> 32;
    } else if constexpr (sizeof(I) == 2) {
      std::uint32_t pair;
      std::memcpy(&pair, cols, sizeof pair);
      at[0] = pair & 0xffffU;
      at[1] = pair >> 16;
    } else {
      std::memcpy(at, cols, sizeof at);
    }
  }
};
template <class I>
struct four_columns {
  std::uint64_t at[4];

  explicit four_columns(const I* cols) noexcept {
    const two_columns<I> first(cols);
    const two_columns<I> last(cols + 2);
    at[0] = first.at[0];
    at[1] = first.at[1];
    at[2] = last.at[0];
    at[3] = last.at[1];
  }
};

inline __m128 collect(const float* x, const std::uint64_t* cols) noexcept {
  __m128 lanes = _mm_load_ss(x + cols[0]);
  lanes = _mm_insert_ps(lanes, _mm_load_ss(x + cols[1]), 0x10);
  lanes = _mm_insert_ps(lanes, _mm_load_ss(x + cols[2]), 0x20);
  return _mm_insert_ps(lanes, _mm_load_ss(x + cols[3]), 0x30);
}
inline __m256d collect(const double* x, const std::uint64_t* cols) noexcept {
  const __m128d low = _mm_loadh_pd(_mm_load_sd(x + cols[0]), x + cols[1]);
  const __m128d high = _mm_loadh_pd(_mm_load_sd(x + cols[2]), x + cols[3]);
  return _mm256_set_m128d(high, low);
}

/// z_j += a_j * factor_j for the four columns, which differ.
inline void add_at(float* z, const std::uint64_t* cols, __m128 values, __m128 factors) noexcept {
  const __m128i sums = _mm_castps_si128(_mm_fmadd_ps(values, factors, collect(z, cols)));
  _mm_store_ss(z + cols[0], _mm_castsi128_ps(sums));
  const int second = _mm_extract_epi32(sums, 1);
  const int third = _mm_extract_epi32(sums, 2);
  const int fourth = _mm_extract_epi32(sums, 3);
  std::memcpy(z + cols[1], &second, sizeof second);
  std::memcpy(z + cols[2], &third, sizeof third);
  std::memcpy(z + cols[3], &fourth, sizeof fourth);
}
inline void add_at(double* z, const std::uint64_t* cols, __m256d values, __m256d factors) noexcept {
  const __m256d sums = _mm256_fmadd_pd(values, factors, collect(z, cols));
  const __m128d low = _mm256_castpd256_pd128(sums);
  const __m128d high = _mm256_extractf128_pd(sums, 1);
  _mm_storel_pd(z + cols[0], low);
  _mm_storeh_pd(z + cols[1], low);
  _mm_storel_pd(z + cols[2], high);
  _mm_storeh_pd(z + cols[3], high);
}

inline __m128 load_four(const float* from) noexcept {
  return _mm_loadu_ps(from);
}
inline __m256d load_four(const double* from) noexcept {
  return _mm256_loadu_pd(from);
}

inline __m128 four_times(float factor) noexcept {
  return _mm_set1_ps(factor);
}
inline __m256d four_times(double factor) noexcept {
  return _mm256_set1_pd(factor);
}

inline void store_four(float* to, __m128 values, float factor) noexcept {
  _mm_storeu_ps(to, _mm_mul_ps(values, _mm_set1_ps(factor)));
}
inline void store_four(double* to, __m256d values, double factor) noexcept {
  _mm256_storeu_pd(to, _mm256_mul_pd(values, _mm256_set1_pd(factor)));
}
