// SpMM of CSR with so few columns that rows of B fit a register side by side: included by simd.hpp
// behind spmm_panel.inc.hpp.
//
// Four or eight entries of a row of A are multiplied and added at once, each in its own piece of
// the register, and the pieces of the sum are added at the end of the row.

/// n columns as 64-bit numbers.
template <class I>
__m512i wide_columns(const I* cols, std::int64_t n) noexcept {
  const auto there = static_cast<__mmask8>(first_lanes(n));
  if constexpr (sizeof(I) == 8) {
    return _mm512_maskz_loadu_epi64(there, cols);
  } else if constexpr (std::is_signed_v<I>) {
    return _mm512_cvtepi32_epi64(_mm256_maskz_loadu_epi32(there, cols));
  } else {
    return _mm512_cvtepu32_epi64(_mm256_maskz_loadu_epi32(there, cols));
  }
}

/// Registers whose pieces of so many bytes are rows of B, of one entry each: pieces of 8 bytes are
/// gathered where that is fast, others loaded one by one.
template <class T, int Bytes>
struct side_by_side {
  static constexpr int entries = 64 / Bytes;
  static constexpr int columns = Bytes / int{sizeof(T)};
  using v = lanes<T>;
  using reg = typename v::reg;

  /// Do rows of B take whole pieces and, where they are gathered, follow each other?
  static bool plain(std::int64_t width, std::int64_t ldb) noexcept {
    return Bytes == 8 ? ldb == columns : width == columns;
  }

  /// The rows of B of the next n entries; where fewer than fit, others are anything.
  template <bool Plain, class I>
  TILEBIT_ALWAYS_INLINE static reg rows(const I* col, int n, const T* b,
                                        std::int64_t ldb) noexcept {
    if constexpr (Bytes == 8 && gathers_rows) {
      const auto there = static_cast<__mmask8>(first_lanes(n));
      if constexpr (Plain) {
        return _mm512_castpd_ps(gather(there, there, col, reinterpret_cast<const double*>(b)));
      } else {
        const __m512i at_row = _mm512_mullo_epi64(wide_columns(col, n), _mm512_set1_epi64(ldb));
        const __m512d zero = _mm512_setzero_pd();
        return _mm512_castpd_ps(_mm512_mask_i64gather_pd(zero, there, at_row, b, sizeof(T)));
      }
    } else { // the last one several times, which takes no branch
      const auto row = [&](int k) {
        return b + static_cast<std::int64_t>(col[std::min(k, n - 1)]) * ldb;
      };
      const auto quarter = [&](int k) {
        if constexpr (Bytes == 8) {
          const auto* const first = reinterpret_cast<const double*>(row(2 * k));
          const auto* const second = reinterpret_cast<const double*>(row(2 * k + 1));
          return _mm_castpd_ps(_mm_loadh_pd(_mm_load_sd(first), second));
        } else {
          const auto* const floats = reinterpret_cast<const float*>(row(k));
          return Plain ? _mm_loadu_ps(floats) : _mm_maskz_loadu_ps(7, floats);
        }
      };
      const __m512 all = join(quarter(0), quarter(1), quarter(2), quarter(3));
      if constexpr (sizeof(T) == 4) {
        return all;
      } else {
        return _mm512_castps_pd(all);
      }
    }
  }

  /// As many values as there are pieces, each in all elements of its own.
  static reg values(const T* p) noexcept {
    if constexpr (sizeof(T) == 8) {
      return spread(_mm512_castpd256_pd512(_mm256_loadu_pd(p)));
    } else if constexpr (Bytes == 8) {
      return spread(_mm512_castps256_ps512(_mm256_loadu_ps(p)));
    } else {
      return spread(_mm512_castps128_ps512(_mm_loadu_ps(p)));
    }
  }
  /// n of them.
  static reg values(const T* p, int n) noexcept { return spread(v::load(p, v::first(n))); }

  /// The sum of all pieces, in the first one.
  static reg sum(reg a) noexcept {
    if constexpr (sizeof(T) == 8) {
      a = v::add(a, _mm512_shuffle_f64x2(a, a, 0x4E));
      return v::add(a, _mm512_shuffle_f64x2(a, a, 0xB1));
    } else {
      a = v::add(a, _mm512_shuffle_f32x4(a, a, 0x4E));
      a = v::add(a, _mm512_shuffle_f32x4(a, a, 0xB1));
      return Bytes == 8 ? v::add(a, _mm512_permute_ps(a, 0x4E)) : a;
    }
  }

private:
  /// Four quarters of a register, which mostly come from memory.
  static __m512 join(__m128 a, __m128 b, __m128 c, __m128 d) noexcept {
    if constexpr (gathers_rows) {
      __m512 all = _mm512_castps128_ps512(a);
      all = _mm512_mask_broadcast_f32x4(all, 0x00F0, b);
      all = _mm512_mask_broadcast_f32x4(all, 0x0F00, c);
      return _mm512_mask_broadcast_f32x4(all, 0xF000, d);
    } else {
      return _mm512_insertf32x8(_mm512_castps256_ps512(_mm256_set_m128(b, a)),
                                _mm256_set_m128(d, c), 1);
    }
  }
  static reg spread(reg a) noexcept {
    if constexpr (sizeof(T) == 8) {
      return _mm512_permutexvar_pd(_mm512_setr_epi64(0, 0, 1, 1, 2, 2, 3, 3), a);
    } else if constexpr (Bytes == 8) {
      const __m512i piece = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
      return _mm512_permutexvar_ps(piece, a);
    } else {
      const __m512i piece = _mm512_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
      return _mm512_permutexvar_ps(piece, a);
    }
  }
};

/// Rows [first, last_row) of CSR, with rows of B of more than half of so many bytes.
template <int Bytes, bool Plain = true, class T, class I, class O>
void spmm_side_by_side(const csr_view<const T, I, O>& a, std::int64_t first, std::int64_t last_row,
                       const T* b, std::int64_t ldb, std::int64_t width,
                       const panel_output<T>& out) noexcept {
  using v = lanes<T>;
  using pieces = side_by_side<T, Bytes>;
  constexpr int entries = pieces::entries;
  if constexpr (sizeof(T) == 4 && Plain) { // two doubles always are
    if (!pieces::plain(width, ldb)) {
      return spmm_side_by_side<Bytes, false>(a, first, last_row, b, ldb, width, out);
    }
  }
  const vector_places<T, 1, true> places(b, width, out.whole_b);
  const bool ahead = asks_ahead(a, std::size_t{8} << 20); // from 5 MB on 1.1 times slower (Zen 4)
  const O* const offsets = a.row_offsets().data();
  for (std::int64_t i = first; i < last_row; ++i) {
    if (out.fetched != nullptr) fetch_output<T, 1>(i + 2, i + 3, out);
    const I* col = a.col_indices().data() + offsets[i];
    const T* value = a.values().data() + offsets[i];
    auto left = static_cast<std::int64_t>(offsets[i + 1] - offsets[i]);
    typename v::reg sums[2] = {v::zero(), v::zero()};
    for (; left >= 2 * entries; left -= 2 * entries) {
      if (ahead) {
        TILEBIT_PREFETCH(reinterpret_cast<const char*>(value) + bytes_ahead);
        TILEBIT_PREFETCH(reinterpret_cast<const char*>(col) + bytes_ahead);
      }
      TILEBIT_UNROLL
      for (auto& sum : sums) {
        sum = v::fma(pieces::values(value),
                     pieces::template rows<Plain>(col, entries, b, ldb), sum);
        col += entries;
        value += entries;
      }
    }
    if (left >= entries) {
      sums[0] = v::fma(pieces::values(value),
                       pieces::template rows<Plain>(col, entries, b, ldb), sums[0]);
      col += entries;
      value += entries;
      left -= entries;
    }
    if (left > 0) { // what fills up the register may be infinite, and is left out
      const auto n = static_cast<int>(left);
      sums[1] = v::fma(pieces::values(value, n), pieces::template rows<Plain>(col, n, b, ldb),
                       sums[1], v::first(n * pieces::columns));
    }
    const typename v::reg total[1] = {pieces::sum(v::add(sums[0], sums[1]))};
    store_row<T, 1>(total, i, places, out);
  }
}
