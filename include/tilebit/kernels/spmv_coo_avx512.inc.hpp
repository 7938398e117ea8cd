// SpMV of COO entries with AVX-512: included by simd.hpp behind the vocabulary.
//
// A vector of products is added lane by lane as long as the row stays the same. Where rows end
// inside the vector, a segmented running sum leaves at the last lane of each run what the run adds
// up to. Entries may come in any order: every run is added to z on its own, one after the other.

/// Lanes whose row differs from that of the entry before; reads rows[-1] on.
template <int Width, class I>
unsigned starts_of_runs(const I* rows) noexcept {
  if constexpr (sizeof(I) == 8) {
    unsigned starts =
        bits_of(_mm512_cmpneq_epi64_mask(_mm512_loadu_si512(rows), _mm512_loadu_si512(rows - 1)));
    if constexpr (Width == 16) {
      starts |= bits_of(_mm512_cmpneq_epi64_mask(_mm512_loadu_si512(rows + 8),
                                                 _mm512_loadu_si512(rows + 7)))
                << 8;
    }
    return starts;
  } else if constexpr (Width == 16) {
    return bits_of(
        _mm512_cmpneq_epi32_mask(_mm512_loadu_si512(rows), _mm512_loadu_si512(rows - 1)));
  } else {
    return bits_of(
        _mm256_cmpneq_epi32_mask(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows)),
                                 _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows - 1))));
  }
}

/// Adds to each lane what stands Lanes below it, where the bits of `stops` allow it.
template <int Lanes>
__m512d add_from_below(__m512d sums, unsigned stops) noexcept {
  const __m512i below =
      _mm512_alignr_epi64(_mm512_castpd_si512(sums), _mm512_setzero_si512(), 8 - Lanes);
  return _mm512_mask_add_pd(sums, static_cast<__mmask8>(~stops), sums, _mm512_castsi512_pd(below));
}
template <int Lanes>
__m512 add_from_below(__m512 sums, unsigned stops) noexcept {
  const __m512i below =
      _mm512_alignr_epi32(_mm512_castps_si512(sums), _mm512_setzero_si512(), 16 - Lanes);
  return _mm512_mask_add_ps(sums, static_cast<__mmask16>(~stops), sums, _mm512_castsi512_ps(below));
}

/// Running sums that begin anew at the lanes of `starts`.
inline void sum_runs(row_sum<double>& s, unsigned starts) noexcept {
  unsigned stops = starts | 1U; // lanes whose run begins within the lanes summed up so far
  s.sum = add_from_below<1>(s.sum, stops);
  stops |= stops << 1 | 1U;
  s.sum = add_from_below<2>(s.sum, stops);
  stops |= stops << 2 | 3U;
  s.sum = add_from_below<4>(s.sum, stops);
}
inline void sum_runs(row_sum<float>& s, unsigned starts) noexcept {
  unsigned stops = starts | 1U;
  s.sum = add_from_below<1>(s.sum, stops);
  stops |= stops << 1 | 1U;
  s.sum = add_from_below<2>(s.sum, stops);
  stops |= stops << 2 | 3U;
  s.sum = add_from_below<4>(s.sum, stops);
  stops |= stops << 4 | 15U;
  s.sum = add_from_below<8>(s.sum, stops);
}

inline void store_lanes(double* to, const row_sum<double>& s) noexcept {
  _mm512_storeu_pd(to, s.sum);
}
inline void store_lanes(float* to, const row_sum<float>& s) noexcept {
  _mm512_storeu_ps(to, s.sum);
}
/// Leaves the last lane only.
inline void keep_last_lane(row_sum<double>& s) noexcept {
  s.sum = _mm512_maskz_mov_pd(0x80, s.sum);
}
inline void keep_last_lane(row_sum<float>& s) noexcept {
  s.sum = _mm512_maskz_mov_ps(0x8000, s.sum);
}

/// Entries [first, last), added to z.
template <class T, class I>
void spmv_coo(const coo_view<const T, I>& a, std::int64_t first, std::int64_t last, const T* x,
              const vector_update<T>& update) noexcept {
  const vector_update<T> out = update; // a copy, which no store to z can change
  constexpr int width = static_cast<int>(row_sum<T>::width);
  if (first == last) return;
  const I* rows = a.row_indices().data();
  const I* cols = a.col_indices().data();
  const T* values = a.values().data();
  const auto add = [&](std::int64_t k, T sum) {
    out.accumulate(static_cast<std::int64_t>(rows[k]), sum);
  };
  add(first, values[first] * x[cols[first]]); // so that every vector has an entry before it
  std::int64_t k = first + 1;
  row_sum<T> open; // of the run that the entry before k belongs to
  for (; k + width <= last; k += width) {
    const unsigned starts = starts_of_runs<width>(rows + k);
    if (starts == 0) {
      open.add(values + k, cols + k, x);
      continue;
    }
    add(k - 1, open.total());
    open = row_sum<T>();
    open.add(values + k, cols + k, x);
    sum_runs(open, starts);
    T sums[width];
    store_lanes(sums, open);
    for (unsigned ends = starts >> 1; ends != 0; ends &= ends - 1) {
      const int lane = std::countr_zero(ends);
      add(k + lane, sums[lane]);
    }
    keep_last_lane(open);
  }
  add(k - 1, open.total());
  for (; k < last; ++k) add(k, values[k] * x[cols[k]]);
}
