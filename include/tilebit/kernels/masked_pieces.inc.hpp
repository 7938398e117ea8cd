// Pieces of masked rows (formats/masked.hpp) made dense: included by simd.hpp in target regions
// with VBMI2, and by the tests. Elements are read as far as they are stored and no farther.

/// Bitmaps as masks. Where expanding loads are microcode, moves from general registers to masks are
/// slow, too: testing the bits in a vector register is faster (Zen 4: 5 cycles a step in place of
/// 6.5).
struct moved_masks {
  static __mmask32 of(std::uint32_t bits) noexcept { return bits; }
  static __mmask64 of(std::uint64_t bits) noexcept { return bits; }
};
struct tested_masks {
  static __mmask32 of(std::uint32_t bits) noexcept {
    const __m512i byte_of_lane =
        _mm512_setr_epi64(0, 0, 0x0101010101010101, 0x0101010101010101, 0x0202020202020202,
                          0x0202020202020202, 0x0303030303030303, 0x0303030303030303);
    const __m512i bit_of_lane = _mm512_broadcast_i32x4(_mm_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128));
    const __m512i bytes =
        _mm512_shuffle_epi8(_mm512_set1_epi32(static_cast<int>(bits)), byte_of_lane);
    return _mm512_test_epi16_mask(bytes, bit_of_lane);
  }
  static __mmask64 of(std::uint64_t bits) noexcept {
    const __m512i byte_of_lane =
        _mm512_setr_epi64(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303,
                          0x0404040404040404, 0x0505050505050505, 0x0606060606060606,
                          0x0707070707070707);
    const __m512i bit_of_lane = _mm512_set1_epi64(static_cast<long long>(0x8040201008040201));
    const __m512i bytes =
        _mm512_shuffle_epi8(_mm512_set1_epi64(static_cast<long long>(bits)), byte_of_lane);
    return _mm512_test_epi8_mask(bytes, bit_of_lane);
  }
};

inline __m512i expand_piece(__mmask32 mask, const bfloat16* e) noexcept {
  return _mm512_maskz_expandloadu_epi16(mask, e);
}
inline __m512i expand_piece(__mmask64 mask, const std::int8_t* e) noexcept {
  return _mm512_maskz_expandloadu_epi8(mask, e);
}
