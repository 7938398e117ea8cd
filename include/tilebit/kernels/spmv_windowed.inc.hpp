// SpMV of windowed rows of float: included by simd.hpp in the target region of AVX-512.
//
// 64 elements of x are in four registers, and two permutations pick those of sixteen entries: a
// third of what gathering them takes.

/// Sums of sixteen rows, of even and of odd steps, so that none waits for itself.
struct windowed_sums {
  __m512 sums[2];
  __m512 under[4]; ///< x under the window
  const float* values;
  const std::uint8_t* positions;

  TILEBIT_ALWAYS_INLINE void step(int k) {
    prefetch_elements(values);
    prefetch_elements(positions);
    const __m512i p =
        _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(positions)));
    const __mmask16 stored = _mm512_movepi32_mask(p);
    const __mmask16 upper = _mm512_test_epi32_mask(p, _mm512_set1_epi32(32));
    const __m512 x = _mm512_mask_blend_ps(upper, _mm512_permutex2var_ps(under[0], p, under[1]),
                                          _mm512_permutex2var_ps(under[2], p, under[3]));
    sums[k] = _mm512_mask3_fmadd_ps(_mm512_loadu_ps(values), x, sums[k], stored);
    values += 16;
    positions += 16;
  }
  TILEBIT_ALWAYS_INLINE void steps(int n) {
    for (; n >= 2; n -= 2) {
      step(0);
      step(1);
    }
    if (n > 0) step(0);
  }
};

/// Blocks [first, last).
inline void spmv_windowed(const windowed_view<const float>& a, std::int64_t first,
                          std::int64_t last, const float* x,
                          const vector_update<float>& update) noexcept {
  constexpr std::int64_t strip = windowed_view<float>::strip;
  constexpr std::int64_t width = windowed_view<float>::width;
  const vector_update<float> out = update; // a copy, which no store to z can change
  const bool overwrite = out.alpha == 1.0F && out.beta == 0.0F;
  const std::int64_t inside = (a.cols() - 1) / width * width; // where the last window begins
  float behind[width] = {}; // x under it, which may reach over the matrix's edge
  std::copy(x + inside, x + a.cols(), behind);
  windowed_sums s;
  const std::int64_t done = a.step_offsets()[at(first)] * 16;
  s.values = a.values().data() + done;
  s.positions = a.positions().data() + done;
  const std::uint8_t* steps = a.steps_of_strip().data() + first * a.strips();
  for (std::int64_t b = first; b < last; ++b) {
    s.sums[0] = s.sums[1] = _mm512_setzero_ps();
    const float* const start = inside > 0 ? x : behind;
    TILEBIT_UNROLL
    for (int k = 0; k < 4; ++k) s.under[k] = _mm512_loadu_ps(start + k * strip);
    for (std::int64_t column = 0; column <= inside; column += width, steps += 4) {
      // Behind the last window nothing is read: its strips stay where they are.
      const float* const next = column + width < inside ? x + column + width : behind;
      s.steps(steps[0]);
      s.under[0] = _mm512_loadu_ps(next);
      s.steps(steps[1]);
      s.under[1] = _mm512_loadu_ps(next + strip);
      s.steps(steps[2]);
      s.under[2] = _mm512_loadu_ps(next + 2 * strip);
      s.steps(steps[3]);
      s.under[3] = _mm512_loadu_ps(next + 3 * strip);
    }
    const __m512 total = _mm512_add_ps(s.sums[0], s.sums[1]);
    const std::int64_t rows = std::min<std::int64_t>(16, a.rows() - 16 * b);
    if (overwrite && rows == 16) {
      _mm512_storeu_ps(out.z + 16 * b, total);
    } else {
      float totals[16];
      _mm512_storeu_ps(totals, total);
      store_rows(out, 16 * b, rows, totals);
    }
  }
}
