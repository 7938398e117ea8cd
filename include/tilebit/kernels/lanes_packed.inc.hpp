// Vectors of packed entries, with the names of lanes_avx512.inc.hpp: included by simd.hpp behind
// it, in the target region of AVX-512 BF16 and VNNI.

/// 32-bit sums, modulo 2^32.
template <>
struct lanes<std::int32_t> {
  static constexpr std::int64_t count = 16;
  using reg = __m512i;
  using data = reg;
  using mask = __mmask16;

  static mask first(std::int64_t n) noexcept { return static_cast<mask>((1U << n) - 1); }
  static reg zero() noexcept { return _mm512_setzero_si512(); }
  static reg broadcast(const std::int32_t* p) noexcept { return _mm512_set1_epi32(*p); }
  static reg load(const std::int32_t* p) noexcept { return _mm512_loadu_si512(p); }
  static reg load(const std::int32_t* p, mask m) noexcept { return _mm512_maskz_loadu_epi32(m, p); }
  static void store(std::int32_t* p, reg a) noexcept { _mm512_storeu_si512(p, a); }
  static void stream(std::int32_t* p, reg a) noexcept {
    _mm512_stream_si512(reinterpret_cast<__m512i*>(p), a);
  }
  static void store(std::int32_t* p, reg a, mask m) noexcept { _mm512_mask_storeu_epi32(p, m, a); }
  static reg add(reg a, reg b) noexcept { return _mm512_add_epi32(a, b); }
  static reg mul(reg a, reg b) noexcept { return _mm512_mullo_epi32(a, b); }
  static reg fma(reg a, reg b, reg c) noexcept { return add(mul(a, b), c); }
  static reg relu(reg a) noexcept { return _mm512_max_epi32(zero(), a); }
};

/// What loads of packed entries have in common.
template <class P>
struct packed_lanes {
  static constexpr std::int64_t count = 16;
  using data = __m512i;
  using mask = __mmask16;

  static mask first(std::int64_t n) noexcept { return static_cast<mask>((1U << n) - 1); }
  static data broadcast(const P* p) noexcept {
    return _mm512_set1_epi32(static_cast<int>(static_cast<std::uint32_t>(*p)));
  }
  static data load(const P* p) noexcept { return _mm512_loadu_si512(p); }
  static data load(const P* p, mask m) noexcept { return _mm512_maskz_loadu_epi32(m, p); }
};

/// Products of pairs are added in float, first one, then the other; subnormal numbers count as
/// zero.
template <>
struct lanes<detail::bfloat16_pair> : packed_lanes<detail::bfloat16_pair> {
  using reg = __m512;

  static reg zero() noexcept { return _mm512_setzero_ps(); }
  static reg add(reg a, reg b) noexcept { return _mm512_add_ps(a, b); }
  static reg fma(data a, data b, reg c) noexcept {
    return _mm512_dpbf16_ps(c, (__m512bh)b, (__m512bh)a);
  }
};

/// Entries of A are signed; those of B have been moved by 128 to become unsigned, as the
/// instruction wants them. Sums come out too large by 128 times the sum of the row of A.
template <>
struct lanes<detail::int8_quad> : packed_lanes<detail::int8_quad> {
  using reg = __m512i;

  static reg zero() noexcept { return _mm512_setzero_si512(); }
  static reg add(reg a, reg b) noexcept { return _mm512_add_epi32(a, b); }
  static reg fma(data a, data b, reg c) noexcept { return _mm512_dpbusd_epi32(c, b, a); }
};
