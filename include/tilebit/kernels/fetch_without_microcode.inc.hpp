// As fetch_avx512.inc.hpp for processors with expanding loads and gathers in microcode (7 cycles on
// Zen 4 for a tile, where a permutation takes 1; 21 for 16 elements of x, which single loads bring
// together in 12): a lane takes the element whose number is the count of bits below its own.

/// Bits below each of 16 lanes, of 8 lanes; more than 16 bits do not matter.
inline __m512i counts_in_16(std::uint32_t bits) noexcept {
  const __m512i below = _mm512_setr_epi32(0, 0x1, 0x3, 0x7, 0xf, 0x1f, 0x3f, 0x7f, 0xff, 0x1ff,
                                          0x3ff, 0x7ff, 0xfff, 0x1fff, 0x3fff, 0x7fff);
  return _mm512_popcnt_epi32(_mm512_and_si512(_mm512_set1_epi32(static_cast<int>(bits)), below));
}
inline __m512i counts_in_8(unsigned bits) noexcept {
  return _mm512_cvtepu8_epi64(_mm_loadl_epi64(
      reinterpret_cast<const __m128i*>(kernels_data::row_tables::ranks.entries + bits)));
}
/// A mask of as many lanes as there are bits.
inline unsigned lanes_of(unsigned bits) noexcept {
  return _bzhi_u32(0xffffU, static_cast<unsigned>(std::popcount(bits)));
}

inline __m512 expand(__mmask16 mask, unsigned bits, const float* e) noexcept {
  const __m512 packed = _mm512_maskz_loadu_ps(static_cast<__mmask16>(lanes_of(bits)), e);
  return _mm512_maskz_permutexvar_ps(mask, counts_in_16(bits), packed);
}
inline __m512d expand(__mmask8 mask, unsigned bits, const double* e) noexcept {
  const __m512d packed = _mm512_maskz_loadu_pd(static_cast<__mmask8>(lanes_of(bits)), e);
  return _mm512_maskz_permutexvar_pd(mask, counts_in_8(bits), packed);
}
template <class T>
  requires(sizeof(T) == 4)
__m512i expand_words(__mmask16 mask, unsigned bits, const T* e) noexcept {
  const __m512i packed = _mm512_maskz_loadu_epi32(static_cast<__mmask16>(lanes_of(bits)), e);
  return _mm512_maskz_permutexvar_epi32(mask, counts_in_16(bits), packed);
}

/// A bitmap and the one behind it.
inline std::uint32_t bitmap_word(const std::uint16_t* bitmap) noexcept {
  std::uint32_t word;
  std::memcpy(&word, bitmap, sizeof word);
  return word;
}

// Tiles: whatever follows the elements is loaded, too, which saves a mask for each load, and the
// bitmap comes from memory, which a vector operation broadcasts on its way.
inline constexpr bool tiles_read_ahead = true;
inline __m512 expand_tile(__mmask16, const std::uint16_t* bitmap, const float* e) noexcept {
  return _mm512_permutexvar_ps(counts_in_16(bitmap_word(bitmap)), _mm512_loadu_ps(e));
}
inline __m512d expand_half(__m512i below, const std::uint16_t* bitmap, const double* e) noexcept {
  const __m512i bits =
      _mm512_and_si512(below, _mm512_set1_epi32(static_cast<int>(bitmap_word(bitmap))));
  return _mm512_permutexvar_pd(_mm512_popcnt_epi64(bits), _mm512_loadu_pd(e));
}
inline __m512d expand_upper(__mmask8, const std::uint16_t* bitmap, const double* e) noexcept {
  return expand_half(_mm512_setr_epi64(0, 0x1, 0x3, 0x7, 0xf, 0x1f, 0x3f, 0x7f), bitmap, e);
}
inline __m512d expand_lower(__mmask8, const std::uint16_t* bitmap, const double* e) noexcept {
  return expand_half(_mm512_setr_epi64(0, 0x100, 0x300, 0x700, 0xf00, 0x1f00, 0x3f00, 0x7f00),
                     bitmap, e);
}

/// Whether elements are fetched ahead wherever they come from: on Zen 4 that costs 1.03 to 1.08
/// from the third-level cache, and gains up to 1.3 from memory.
inline constexpr bool always_far = false;
/// Whether tile rows share the reduction of their sums: on Zen 4 each alone is faster by 1.1 to 1.3
/// where rows are short.
inline constexpr bool reductions_shared = false;
/// Whether four elements at a time are added to at their columns.
inline constexpr bool scatters_vectors = true;

/// x at 8 and at 16 columns.
template <class I>
__m512d gather(const I* cols, const double* x) noexcept {
  return _mm512_insertf64x4(_mm512_castpd256_pd512(collect(x, four_columns<I>(cols).at)),
                            collect(x, four_columns<I>(cols + 4).at), 1);
}
template <class I>
__m512 gather(const I* cols, const float* x) noexcept {
  const auto eight = [x](const I* from) {
    return _mm256_set_m128(collect(x, four_columns<I>(from + 4).at),
                           collect(x, four_columns<I>(from).at));
  };
  return _mm512_insertf32x8(_mm512_castps256_ps512(eight(cols)), eight(cols + 8), 1);
}
