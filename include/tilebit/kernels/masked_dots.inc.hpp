// Products of masked rows with a vector: included by simd.hpp in the target region of AVX-512 BF16
// and VNNI.
//
// A step makes a piece of a row dense and multiplies it by the columns above it, which one register
// has for all sixteen rows.

/// Bands [first, last) times x, whose length is rounded up to whole pieces: the sums of band b go
/// to sums[16 b] and the 15 after it.
template <class T>
void masked_dots(const masked_view<const T>& a, std::int64_t first, std::int64_t last,
                 const dot_operand_t<T>* x, accumulator_t<T>* sums) noexcept {
  using view = masked_view<const T>;
  using d = dots<T>;
  const std::int64_t pieces = a.pieces();
  const T* e = a.elements().data() + a.element_offsets()[at(first)];
  const auto* bits = a.bitmaps().data() + first * pieces * view::height;
  for (std::int64_t b = first; b < last; ++b) {
    typename d::reg s[view::height];
    TILEBIT_UNROLL
    for (int r = 0; r < view::height; ++r) s[r] = d::zero();
    for (std::int64_t c = 0; c < pieces; ++c, bits += view::height) {
      const __m512i columns = _mm512_loadu_si512(x + view::width * c);
      prefetch_sixteen(bits);
      TILEBIT_UNROLL
      for (int r = 0; r < view::height; ++r) {
        prefetch_elements(e);
        s[r] = d::fma(expand_piece(bits[r], e), columns, s[r]);
        e += std::popcount(bits[r]);
      }
    }
    TILEBIT_UNROLL
    for (int r = 0; r < view::height; ++r) {
      accumulator_t<T>& to = sums[view::height * b + r];
      if constexpr (std::is_same_v<T, std::int8_t>) { // x is moved by 128
        to = static_cast<std::int32_t>(
            static_cast<std::uint32_t>(_mm512_reduce_add_epi32(s[r])) -
            128U * static_cast<std::uint32_t>(a.row_sums()[at(view::height * b + r)]));
      } else {
        to = _mm512_reduce_add_ps(s[r]);
      }
    }
  }
}
