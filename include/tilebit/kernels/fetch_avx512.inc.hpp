// How elements of tiles come into the lanes of their bits, and x into those of columns: by
// expanding loads and gathers. Included by simd.hpp before the vocabulary of AVX-512.

// Nothing but the elements is read; lanes without a bit are zero.
inline __m512 expand(__mmask16 mask, const float* e) noexcept {
  return _mm512_maskz_expandloadu_ps(mask, e);
}
inline __m512d expand(__mmask8 mask, const double* e) noexcept {
  return _mm512_maskz_expandloadu_pd(mask, e);
}

/// A mask of all lanes whose value the compiler does not see. g++ lets a gather under a constant
/// full mask start from whatever its register held, and the processor waits for that.
inline __mmask8 all_of_8() noexcept {
  return in_mask_register(__mmask8{0xff});
}
inline __mmask16 all_of_16() noexcept {
  return in_mask_register(__mmask16{0xffff});
}

/// Whether elements are fetched ahead wherever they come from.
inline constexpr bool always_far = true;
/// Whether tile rows share the reduction of their sums, which saves shuffles.
inline constexpr bool reductions_shared = true;
/// Whether four elements at a time are added to at their columns: of double that gains nothing.
template <class T>
inline constexpr bool scatters_vectors = sizeof(T) == 4;
/// Whether quarters of a vector are stored and read again instead of extracted, because extracting
/// takes the port that expanding loads wait for.
inline constexpr bool reads_quarters = true;
/// Whether rows of B of 8 bytes are gathered.
inline constexpr bool gathers_rows = true;

/// x at 8 and at 16 columns.
template <class I>
__m512d gather(const I* cols, const double* x) noexcept {
  return gather(__mmask8{0xff}, all_of_8(), cols, x);
}
template <class I>
__m512 gather(const I* cols, const float* x) noexcept {
  return gather(__mmask16{0xffff}, all_of_16(), cols, x);
}
