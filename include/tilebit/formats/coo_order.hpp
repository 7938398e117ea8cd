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

/// Up to here the write positions of all rows fit an L2 cache, and one scatter beats buckets.
inline constexpr std::int64_t scatter_rows = 8192;

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

/// The order of CSR: by row, then column. A group is a row; key() orders entries inside a group.
struct row_major_order {
  static constexpr int rows_per_group_log2 = 0;
  static constexpr std::uint64_t key(std::uint64_t, std::uint64_t col) noexcept { return col; }
  static int key_bits(std::int64_t n_cols) noexcept {
    return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(n_cols - 1)));
  }
};

/// The order of bitmap: by tile row, tile column and bit. A group is a tile row.
struct tile_order {
  static constexpr int rows_per_group_log2 = 2;
  static constexpr std::uint64_t key(std::uint64_t row, std::uint64_t col) noexcept {
    return (col >> 2) << 4 | (row & 3) << 2 | (col & 3);
  }
  static int key_bits(std::int64_t n_cols) noexcept {
    return std::max(row_major_order::key_bits(n_cols), 2) + 2;
  }
};

/// Stable LSD radix sort of n words by bits [low, high), in passes of at most 11 bits. Words end in
/// the returned array, a or b.
inline std::uint64_t* radix_sort(std::uint64_t* a, std::uint64_t* b, std::size_t n, int low,
                                 int high, std::vector<std::uint32_t>& counts) {
  const int passes = (high - low + 10) / 11;
  if (passes == 0) return a;
  const int bits = (high - low + passes - 1) / passes;
  const std::size_t digits = std::size_t{1} << bits;
  const std::uint64_t mask = digits - 1;
  for (int shift = low; shift < high; shift += bits) {
    std::fill_n(counts.begin(), digits, 0U);
    for (std::size_t k = 0; k < n; ++k) ++counts[(a[k] >> shift) & mask];
    exclusive_scan_in_place(std::span(counts).first(digits));
    for (std::size_t k = 0; k < n; ++k) b[counts[(a[k] >> shift) & mask]++] = a[k];
    std::swap(a, b);
  }
  return a;
}

/// Calls emit(group, key, value) for all triples in the given order; equal ones keep their order of
/// appearance. Triples go to buckets of neighbouring groups (sequential writes, one pass); each
/// bucket is then sorted inside the caches as 64-bit words: group | key | position in the bucket.
/// Column-ordered input skips the digits that are sorted already.
template <class Order, class T, class I, class Emit>
void sort_by_buckets(std::span<const T> values, std::span<const I> rows, std::span<const I> cols,
                     shape s, bool keys_sorted, Emit&& emit) {
  const std::size_t n = values.size();
  if (n == 0) return;
  // About 4096 triples a bucket: words and values stay in a 48 KB L1 and the L2 cache
  // (bench/convert).
  const std::size_t most_buckets = std::clamp<std::size_t>(n / 4096, 1, 2048);
  int shift = Order::rows_per_group_log2;
  while (((at(s.rows()) - 1) >> shift) >= most_buckets) ++shift;
  const std::size_t buckets = ((at(s.rows()) - 1) >> shift) + 1;

  std::vector<std::size_t> next(buckets + 1);
  for (const I r : rows) ++next[at(r) >> shift];
  const std::size_t largest = *std::max_element(next.begin(), next.end());
  exclusive_scan_in_place(std::span(next));
  const auto gathered = std::make_unique_for_overwrite<triple<T, I>[]>(n);
  for (std::size_t k = 0; k < n; ++k) {
    gathered[next[at(rows[k]) >> shift]++] = {values[k], rows[k], cols[k]};
  }

  const int position_bits = static_cast<int>(std::bit_width(largest));
  const int key_bits = Order::key_bits(s.cols());
  const int group_bits = shift - Order::rows_per_group_log2;
  const bool fits = position_bits + key_bits + group_bits <= 64 && largest < 0xffffffffU;
  const auto words = std::make_unique_for_overwrite<std::uint64_t[]>(fits ? 2 * largest : 0);
  std::vector<std::uint32_t> counts(2048);
  const auto group_of = [](const triple<T, I>& t) {
    return at(t.row) >> Order::rows_per_group_log2;
  };
  const auto key_of = [](const triple<T, I>& t) {
    return Order::key(static_cast<std::uint64_t>(t.row), static_cast<std::uint64_t>(t.col));
  };
  std::size_t begin = 0;
  for (std::size_t b = 0; b < buckets; ++b) {
    const std::size_t size = next[b] - begin; // after the scatter next[b] is the bucket's end
    triple<T, I>* const bucket = gathered.get() + begin;
    begin += size;
    if (!fits) { // columns beyond about 2^40: no room for a position beside the key
      std::stable_sort(bucket, bucket + size, [&](const auto& x, const auto& y) {
        return group_of(x) != group_of(y) ? group_of(x) < group_of(y) : key_of(x) < key_of(y);
      });
      for (std::size_t k = 0; k < size; ++k) {
        emit(group_of(bucket[k]), key_of(bucket[k]), bucket[k].value);
      }
      continue;
    }
    const std::uint64_t group0 = static_cast<std::uint64_t>(b) << group_bits;
    std::uint64_t* const unsorted = words.get();
    for (std::size_t k = 0; k < size; ++k) {
      const std::uint64_t high = (group_of(bucket[k]) - group0) << key_bits | key_of(bucket[k]);
      unsorted[k] = high << position_bits | k;
    }
    const int low = position_bits + (keys_sorted ? key_bits : 0);
    const std::uint64_t* sorted = radix_sort(unsorted, unsorted + largest, size, low,
                                             position_bits + key_bits + group_bits, counts);
    const std::uint64_t position_mask = (std::uint64_t{1} << position_bits) - 1;
    const std::uint64_t key_mask = (std::uint64_t{1} << key_bits) - 1;
    for (std::size_t k = 0; k < size; ++k) {
      const std::uint64_t high = sorted[k] >> position_bits;
      emit(static_cast<std::size_t>(group0 + (high >> key_bits)), high & key_mask,
           bucket[sorted[k] & position_mask].value);
    }
  }
}

/// Triples in any order -> row-major entries.
template <class T, class I, class O>
void rows_by_buckets(std::span<const T> values, std::span<const I> rows, std::span<const I> cols,
                     shape s, bool column_ordered, ordered_entries<T, I, O>& out) {
  out.row_offsets.assign(at(s.rows()) + 1, O{0});
  out.values.resize(values.size());
  out.col_indices.resize(values.size());
  std::size_t p = 0;
  std::size_t last_row = 0;
  std::uint64_t last_key = ~std::uint64_t{0};
  bool duplicate = false;
  sort_by_buckets<row_major_order>(values, rows, cols, s, column_ordered,
                                   [&](std::size_t row, std::uint64_t key, const T& value) {
                                     duplicate |= (row == last_row) & (key == last_key);
                                     last_row = row;
                                     last_key = key;
                                     out.values[p] = value;
                                     out.col_indices[p] = static_cast<I>(key);
                                     out.row_offsets[row + 1] = static_cast<O>(
                                         ++p); // the last entry of a row leaves its end
                                   });
  for (std::size_t i = 1; i < out.row_offsets.size(); ++i) { // empty rows end where they begin
    out.row_offsets[i] = std::max(out.row_offsets[i], out.row_offsets[i - 1]);
  }
  out.strict = !duplicate;
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
  } else if (order.col_major_strict && s.rows() <= scatter_rows) {
    scatter_by_row(values, rows, cols, s.rows(), out);
    out.strict = true;
  } else {
    rows_by_buckets(values, rows, cols, s, order.col_major_strict, out);
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
