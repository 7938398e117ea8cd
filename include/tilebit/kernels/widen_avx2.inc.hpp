// Sixteen 16-bit numbers as float with AVX2 and F16C.

TILEBIT_ALWAYS_INLINE void widen_block(const bfloat16* from, float* to) noexcept {
  for (int r = 0; r < 16; r += 8) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + r));
    const __m256i upper = _mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16);
    _mm256_storeu_ps(to + r, _mm256_castsi256_ps(upper));
  }
}

TILEBIT_ALWAYS_INLINE void widen_block(const float16* from, float* to) noexcept {
  for (int r = 0; r < 16; r += 8) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + r));
    _mm256_storeu_ps(to + r, _mm256_cvtph_ps(bits));
  }
}
