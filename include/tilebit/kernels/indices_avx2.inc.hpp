// Lengths of rows and comparisons of indices with AVX2: included by simd.hpp.

/// The lowest n lanes as a mask.
inline __m256i first_of_8(std::int64_t n) noexcept {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
inline __m256i first_of_4(std::int64_t n) noexcept {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
}
/// The lengths of up to 16 rows, for the question how many are longer than some step.
struct slice_lengths {
  __m256i low;
  __m256i high;

  slice_lengths(const std::int32_t* from, std::int64_t rows) noexcept
      : low(_mm256_maskload_epi32(from, first_of_8(rows))),
        high(_mm256_maskload_epi32(from + 8, first_of_8(rows - 8))) {}
  std::int64_t longer_than(std::int32_t step) const noexcept {
    const __m256i s = _mm256_set1_epi32(step);
    const auto longer = [s](__m256i lengths) {
      return static_cast<unsigned>(
          _mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpgt_epi32(lengths, s))));
    };
    return std::popcount(longer(low)) + std::popcount(longer(high));
  }
};

/// Comparisons of indices: any_falls looks at four vectors from rows on and the index before.
template <class I>
struct index_vector {
  static constexpr std::int64_t width = 32 / sizeof(I);

  static __m256i falls(const I* rows) noexcept {
    __m256i here = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows));
    __m256i before = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows - 1));
    if constexpr (sizeof(I) == 8) {
      return _mm256_cmpgt_epi64(before, here);
    } else {
      if constexpr (std::is_unsigned_v<I>) {
        const __m256i top = _mm256_set1_epi32(std::numeric_limits<std::int32_t>::min());
        here = _mm256_xor_si256(here, top);
        before = _mm256_xor_si256(before, top);
      }
      return _mm256_cmpgt_epi32(before, here);
    }
  }
  static bool any_falls(const I* rows) noexcept {
    const __m256i low = _mm256_or_si256(falls(rows), falls(rows + width));
    const __m256i high = _mm256_or_si256(falls(rows + 2 * width), falls(rows + 3 * width));
    const __m256i any = _mm256_or_si256(low, high);
    return _mm256_testz_si256(any, any) == 0;
  }
};

/// Are 16 rows each the one before plus 1? Only looked at for 32-bit indices.
template <class I>
bool follow_each_other(const I* rows) noexcept {
  if constexpr (sizeof(I) == 4) {
    const __m256i steps = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const auto differ = [&](const I* from, int first) {
      const __m256i expected = _mm256_add_epi32(_mm256_set1_epi32(first), steps);
      return _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)), expected);
    };
    const auto first = static_cast<int>(rows[0]);
    const __m256i any = _mm256_or_si256(differ(rows, first), differ(rows + 8, first + 8));
    return _mm256_testz_si256(any, any) != 0;
  } else {
    return false;
  }
}
