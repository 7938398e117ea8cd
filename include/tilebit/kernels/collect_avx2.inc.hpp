// Elements of x at four columns, brought together by four loads: included by simd.hpp.

/// Four columns: loads of one 64-bit word for two 32-bit indices save half of the loads.
template <class I>
struct four_columns {
  std::uint64_t at[4];

  explicit four_columns(const I* cols) noexcept {
    if constexpr (sizeof(I) == 4) {
      std::uint64_t pairs[2];
      std::memcpy(pairs, cols, sizeof pairs);
      for (int k = 0; k < 2; ++k) {
        at[2 * k] = pairs[k] & 0xffffffffU;
        at[2 * k + 1] = pairs[k] >> 32;
      }
    } else {
      std::memcpy(at, cols, sizeof at);
    }
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
