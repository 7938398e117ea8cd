// The vocabulary of AVX2, FMA and BMI2: included by simd.hpp inside a target region, in the
// namespace of the instruction set. simd_avx512.inc.hpp has the same names.
//
// There is no expanding load: the elements of one row of a tile are loaded under a mask of their
// number and moved to their columns by a permutation that the row's four bits choose. What x holds
// elsewhere is masked to zero before it multiplies.

template <class T>
struct tile_accumulator;

template <>
struct tile_accumulator<float> {
  __m128 sums[4];

  tile_accumulator() noexcept {
    for (auto& s : sums) s = _mm_setzero_ps();
  }

  void add(unsigned bitmap, const float* e, const float* x) noexcept {
    const __m128 xs = _mm_loadu_ps(x);
    for (unsigned r = 0; r < 4; ++r) {
      const unsigned bits = (bitmap >> (4 * r)) & 15U;
      const auto& row = row_tables::of_float[bits];
      const auto present = _mm_load_si128(reinterpret_cast<const __m128i*>(row.present));
      const auto loaded = _mm_load_si128(
          reinterpret_cast<const __m128i*>(row_tables::first_floats[std::popcount(bits)]));
      const auto order = _mm_load_si128(reinterpret_cast<const __m128i*>(row.order));
      const __m128 a = _mm_permutevar_ps(_mm_maskload_ps(e, loaded), order);
      const __m128 mask = _mm_castsi128_ps(present);
      sums[r] = _mm_fmadd_ps(_mm_and_ps(a, mask), _mm_and_ps(xs, mask), sums[r]);
      e += std::popcount(bits);
    }
  }
  void add(const tile_accumulator& other) noexcept {
    for (int r = 0; r < 4; ++r) sums[r] = _mm_add_ps(sums[r], other.sums[r]);
  }
  void rows(float* to) const noexcept {
    _mm_storeu_ps(to, _mm_hadd_ps(_mm_hadd_ps(sums[0], sums[1]), _mm_hadd_ps(sums[2], sums[3])));
  }
};

template <>
struct tile_accumulator<double> {
  __m256d sums[4];

  tile_accumulator() noexcept {
    for (auto& s : sums) s = _mm256_setzero_pd();
  }

  void add(unsigned bitmap, const double* e, const double* x) noexcept {
    const __m256d xs = _mm256_loadu_pd(x);
    for (unsigned r = 0; r < 4; ++r) {
      const unsigned bits = (bitmap >> (4 * r)) & 15U;
      const auto& row = row_tables::of_double[bits];
      const auto present = _mm256_load_si256(reinterpret_cast<const __m256i*>(row.present));
      const auto loaded = _mm256_load_si256(
          reinterpret_cast<const __m256i*>(row_tables::first_doubles[std::popcount(bits)]));
      const auto order = _mm256_load_si256(reinterpret_cast<const __m256i*>(row.order));
      const __m256 packed = _mm256_castpd_ps(_mm256_maskload_pd(e, loaded));
      const __m256d a = _mm256_castps_pd(_mm256_permutevar8x32_ps(packed, order));
      const __m256d mask = _mm256_castsi256_pd(present);
      sums[r] = _mm256_fmadd_pd(_mm256_and_pd(a, mask), _mm256_and_pd(xs, mask), sums[r]);
      e += std::popcount(bits);
    }
  }
  void add(const tile_accumulator& other) noexcept {
    for (int r = 0; r < 4; ++r) sums[r] = _mm256_add_pd(sums[r], other.sums[r]);
  }
  void rows(double* to) const noexcept {
    const __m256d r01 = _mm256_hadd_pd(sums[0], sums[1]); // 0 1 0 1
    const __m256d r23 = _mm256_hadd_pd(sums[2], sums[3]);
    const __m256d crossed = _mm256_permute2f128_pd(r01, r23, 0x21);
    _mm256_storeu_pd(to, _mm256_add_pd(crossed, _mm256_blend_pd(r01, r23, 0xc)));
  }
};
