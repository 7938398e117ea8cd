// How many bits bitmaps have in all, with AVX2: included by simd.hpp.

/// Counts of half bytes come from a table in a register; those of four bitmaps are added up by one
/// sum of absolute differences.
inline std::int64_t count_bits(std::span<const std::uint16_t> bitmaps) noexcept {
  constexpr std::size_t width = 16; // bitmaps in a vector
  const __m256i counts = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m256i low = _mm256_set1_epi8(15);
  const auto bits_of_bytes = [&](const std::uint16_t* from) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
    const __m256i halves[2] = {_mm256_and_si256(v, low),
                               _mm256_and_si256(_mm256_srli_epi16(v, 4), low)};
    return _mm256_add_epi8(_mm256_shuffle_epi8(counts, halves[0]),
                           _mm256_shuffle_epi8(counts, halves[1]));
  };
  __m256i sums = _mm256_setzero_si256();
  std::size_t k = 0;
  for (; k + 2 * width <= bitmaps.size(); k += 2 * width) {
    const std::uint16_t* const from = bitmaps.data() + k;
    const __m256i bits = _mm256_add_epi8(bits_of_bytes(from), bits_of_bytes(from + width));
    sums = _mm256_add_epi64(sums, _mm256_sad_epu8(bits, _mm256_setzero_si256()));
  }
  std::int64_t four[4];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(four), sums);
  std::int64_t total = four[0] + four[1] + four[2] + four[3];
  for (; k < bitmaps.size(); ++k) total += std::popcount(unsigned{bitmaps[k]});
  return total;
}
