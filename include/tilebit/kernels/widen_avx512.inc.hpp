// Sixteen 16-bit numbers as float with AVX-512.

TILEBIT_ALWAYS_INLINE void widen_block(const bfloat16* from, float* to) noexcept {
  const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  _mm512_storeu_si512(to, _mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}

TILEBIT_ALWAYS_INLINE void widen_block(const float16* from, float* to) noexcept {
  const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  _mm512_storeu_ps(to, _mm512_cvtph_ps(bits));
}
