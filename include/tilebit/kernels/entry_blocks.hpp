// COO entries in order of rows, cut into blocks for threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "../core/config.hpp"
#include "../formats/coo.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// So many blocks of about as many entries each, with cuts that depend on the entries alone. They
/// lie between rows, but where a row reaches over a whole block inside it: the next block then
/// leads with entries of that row, whose sum is to be added when that of the block before has been.
template <class T, class I>
class entry_blocks {
public:
  /// count: at least one, and at most one for each entry.
  entry_blocks(const coo_view<const T, I>& a, int count) noexcept : a_(a), count_(count) {}

  /// Where a block would begin if rows did not count.
  std::int64_t share(int block) const noexcept {
    return block == count_ ? a_.nnz() : a_.nnz() / count_ * block;
  }

  /// O(log nnz); block 0 begins at 0, block `count` at the end.
  std::int64_t begin(int block) const noexcept {
    const std::int64_t cut = share(block);
    if (block == 0 || block == count_) return cut;
    const I* const rows = a_.row_indices().data();
    const I row = rows[cut - 1];
    const std::int64_t next = share(block + 1);
    if (rows[share(block - 1)] == row || rows[next - 1] == row) return cut;
    return std::upper_bound(rows + cut, rows + next, row) - rows;
  }

  /// The first row of a block that begins there: the one behind those of the entries before. Rows
  /// without entries are shared out with the others.
  std::int64_t first_row(std::int64_t begin) const noexcept {
    if (begin == 0) return 0;
    if (begin == a_.nnz()) return a_.rows();
    return static_cast<std::int64_t>(a_.row_indices().data()[begin - 1]) + 1;
  }

  /// Where the entries end with which the block [begin, end) leads.
  std::int64_t end_of_lead(std::int64_t begin, std::int64_t end) const noexcept {
    const I* const rows = a_.row_indices().data();
    if (begin == 0 || begin == end || rows[begin - 1] != rows[begin]) return begin;
    return std::upper_bound(rows + begin, rows + end, rows[begin]) - rows;
  }

private:
  coo_view<const T, I> a_;
  int count_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
