// Sums of products of entries with x at their columns, by the gathers of AVX2: included by simd.hpp
// behind indices_avx2.inc.hpp and quad_sums.inc.hpp. row_sum<T> sums up pieces of one row,
// lane_sums<T> the next entries of 16 rows. add_first(n, ...) takes n entries and reads nothing
// behind them.

/// 64-bit mask lanes as 32-bit ones.
inline __m128i narrow(__m256i mask) noexcept {
  const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
  return _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(mask, even));
}

/// A mask of all lanes whose value the compiler does not see. g++ lets a gather under a constant
/// full mask start from whatever its register held, and the processor waits for that.
inline __m256i all_lanes() noexcept {
  __m256i mask = _mm256_set1_epi32(-1);
  asm("" : "+x"(mask));
  return mask;
}

/// The first n columns of four, then zeros: AVX2 loads no 16-bit numbers under a mask. Put together
/// in a register, because the processor waits where a load needs several stores.
inline std::uint64_t first_of_four(std::int64_t n, const std::uint16_t* cols) noexcept {
  std::uint64_t four = 0;
  if (n >= 4) {
    std::memcpy(&four, cols, sizeof four);
  } else if (n > 0) { // of two the second is taken twice, of one the first three times
    four = std::uint64_t{cols[0]} | std::uint64_t{cols[n / 2]} << (16 * (n / 2)) |
           std::uint64_t{cols[n - 1]} << (16 * (n - 1));
  }
  return four;
}

/// x at the columns of the lanes that mask has; other lanes are 0 and nothing is read for them. The
/// columns are loaded under a mask of their own: the same, but constant where all are.
template <class I>
__m256d gather(__m256i loaded, __m256i mask, const I* cols, const double* x) noexcept {
  const __m256d zero = _mm256_setzero_pd();
  const __m256d lanes = _mm256_castsi256_pd(mask);
  if constexpr (sizeof(I) == 8) {
    const auto* p = reinterpret_cast<const long long*>(cols);
    return _mm256_mask_i64gather_pd(zero, x, _mm256_maskload_epi64(p, loaded), lanes, 8);
  } else {
    const __m128i narrow_cols =
        _mm_maskload_epi32(reinterpret_cast<const int*>(cols), narrow(loaded));
    if constexpr (std::is_signed_v<I>) {
      return _mm256_mask_i32gather_pd(zero, x, narrow_cols, lanes, 8);
    } else {
      return _mm256_mask_i64gather_pd(zero, x, _mm256_cvtepu32_epi64(narrow_cols), lanes, 8);
    }
  }
}
template <class I>
__m128 gather_half(__m256i mask, const I* cols, const float* x) noexcept {
  __m256i wide;
  if constexpr (sizeof(I) == 8) {
    wide = _mm256_maskload_epi64(reinterpret_cast<const long long*>(cols), mask);
  } else {
    wide =
        _mm256_cvtepu32_epi64(_mm_maskload_epi32(reinterpret_cast<const int*>(cols), narrow(mask)));
  }
  return _mm256_mask_i64gather_ps(_mm_setzero_ps(), x, wide, _mm_castsi128_ps(narrow(mask)), 4);
}
template <class I>
__m256 gather(__m256i loaded, __m256i mask, const I* cols, const float* x) noexcept {
  if constexpr (sizeof(I) == 4 && std::is_signed_v<I>) {
    const __m256i c = _mm256_maskload_epi32(reinterpret_cast<const int*>(cols), loaded);
    return _mm256_mask_i32gather_ps(_mm256_setzero_ps(), x, c, _mm256_castsi256_ps(mask), 4);
  } else {
    const __m128 low = gather_half(_mm256_cvtepi32_epi64(_mm256_castsi256_si128(mask)), cols, x);
    const __m128 high =
        gather_half(_mm256_cvtepi32_epi64(_mm256_extracti128_si256(mask, 1)), cols + 4, x);
    return _mm256_set_m128(high, low);
  }
}

/// The same for 16-bit columns, the first n of four or eight.
inline __m256d gather_first(std::int64_t n, __m256i mask, const std::uint16_t* cols,
                            const double* x) noexcept {
  const auto four = static_cast<long long>(first_of_four(n, cols));
  const __m128i wide = _mm_cvtepu16_epi32(_mm_cvtsi64_si128(four));
  return _mm256_mask_i32gather_pd(_mm256_setzero_pd(), x, wide, _mm256_castsi256_pd(mask), 8);
}
inline __m256 gather_first(std::int64_t n, __m256i mask, const std::uint16_t* cols,
                           const float* x) noexcept {
  const auto low = static_cast<long long>(first_of_four(n, cols));
  const auto high = static_cast<long long>(first_of_four(n - 4, n > 4 ? cols + 4 : cols));
  const __m256i wide = _mm256_cvtepu16_epi32(_mm_set_epi64x(high, low));
  return _mm256_mask_i32gather_ps(_mm256_setzero_ps(), x, wide, _mm256_castsi256_ps(mask), 4);
}
template <class I, class T>
auto gather_first(std::int64_t, __m256i mask, const I* cols, const T* x) noexcept {
  return gather(mask, mask, cols, x);
}

/// x at four or eight columns.
template <class I, class T>
auto gather(const I* cols, const T* x) noexcept {
  if constexpr (sizeof(I) == 2) {
    return gather_first(32 / sizeof(T), all_lanes(), cols, x);
  } else {
    return gather(_mm256_set1_epi32(-1), all_lanes(), cols, x);
  }
}

template <class T>
struct row_sum;

template <>
struct row_sum<float> {
  static constexpr std::int64_t width = 8;
  __m256 sum;

  row_sum() noexcept : sum(_mm256_setzero_ps()) {}
  template <class I>
  void add(const float* values, const I* cols, const float* x) noexcept {
    sum = _mm256_fmadd_ps(_mm256_loadu_ps(values), gather(cols, x), sum);
  }
  template <class I>
  void add_first(std::int64_t n, const float* values, const I* cols, const float* x) noexcept {
    const __m256i mask = first_of_8(n); // lanes left out multiply 0 by 0
    sum = _mm256_fmadd_ps(_mm256_maskload_ps(values, mask),
                          gather_first(n, mask, cols, x), sum);
  }
  void add(const row_sum& other) noexcept { sum = _mm256_add_ps(sum, other.sum); }
  quad_sum<float> in_quad() const noexcept { return quad_sum<float>(sum); }
};

template <>
struct row_sum<double> {
  static constexpr std::int64_t width = 4;
  __m256d sum;

  row_sum() noexcept : sum(_mm256_setzero_pd()) {}
  template <class I>
  void add(const double* values, const I* cols, const double* x) noexcept {
    sum = _mm256_fmadd_pd(_mm256_loadu_pd(values), gather(cols, x), sum);
  }
  template <class I>
  void add_first(std::int64_t n, const double* values, const I* cols, const double* x) noexcept {
    const __m256i mask = first_of_4(n);
    sum = _mm256_fmadd_pd(_mm256_maskload_pd(values, mask),
                          gather_first(n, mask, cols, x), sum);
  }
  void add(const row_sum& other) noexcept { sum = _mm256_add_pd(sum, other.sum); }
  quad_sum<double> in_quad() const noexcept { return quad_sum<double>(sum); }
};

template <class T>
struct lane_sums {
  static constexpr std::int64_t width = row_sum<T>::width;
  row_sum<T> parts[16 / width];

  lane_sums() noexcept {}
  template <class I>
  void add(const T* values, const I* cols, const T* x) noexcept {
    TILEBIT_UNROLL
    for (std::int64_t k = 0; k < 16; k += width) parts[k / width].add(values + k, cols + k, x);
  }
  template <class I>
  void add_first(std::int64_t n, const T* values, const I* cols, const T* x) noexcept {
    for (std::int64_t k = 0; k < n; k += width) {
      parts[k / width].add_first(n - k, values + k, cols + k, x);
    }
  }
  void store(float* to) const noexcept {
    TILEBIT_UNROLL
    for (std::int64_t k = 0; k < 16; k += width) _mm256_storeu_ps(to + k, parts[k / width].sum);
  }
  void store(double* to) const noexcept {
    TILEBIT_UNROLL
    for (std::int64_t k = 0; k < 16; k += width) _mm256_storeu_pd(to + k, parts[k / width].sum);
  }
};
