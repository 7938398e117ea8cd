// Order of triples: linear-time detection, stable row-major sorting, summing of duplicates.
//
// Sorting is a counting sort from the least significant key up: a stable scatter by column, then
// one by row. Files come in row or in column order: both are detected by one pass, and need no
// scatter or only the second one. Each scatter asks for the cache lines it will write some entries
// ahead; without that it waits for nearly every one (bench/convert).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "../core/array_of.hpp"
#include "../core/config.hpp"
#include "../core/error.hpp"
#include "../core/large_pages.hpp"
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
  array_of<T> values;
  array_of<O> row_offsets;
  array_of<I> col_indices;
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
void shift_to_begins(array_of<O>& offsets) noexcept {
  std::shift_right(offsets.begin(), offsets.end(), 1);
  offsets[0] = 0;
}

/// The row of every entry.
template <class I, class O>
array_of<I> rows_of_offsets(std::span<const O> offsets) {
  array_of<I> rows(offsets.empty() ? 0 : at(offsets.back()));
  for (std::size_t i = 0; i + 1 < offsets.size(); ++i) {
    std::fill(rows.begin() + static_cast<std::ptrdiff_t>(offsets[i]),
              rows.begin() + static_cast<std::ptrdiff_t>(offsets[i + 1]), static_cast<I>(i));
  }
  return rows;
}

template <class O, class I>
array_of<O> offsets_of_sorted_rows(std::span<const I> rows, std::int64_t n_rows) {
  array_of<O> offsets(at(n_rows) + 1);
  std::size_t next = 0; // first row whose offset is not yet known
  for (std::size_t k = 0; k < rows.size(); ++k) {
    for (const std::size_t r = at(rows[k]); next <= r; ++next) offsets[next] = static_cast<O>(k);
  }
  for (; next < offsets.size(); ++next) offsets[next] = static_cast<O>(rows.size());
  return offsets;
}

/// How many entries ahead a scatter asks for the lines that it will write.
inline constexpr std::size_t prefetch_distance = 24;

/// counts[key(k)] += 1 for entries 0..n-1.
template <class O, class Key>
void count_keys(std::size_t n, std::span<O> counts, Key&& key) {
  for (std::size_t k = 0; k < n; ++k) ++counts[key(k)];
}

/// Stable counting sort of entries 0..n-1 by key(k) < next.size() - 1: calls move(k, position) in
/// order, and prefetch(position) ahead of it. next[i] holds the number of keys i; becomes the end
/// of group i.
template <class O, class Key, class Move, class Prefetch>
void scatter_counted(std::size_t n, std::span<O> next, Key&& key, Move&& move,
                     Prefetch&& prefetch) {
  exclusive_scan_in_place(next);
  std::size_t k = 0;
  for (; k + prefetch_distance < n; ++k) {
    prefetch(at(next[key(k + prefetch_distance)]));
    move(k, at(next[key(k)]++));
  }
  for (; k < n; ++k) move(k, at(next[key(k)]++));
}

/// Both; next[i] must be 0.
template <class O, class Key, class Move, class Prefetch>
void counting_scatter(std::size_t n, std::span<O> next, Key&& key, Move&& move,
                      Prefetch&& prefetch) {
  count_keys(n, next, key);
  scatter_counted(n, next, key, move, prefetch);
}

template <class T, class I>
struct triple {
  T value;
  I row;
  I col;
};

/// Triples stably sorted by column. One pass when there are not many more columns than
/// triples, otherwise one for every 16 bits of the column.
template <class T, class I>
scratch_array<triple<T, I>> sorted_by_column(std::span<const T> values, std::span<const I> rows,
                                             std::span<const I> cols, std::int64_t n_cols) {
  using t = triple<T, I>;
  const std::size_t n = values.size();
  scratch_array<t> sorted(n);
  const auto groups = static_cast<std::uint64_t>(n_cols);
  constexpr int digit_bits = 16;
  const bool one_pass = groups <= 2 * n + (std::size_t{1} << digit_bits);
  const std::uint64_t mask = one_pass ? ~std::uint64_t{0} : (1U << digit_bits) - 1;
  std::vector<std::size_t> next(one_pass ? groups + 1 : mask + 2);
  t* to = sorted.get();
  counting_scatter(
      n, std::span(next), [&](std::size_t k) { return static_cast<std::uint64_t>(cols[k]) & mask; },
      [&](std::size_t k, std::size_t p) {
        to[p] = t{values[k], rows[k], cols[k]};
      },
      [&](std::size_t p) { TILEBIT_PREFETCH_WRITE(to + p); });
  if (one_pass) return sorted;
  scratch_array<t> other(n);
  for (int s = digit_bits; s < 64 && (static_cast<std::uint64_t>(n_cols - 1) >> s) != 0;
       s += digit_bits) {
    std::fill(next.begin(), next.end(), std::size_t{0});
    const t* from = sorted.get();
    to = other.get();
    counting_scatter(
        n, std::span(next),
        [&](std::size_t k) { return (static_cast<std::uint64_t>(from[k].col) >> s) & mask; },
        [&](std::size_t k, std::size_t p) { to[p] = from[k]; },
        [&](std::size_t p) { TILEBIT_PREFETCH_WRITE(to + p); });
    std::swap(sorted, other);
  }
  return sorted;
}

/// Column-ordered entries, given by get(k) -> triple, into rows. The row offsets are counted on the
/// way.
template <class T, class I, class O, class Row, class Get>
void scatter_by_row(std::size_t n, std::int64_t n_rows, Row&& row, Get&& get,
                    ordered_entries<T, I, O>& out) {
  out.row_offsets.assign(at(n_rows) + 1, O{0});
  out.values.resize_for_overwrite(n);
  out.col_indices.resize_for_overwrite(n);
  T* const values = out.values.data();
  I* const cols = out.col_indices.data();
  counting_scatter(
      n, std::span<O>(out.row_offsets), row,
      [&](std::size_t k, std::size_t p) {
        const auto [value, col] = get(k);
        values[p] = value;
        cols[p] = col;
      },
      [&](std::size_t p) {
        TILEBIT_PREFETCH_WRITE(values + p);
        TILEBIT_PREFETCH_WRITE(cols + p);
      });
  shift_to_begins(out.row_offsets);
}

/// Triples (indices inside the shape) into row-major order. O(nnz + rows) time and memory; columns
/// are sorted digit by digit when there are many more of them than triples.
template <class T, class I, class O = std::int64_t>
ordered_entries<T, I, O> sort_row_major(std::span<const T> values, std::span<const I> rows,
                                        std::span<const I> cols, shape s) {
  if (std::cmp_greater(values.size(), std::numeric_limits<O>::max())) {
    throw_message<std::length_error>(
        {values.size(), " entries do not fit ", 8 * sizeof(O), "-bit row offsets"});
  }
  ordered_entries<T, I, O> out;
  const entry_order order = inspect_order(rows, cols);
  if (order.row_major) {
    out.row_offsets = offsets_of_sorted_rows<O>(rows, s.rows());
    out.values = to_array_of<T>(values);
    out.col_indices = to_array_of<I>(cols);
    out.strict = order.row_major_strict;
  } else if (order.col_major_strict) {
    scatter_by_row(
        values.size(), s.rows(), [&](std::size_t k) { return at(rows[k]); },
        [&](std::size_t k) { return std::pair(values[k], cols[k]); }, out);
    out.strict = true;
  } else {
    const auto sorted = sorted_by_column(values, rows, cols, s.cols());
    const auto* from = sorted.get();
    scatter_by_row(
        values.size(), s.rows(), [&](std::size_t k) { return at(from[k].row); },
        [&](std::size_t k) { return std::pair(from[k].value, from[k].col); }, out);
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
    for (const std::size_t end = at(e.row_offsets[i + 1]); from < end;) {
      const I col = e.col_indices[from];
      accumulator_t<T> sum = e.values[from];
      while (++from < end && e.col_indices[from] == col) {
        sum = add<accumulator_t<T>>(sum, e.values[from]);
      }
      e.values[to] = static_cast<T>(sum);
      e.col_indices[to++] = col;
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
