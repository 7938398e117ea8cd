// Included by simd.hpp in target regions of AVX-512 before what expands.

/// Zeros that the compiler does not see through, for lanes that an expanding load leaves out. Zen 4
/// lets it wait for what its destination held, even where lanes without a bit become zero: 5 cycles
/// from one to the next, 1.4 where the destination was cleared right before.
inline __m512i cleared() noexcept {
  __m512i zeros = _mm512_setzero_si512();
  asm("" : "+v"(zeros));
  return zeros;
}
