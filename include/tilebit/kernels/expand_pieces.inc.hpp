// 64 bytes of elements in the lanes of their bits: included by simd.hpp in target regions with
// VBMI2, and by the tests.

/// Lanes without a bit are zero. Elements are read as far as they are stored and no farther.
template <class T>
__m512i expand_piece(std::uint64_t bits, const T* e) noexcept {
  if constexpr (sizeof(T) == 2) {
    return _mm512_mask_expandloadu_epi16(cleared(), static_cast<__mmask32>(bits), e);
  } else {
    return _mm512_mask_expandloadu_epi8(cleared(), bits, e);
  }
}
