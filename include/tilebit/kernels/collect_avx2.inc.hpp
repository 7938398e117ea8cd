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

/// z_j += a_j * factor for the next N columns, which differ: all elements are loaded before the
/// first is stored, so that no load waits for a store.
template <int N, class I>
TILEBIT_ALWAYS_INLINE void add_at(double* z, const I* cols, const double* values,
                                  double factor) noexcept {
  constexpr int pairs = N / 2; // two stores take less than those from a vector of four
  std::uint64_t at[pairs][2];
  __m128d sums[pairs];
  TILEBIT_UNROLL
  for (int p = 0; p < pairs; ++p) {
    const two_columns<I> columns(cols + 2 * p);
    at[p][0] = columns.at[0];
    at[p][1] = columns.at[1];
    const __m128d before = _mm_loadh_pd(_mm_load_sd(z + at[p][0]), z + at[p][1]);
    sums[p] = _mm_fmadd_pd(_mm_loadu_pd(values + 2 * p), _mm_set1_pd(factor), before);
  }
  TILEBIT_UNROLL
  for (int p = 0; p < pairs; ++p) {
    _mm_storel_pd(z + at[p][0], sums[p]);
    _mm_storeh_pd(z + at[p][1], sums[p]);
  }
}
template <int N, class I>
TILEBIT_ALWAYS_INLINE void add_at(float* z, const I* cols, const float* values,
                                  float factor) noexcept {
  constexpr int fours = N / 4;
  std::uint64_t at[fours][4];
  __m128 sums[fours];
  TILEBIT_UNROLL
  for (int f = 0; f < fours; ++f) {
    const four_columns<I> columns(cols + 4 * f);
    TILEBIT_UNROLL
    for (int k = 0; k < 4; ++k) at[f][k] = columns.at[k];
    sums[f] = _mm_fmadd_ps(_mm_loadu_ps(values + 4 * f), _mm_set1_ps(factor), collect(z, at[f]));
  }
  TILEBIT_UNROLL
  for (int f = 0; f < fours; ++f) {
    const __m128i words = _mm_castps_si128(sums[f]);
    const int second = _mm_extract_epi32(words, 1);
    const int third = _mm_extract_epi32(words, 2);
    const int fourth = _mm_extract_epi32(words, 3);
    _mm_store_ss(z + at[f][0], sums[f]);
    std::memcpy(z + at[f][1], &second, sizeof second);
    std::memcpy(z + at[f][2], &third, sizeof third);
    std::memcpy(z + at[f][3], &fourth, sizeof fourth);
  }
}

inline void store_four(float* to, __m128 values, float factor) noexcept {
  _mm_storeu_ps(to, _mm_mul_ps(values, _mm_set1_ps(factor)));
}
inline void store_four(double* to, __m256d values, double factor) noexcept {
  _mm256_storeu_pd(to, _mm256_mul_pd(values, _mm256_set1_pd(factor)));
}
