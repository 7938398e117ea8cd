// Are the row indices of COO entries in order? Asked before threads share them; for every
// instruction set: included by simd.hpp behind the vocabulary.
//
// Rows are compared with those before them, as signed numbers, in four vectors at a time: valid
// indices are below the number of rows, which fits 63 bits.
template <class I>
bool never_fall(const I* rows, std::int64_t n) noexcept {
  std::int64_t k = 1;
  if constexpr (sizeof(I) == 4 || sizeof(I) == 8) {
    constexpr std::int64_t step = 4 * index_vector<I>::width;
    for (; k + step <= n; k += step) {
      if (index_vector<I>::any_falls(rows + k)) return false;
    }
  }
  for (; k < n; ++k) {
    if (rows[k] < rows[k - 1]) return false;
  }
  return true;
}
