// SpMV of COO entries with AVX2: included by simd.hpp behind add_row, which adds up a run of
// entries of one row as it does a row of CSR.
//
// Where runs begin is found for 64 entries at a time, by comparing the rows of vectors with those
// one entry before. Entries may come in any order: every run is added to z on its own, one after
// the other.

/// Bit k: row k differs from the one before it; reads rows[-1] on, `n` of them, n <= 64.
template <class I>
std::uint64_t starts_of_runs(const I* rows, std::int64_t n) noexcept {
  std::uint64_t starts = 0;
  std::int64_t k = 0;
  const auto at_row = [rows](std::int64_t i) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows + i));
  };
  if constexpr (sizeof(I) == 4) {
    for (; k + 8 <= n; k += 8) {
      const __m256i same = _mm256_cmpeq_epi32(at_row(k), at_row(k - 1));
      const auto bits = static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(same)));
      starts |= std::uint64_t{~bits & 0xffU} << k;
    }
  } else if constexpr (sizeof(I) == 8) {
    for (; k + 4 <= n; k += 4) {
      const __m256i same = _mm256_cmpeq_epi64(at_row(k), at_row(k - 1));
      const auto bits = static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(same)));
      starts |= std::uint64_t{~bits & 0xfU} << k;
    }
  }
  for (; k < n; ++k) starts |= std::uint64_t{rows[k] != rows[k - 1]} << k;
  return starts;
}

/// Runs in 64 entries above which these are added one by one, because ends that the processor does
/// not foresee cost more than additions that wait for each other (Zen 3: runs are 1.3 to 1.9 times
/// as fast with 40 and more entries a row, 0.4 to 0.8 times with 4 to 8).
inline constexpr int short_runs = 4;

/// Entries [first, last), added to z.
template <class T, class I>
void spmv_coo(const coo_view<const T, I>& a, std::int64_t first, std::int64_t last, const T* x,
              const vector_update<T>& update) noexcept {
  const vector_update<T> out = update; // a copy, which no store to z can change
  if (first == last) return;
  if (a.rows() > short_runs * a.nnz() / 64) return spmv<false>(a, first, last, x, update);
  const I* const rows = a.row_indices().data();
  const I* const cols = a.col_indices().data();
  const T* const values = a.values().data();
  const std::int64_t followed = a.nnz() - 4; // four entries may be read from here on
  std::int64_t begin = first;                // of the run that is open
  const auto end_run = [&](std::int64_t end) {
    const std::int64_t n = end - begin;
    const quad_sum<T> sum = end - 1 < followed
                                ? add_row<true>(values + begin, cols + begin, n, x)
                                : add_row<false>(values + begin, cols + begin, n, x);
    out.accumulate(static_cast<std::int64_t>(rows[begin]), sum.total());
    begin = end;
  };
  for (std::int64_t k = first + 1; k < last; k += 64) {
    const std::int64_t n = std::min<std::int64_t>(64, last - k);
    std::uint64_t starts = starts_of_runs(rows + k, n);
    if (std::popcount(starts) > short_runs) {
      end_run(k);
      for (std::int64_t i = k; i + 1 < k + n; ++i) {
        out.accumulate(static_cast<std::int64_t>(rows[i]), values[i] * x[cols[i]]);
      }
      begin = k + n - 1;
      continue;
    }
    for (; starts != 0; starts &= starts - 1) end_run(k + std::countr_zero(starts));
  }
  end_run(last);
}
