// SpMV of bitmap tile rows [first, last), for every instruction set: included by simd.hpp behind
// the vocabulary.
//
// Two accumulators take turns, because one would wait for its own multiply-add. Only the last tile
// of a tile row can reach over the matrix's edge; it alone looks where x ends.
template <class T, class I>
void spmv_bitmap(const bitmap_view<const T, I>& a, std::int64_t first, std::int64_t last,
                 const T* x, const vector_update<T>& update) noexcept {
  const vector_update<T> out = update; // a copy, which no store to z can change
  const std::int64_t* offsets = a.tile_row_offsets().data();
  const std::uint16_t* bitmaps = a.bitmaps().data();
  const I* cols = a.tile_cols().data();
  const T* e = a.elements().data() + a.element_offsets()[at(first)];
  const std::int64_t whole_cols = a.cols() / 4; // tile columns that lie inside
  T edge[4] = {};
  for (std::int64_t j = 4 * whole_cols; j < a.cols(); ++j) edge[j % 4] = x[j];
  const auto x_of = [x](I col) { return x + 4 * static_cast<std::int64_t>(col); };

  for (std::int64_t tr = first; tr < last; ++tr) {
    tile_accumulator<T> sums;
    std::int64_t k = offsets[tr];
    const std::int64_t end = offsets[tr + 1];
    if (k != end) {
      tile_accumulator<T> others;
      for (; k + 2 < end; k += 2) {
        const unsigned b0 = bitmaps[k];
        const unsigned b1 = bitmaps[k + 1];
        const T* const e1 = e + std::popcount(b0);
        sums.add(b0, e, x_of(cols[k]));
        others.add(b1, e1, x_of(cols[k + 1]));
        e = e1 + std::popcount(b1);
      }
      for (; k < end; ++k) {
        const bool inside = static_cast<std::int64_t>(cols[k]) < whole_cols;
        sums.add(bitmaps[k], e, inside ? x_of(cols[k]) : edge);
        e += std::popcount(unsigned{bitmaps[k]});
      }
      sums.add(others);
    }
    T rows[4];
    sums.rows(rows);
    const std::int64_t height = a.rows() - 4 * tr;
    for (std::int64_t r = 0; r < 4 && r < height; ++r) out.store(4 * tr + r, rows[r]);
  }
}
