// SpMV of slices [first, last) of diagonals, for every instruction set: included by simd.hpp behind
// the vocabulary.
template <class T, class I>
void spmv_diagonals(const diagonal_view<const T, I>& a, std::int64_t first, std::int64_t last,
                    const T* x, const vector_update<T>& update) noexcept {
  const vector_update<T> out = update; // a copy, which no store to z can change
  const std::int64_t* offsets = a.slice_offsets().data();
  const std::uint16_t* masks = a.masks().data();
  const auto* cols = a.first_cols().data();
  const T* e = a.values().data() + 16 * offsets[first];
  const bool overwrite = out.alpha == T{1} && out.beta == T{};
  for (std::int64_t s = first; s < last; ++s) {
    diagonal_sums<T> sums;
    for (std::int64_t k = offsets[s]; k < offsets[s + 1]; ++k, e += 16) {
      const T* const xs = x + cols[k];
      const unsigned mask = masks[k];
      if (mask == 0xffff) {
        sums.add(e, xs);
      } else {
        sums.add(mask, e, xs);
      }
    }
    const std::int64_t height = a.rows() - 16 * s;
    if (overwrite && height >= 16) {
      sums.store(out.z + 16 * s);
    } else {
      T totals[16];
      sums.store(totals);
      store_rows(out, 16 * s, std::min<std::int64_t>(16, height), totals);
    }
  }
}
