// Products of windowed rows with a few columns: included by simd.hpp in the target region of
// AVX-512 BF16 and VNNI.

/// What differs between the types of entries.
template <class T>
struct windows;

template <>
struct windows<bfloat16> {
  using reg = __m512;

  static reg start(const std::int32_t*) noexcept { return _mm512_setzero_ps(); }
  static reg zero() noexcept { return _mm512_setzero_ps(); }
  static reg add(reg a, reg b) noexcept { return _mm512_add_ps(a, b); }
  static void store(reg a, float* to) noexcept { _mm512_storeu_ps(to, a); }
  static __m512i positions(const std::uint8_t* p) noexcept {
    return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  /// The same from distances. before: in all words of a row, where its last entry was; moved on.
  static __m512i positions(const std::uint8_t* p, __m512i& before) noexcept {
    const __m512i b = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
    const __m512i gaps =
        _mm512_and_si512(_mm512_or_si512(b, _mm512_slli_epi32(b, 12)), _mm512_set1_epi16(15));
    const __m512i sums = _mm512_mullo_epi32(gaps, _mm512_set1_epi32(0x00010001));
    const __m512i places = _mm512_add_epi16(sums, before); // 4% faster than by bytes, Zen 4
    const __m512i last = _mm512_broadcast_i32x4(
        _mm_setr_epi8(2, 3, 2, 3, 6, 7, 6, 7, 10, 11, 10, 11, 14, 15, 14, 15));
    before = _mm512_shuffle_epi8(places, last);
    return places;
  }
  /// Elements of 128 in four registers.
  static __m512i pick(const __m512i (&x)[4], __m512i positions) noexcept {
    const __mmask32 upper = _mm512_test_epi16_mask(positions, _mm512_set1_epi16(64));
    return _mm512_mask_blend_epi16(upper, _mm512_permutex2var_epi16(x[0], positions, x[1]),
                                   _mm512_permutex2var_epi16(x[2], positions, x[3]));
  }
  static reg fma(__m512i values, __m512i x, reg sum) noexcept {
    return _mm512_dpbf16_ps(sum, (__m512bh)values, (__m512bh)x);
  }
};

template <>
struct windows<std::int8_t> {
  using reg = __m512i;

  /// x is moved by 128, and so are its products with a row.
  static reg start(const std::int32_t* row_sums) noexcept {
    return _mm512_sub_epi32(_mm512_setzero_si512(),
                            _mm512_slli_epi32(_mm512_loadu_si512(row_sums), 7));
  }
  static reg zero() noexcept { return _mm512_setzero_si512(); }
  static reg add(reg a, reg b) noexcept { return _mm512_add_epi32(a, b); }
  static void store(reg a, std::int32_t* to) noexcept { _mm512_storeu_si512(to, a); }
  static __m512i positions(const std::uint8_t* p) noexcept { return _mm512_loadu_si512(p); }
  static __m512i positions(const std::uint8_t* p, __m512i& before) noexcept {
    const __m512i w = _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
    const __m512i gaps =
        _mm512_and_si512(_mm512_or_si512(w, _mm512_slli_epi16(w, 4)), _mm512_set1_epi8(15));
    const __m512i sums = _mm512_mullo_epi32(gaps, _mm512_set1_epi32(0x01010101));
    const __m512i places = _mm512_add_epi8(sums, before);
    const __m512i last = _mm512_broadcast_i32x4(
        _mm_setr_epi8(3, 3, 3, 3, 7, 7, 7, 7, 11, 11, 11, 11, 15, 15, 15, 15));
    before = _mm512_shuffle_epi8(places, last);
    return places;
  }
  /// Elements of 256 in four registers.
  static __m512i pick(const __m512i (&x)[4], __m512i positions) noexcept {
    return _mm512_mask_blend_epi8(_mm512_movepi8_mask(positions),
                                  _mm512_permutex2var_epi8(x[0], positions, x[1]),
                                  _mm512_permutex2var_epi8(x[2], positions, x[3]));
  }
  static reg fma(__m512i values, __m512i x, reg sum) noexcept {
    return _mm512_dpbusd_epi32(sum, x, values);
  }
};

/// What a kernel has in registers: sums of sixteen rows, and the columns of x under the window.
template <int N, int Bits, class T>
struct windowed_state {
  using w = windows<T>;
  static constexpr std::int64_t of_step = 16 * windowed_view<T>::depth;

  typename w::reg sums[2][N]; ///< of even and of odd steps, so that none waits for itself
  __m512i under[N][4];
  __m512i before; ///< of distances
  const T* values;
  const std::uint8_t* positions;

  TILEBIT_ALWAYS_INLINE void step(int k) {
    prefetch_elements(values);
    prefetch_elements(positions);
    const __m512i e = _mm512_loadu_si512(values);
    __m512i p;
    if constexpr (Bits == 4) {
      p = w::positions(positions, before);
    } else {
      p = w::positions(positions);
    }
    values += of_step;
    positions += of_step * Bits / 8;
    TILEBIT_UNROLL
    for (int j = 0; j < N; ++j) sums[k][j] = w::fma(e, w::pick(under[j], p), sums[k][j]);
  }
  TILEBIT_ALWAYS_INLINE void steps(int n) {
    for (; n >= 2; n -= 2) {
      step(0);
      step(1);
    }
    if (n > 0) step(0);
  }
  /// The strip from `x` on, into register k.
  TILEBIT_ALWAYS_INLINE void load(int k, const dot_operand_t<T>* x, std::int64_t ldx) {
    TILEBIT_UNROLL
    for (int j = 0; j < N; ++j) under[j][k] = _mm512_loadu_si512(x + j * ldx);
  }
};

template <int N, int Bits, class T>
void windowed_dots_of(const windowed_view<const T>& a, std::int64_t first, std::int64_t last,
                      const dot_operand_t<T>* x, std::int64_t ldx,
                      accumulator_t<T>* sums) noexcept {
  using w = windows<T>;
  constexpr std::int64_t strip = windowed_view<T>::strip;
  constexpr std::int64_t width = windowed_view<T>::width;
  constexpr bool moved = std::is_same_v<T, std::int8_t>;
  windowed_state<N, Bits, T> s;
  const std::int64_t done = a.step_offsets()[at(first)] * s.of_step;
  s.values = a.values().data() + done;
  s.positions = a.positions().data() + done * Bits / 8;
  const std::uint8_t* steps = a.steps_of_strip().data() + first * a.strips();
  const std::int64_t end = a.strips() * strip;
  for (std::int64_t b = first; b < last; ++b) {
    TILEBIT_UNROLL
    for (int j = 0; j < N; ++j) {
      s.sums[0][j] = w::start(moved ? a.row_sums().data() + 16 * b : nullptr);
      s.sums[1][j] = w::zero();
    }
    s.before = _mm512_setzero_si512();
    TILEBIT_UNROLL
    for (int k = 0; k < 4; ++k) s.load(k, x + k * strip, ldx);
    for (std::int64_t column = 0; column < end; column += width, steps += 4) {
      // Behind the last window nothing is read: its strips stay where they are.
      const dot_operand_t<T>* const next = x + std::min(column + width, end - width);
      s.steps(steps[0]);
      s.load(0, next, ldx);
      s.steps(steps[1]);
      s.load(1, next + strip, ldx);
      s.steps(steps[2]);
      s.load(2, next + 2 * strip, ldx);
      s.steps(steps[3]);
      s.load(3, next + 3 * strip, ldx);
    }
    TILEBIT_UNROLL
    for (int j = 0; j < N; ++j) {
      w::store(w::add(s.sums[0][j], s.sums[1][j]), sums + 16 * (b * N + j));
    }
  }
}

/// Blocks [first, last) times N columns: column j of x is at x + j * ldx, its length rounded up to
/// whole windows; the sums of block b and column j go to sums[16 * (b * N + j)] and the 15 after
/// it.
template <int N, class T>
void windowed_dots(const windowed_view<const T>& a, std::int64_t first, std::int64_t last,
                   const dot_operand_t<T>* x, std::int64_t ldx, accumulator_t<T>* sums) noexcept {
  if (a.position_bits() == 4) {
    windowed_dots_of<N, 4, T>(a, first, last, x, ldx, sums);
  } else {
    windowed_dots_of<N, 8, T>(a, first, last, x, ldx, sums);
  }
}
