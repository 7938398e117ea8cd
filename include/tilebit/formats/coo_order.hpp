// Order of triples: linear-time detection, stable row-major sorting, summing of duplicates.
//
// Sorting is a two-level radix sort: entries go to buckets of neighbouring rows (sequential
// writes), then each bucket, small enough for the L2 cache, is sorted by column digits and at last
// by row. Files come in row or in column order: both are detected by one pass and take shorter
// roads.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "../core/shape.hpp"

namespace tilebit::detail {

/// What one pass over the triples shows.
struct entry_order {
  bool row_major = true;        ///< (row, column) never decreases
  bool row_major_strict = true; ///< and always increases: no duplicates
  bool col_major_strict = true; ///< (column, row) always increases: no duplicates
};

template <class I>
entry_order inspect_order(std::span<const I> rows, std::span<const I> cols) noexcept {
  entry_order order;
  constexpr std::size_t block =
      1024; // flags are looked at once a block, so that the loop has no branch
  for (std::size_t first = 1; first < rows.size(); first += block) {
    const std::size_t last = std::min(first + block, rows.size());
    unsigned decrease = 0;
    unsigned equal = 0;
    unsigned not_col_major = 0;
    for (std::size_t k = first; k < last; ++k) {
      const I r0 = rows[k - 1];
      const I r1 = rows[k];
      const I c0 = cols[k - 1];
      const I c1 = cols[k];
      decrease |= unsigned(r1 < r0) | (unsigned(r1 == r0) & unsigned(c1 < c0));
      equal |= unsigned(r1 == r0) & unsigned(c1 == c0);
      not_col_major |= unsigned(c1 < c0) | (unsigned(c1 == c0) & unsigned(r1 <= r0));
    }
    if (decrease != 0) order.row_major = order.row_major_strict = false;
    if (equal != 0) order.row_major_strict = false;
    if (not_col_major != 0) order.col_major_strict = false;
    if (!order.row_major && !order.col_major_strict) break;
  }
  return order;
}

/// Entries in row-major order with row offsets; duplicates, if any, are adjacent.
template <class T, class I, class O = std::int64_t>
struct ordered_entries {
  std::vector<T> values;
  std::vector<O> row_offsets;
  std::vector<I> col_indices;
  bool strict = false; ///< known to hold no duplicates
};

/// counts -> first positions, in place; the last element becomes the total.
template <class O>
void exclusive_scan_in_place(std::span<O> counts) noexcept {
  O sum = 0;
  for (O& c : counts) {
    const O n = c;
    c = sum;
    sum = static_cast<O>(sum + n);
  }
}

/// After a scatter each offset stands at its row's end, which is the next row's begin.
template <class O>
void shift_to_begins(std::vector<O>& offsets) noexcept {
  std::shift_right(offsets.begin(), offsets.end(), 1);
  offsets[0] = 0;
}

/// The row of every entry.
template <class I, class O>
std::vector<I> rows_of_offsets(std::span<const O> offsets) {
  std::vector<I> rows(offsets.empty() ? 0 : at(offsets.back()));
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    std::fill(rows.begin() + static_cast<std::ptrdiff_t>(offsets[i]),
              rows.begin() + static_cast<std::ptrdiff_t>(offsets[i + 1]), static_cast<I>(i));
  }
  return rows;
}

template <class O, class I>
std::vector<O> offsets_of_sorted_rows(std::span<const I> rows, std::int64_t n_rows) {
  std::vector<O> offsets(at(n_rows) + 1);
  std::size_t next = 0; // first row whose offset is not yet known
  for (std::size_t k = 0; k < rows.size(); ++k) {
    for (const std::size_t r = at(rows[k]); next <= r; ++next) offsets[next] = static_cast<O>(k);
  }
  for (; next < offsets.size(); ++next) offsets[next] = static_cast<O>(rows.size());
  return offsets;
}

/// Stable scatter of column-ordered entries into rows: one pass, columns come out sorted.
template <class T, class I, class O>
void scatter_by_row(std::span<const T> values, std::span<const I> rows, std::span<const I> cols,
                    std::int64_t n_rows, ordered_entries<T, I, O>& out) {
  out.row_offsets.assign(at(n_rows) + 1, O{0});
  for (const I r : rows) ++out.row_offsets[at(r)];
  exclusive_scan_in_place(std::span<O>(out.row_offsets));
  out.values.resize(values.size());
  out.col_indices.resize(values.size());
  for (std::size_t k = 0; k < values.size(); ++k) {
    const std::size_t p = at(out.row_offsets[at(rows[k])]++);
    out.values[p] = values[k];
    out.col_indices[p] = cols[k];
  }
  shift_to_begins(out.row_offsets);
}

template <class T, class I>
struct triple {
  T value;
  I row;
  I col;
};

/// Stable counting sort of n triples from src to dst by digit(triple) < digits.
template <class Triple, class Digit>
void counting_pass(const Triple* src, Triple* dst, std::size_t n, std::size_t digits,
                   std::vector<std::size_t>& counts, Digit digit) {
  std::fill_n(counts.begin(), digits, std::size_t{0});
  for (std::size_t k = 0; k < n; ++k) ++counts[digit(src[k])];
  exclusive_scan_in_place(std::span(counts).first(digits));
  for (std::size_t k = 0; k < n; ++k) dst[counts[digit(src[k])]++] = src[k];
}

/// Sorts one bucket by column, in passes of `bits` bits; the sorted triples end in `a` or `b`.
template <class Triple>
Triple* sort_bucket_by_column(Triple* a, Triple* b, std::size_t n, int column_bits,
                              std::vector<std::size_t>& counts) {
  const int widest = std::clamp(static_cast<int>(std::bit_width(n)), 4, 11);
  const int passes = (column_bits + widest - 1) / widest;
  const int bits = passes == 0 ? 0 : (column_bits + passes - 1) / passes;
  const std::size_t mask = (std::size_t{1} << bits) - 1;
  for (int pass = 0; pass < passes; ++pass) {
    const int shift = pass * bits;
    counting_pass(a, b, n, mask + 1, counts,
                  [=](const Triple& t) { return (at(t.col) >> shift) & mask; });
    std::swap(a, b);
  }
  return a;
}

/// The general road: any order, duplicates keep their order of appearance.
template <class T, class I, class O>
void sort_by_buckets(std::span<const T> values, std::span<const I> rows, std::span<const I> cols,
                     shape s, ordered_entries<T, I, O>& out) {
  using triple_type = triple<T, I>;
  const std::size_t n = values.size();
  // 8192 triples of 16 bytes twice are 256 KB: well inside an L2 cache.
  const std::size_t most_buckets = std::clamp<std::size_t>(n / 8192, 1, 2048);
  int shift = 0;
  while (((at(s.rows()) - 1) >> shift) >= most_buckets) ++shift;
  const std::size_t buckets = ((at(s.rows()) - 1) >> shift) + 1;

  std::vector<std::size_t> first(buckets + 1);
  for (const I r : rows) ++first[at(r) >> shift];
  const std::size_t largest = *std::max_element(first.begin(), first.end());
  exclusive_scan_in_place(std::span(first));
  const auto gathered = std::make_unique_for_overwrite<triple_type[]>(n);
  for (std::size_t k = 0; k < n; ++k) {
    gathered[first[at(rows[k]) >> shift]++] = {values[k], rows[k], cols[k]};
  }

  const auto scratch = std::make_unique_for_overwrite<triple_type[]>(largest);
  const int column_bits = static_cast<int>(std::bit_width(at(s.cols()) - 1));
  std::vector<std::size_t> counts(2048);
  out.row_offsets.assign(at(s.rows()) + 1, O{0});
  out.values.resize(n);
  out.col_indices.resize(n);
  std::size_t begin = 0;
  for (std::size_t b = 0; b < buckets; ++b) {
    const std::size_t end = first[b]; // after the scatter: the bucket's end
    const triple_type* sorted = sort_bucket_by_column(gathered.get() + begin, scratch.get(),
                                                      end - begin, column_bits, counts);
    const std::size_t row0 = b << shift;
    const std::size_t row1 = std::min(row0 + (std::size_t{1} << shift), at(s.rows()));
    const std::span<O> offsets = std::span<O>(out.row_offsets).subspan(row0, row1 - row0);
    for (std::size_t k = 0; k < end - begin; ++k) ++offsets[at(sorted[k].row) - row0];
    O position = static_cast<O>(begin);
    for (O& offset : offsets) {
      const O count = offset;
      offset = position;
      position = static_cast<O>(position + count);
    }
    for (std::size_t k = 0; k < end - begin; ++k) {
      const std::size_t p = at(offsets[at(sorted[k].row) - row0]++);
      out.values[p] = sorted[k].value;
      out.col_indices[p] = sorted[k].col;
    }
    begin = end;
  }
  shift_to_begins(out.row_offsets);
}

/// Triples (indices inside the shape) into row-major order. O(nnz + rows) time and memory.
template <class T, class I, class O = std::int64_t>
ordered_entries<T, I, O> sort_row_major(std::span<const T> values, std::span<const I> rows,
                                        std::span<const I> cols, shape s) {
  if (std::cmp_greater(values.size(), std::numeric_limits<O>::max())) {
    throw std::length_error(
        message(values.size(), " entries do not fit ", 8 * sizeof(O), "-bit row offsets"));
  }
  ordered_entries<T, I, O> out;
  const entry_order order = inspect_order(rows, cols);
  if (order.row_major) {
    out.row_offsets = offsets_of_sorted_rows<O>(rows, s.rows());
    out.values.assign(values.begin(), values.end());
    out.col_indices.assign(cols.begin(), cols.end());
    out.strict = order.row_major_strict;
  } else if (order.col_major_strict) {
    scatter_by_row(values, rows, cols, s.rows(), out);
    out.strict = true;
  } else {
    sort_by_buckets(values, rows, cols, s, out);
  }
  return out;
}

/// Position of the first entry equal in row and column to its predecessor, or -1.
template <class T, class I, class O>
std::int64_t first_adjacent_duplicate(const ordered_entries<T, I, O>& e) noexcept {
  if (e.strict) return -1;
  for (std::size_t i = 0; i + 1 < e.row_offsets.size(); ++i) {
    for (std::size_t k = at(e.row_offsets[i]) + 1; k < at(e.row_offsets[i + 1]); ++k) {
      if (e.col_indices[k] == e.col_indices[k - 1]) return static_cast<std::int64_t>(k);
    }
  }
  return -1;
}

/// Replaces runs of equal (row, column) by their sum, added in order. In place, O(nnz).
template <class T, class I, class O>
void sum_adjacent(ordered_entries<T, I, O>& e) {
  if (first_adjacent_duplicate(e) < 0) {
    e.strict = true;
    return;
  }
  std::size_t to = 0;
  std::size_t from = 0;
  for (std::size_t i = 0; i + 1 < e.row_offsets.size(); ++i) {
    const std::size_t row_begin = to;
    for (const std::size_t end = at(e.row_offsets[i + 1]); from < end; ++from) {
      if (to > row_begin && e.col_indices[to - 1] == e.col_indices[from]) {
        e.values[to - 1] = add(e.values[to - 1], e.values[from]);
      } else {
        e.values[to] = e.values[from];
        e.col_indices[to] = e.col_indices[from];
        ++to;
      }
    }
    e.row_offsets[i] = static_cast<O>(row_begin);
  }
  e.row_offsets.back() = static_cast<O>(to);
  e.values.resize(to);
  e.col_indices.resize(to);
  e.strict = true;
}

template <class I>
bool has_duplicates(std::span<const I> rows, std::span<const I> cols, shape s) {
  const entry_order order = inspect_order(rows, cols);
  if (order.row_major_strict || order.col_major_strict) return false;
  if (order.row_major) return true;
  const std::vector<unsigned char> none(rows.size());
  const auto sorted = sort_row_major<unsigned char, I>(none, rows, cols, s);
  return first_adjacent_duplicate(sorted) >= 0;
}

} // namespace tilebit::detail
