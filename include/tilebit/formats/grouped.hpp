// Grouped rows: the columns of four rows, sorted by which of the rows have an entry there. A part
// of optimized_matrix, for products with dense matrices (SpMM).
//
//    row 0   .  a  .  b  .  .      pattern 0b0001 (row 0 alone):   column 3: b
//    row 1   .  c  .  .  d  .      pattern 0b0011 (rows 0 and 1):  column 1: a c
//    row 2   .  .  .  .  e  .      pattern 0b0110 (rows 1 and 2):  column 4: d e
//    row 3   f  .  .  .  .  .      pattern 0b1000 (row 3 alone):   column 0: f
//
// A row of B is loaded once for all entries of its column, and the loop over the columns of one
// pattern has no branch that depends on the matrix. Source: register tiling of unstructured
// sparsity, Wilkinson, Cheshmi, Mehri Dehnavi, PLDI 2023. 4 bytes of indices (with 32-bit ones) for
// a column of up to four entries, and 76 bytes for every four rows.
//
// Wide matrices are cut into slabs of so many columns, each of them grouped for itself, so that the
// rows of B that a slab needs stay in the first- and second-level caches while all rows of A pass
// by.
//
// Columns may be shared by the upper two and the lower two rows of a block only ("in pairs"): then
// kernels keep the sums of two rows in registers, with twice as many columns of B, and slabs are
// narrower.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/array_of.hpp"
#include "../core/concepts.hpp"
#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "../core/shape.hpp"
#include "csr.hpp"

namespace tilebit {

namespace detail {

/// Tile columns of each of so many slabs of a matrix but the last.
constexpr std::int64_t tiles_of_slab(std::int64_t cols, std::int64_t slabs) noexcept {
  return (tiles_along(cols) + slabs - 1) / slabs;
}

} // namespace detail

/// The arrays of grouped rows, not owned.
///
/// Block k has the rows 4 k to 4 k + 3. pattern_counts[15 k + p - 1] of its columns have pattern p,
/// whose bit r says that row 4 k + r has an entry there; they stand by rising pattern from
/// column_offsets[k] on, their values, from the upper row to the lower one, from value_offsets[k]
/// on. A column may be divided into several of disjoint patterns; no entry stands twice. With
/// several slabs, the arrays hold all blocks of the first, then all blocks of the second, and so
/// on.
template <class T, class I>
class grouped_view {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = std::remove_const_t<T>;
  using index_type = I;

  static constexpr std::int64_t height = 4; ///< rows of a block

  grouped_view() = default;
  grouped_view(std::span<T> values, std::span<const I> col_indices,
               std::span<const std::uint32_t> pattern_counts,
               std::span<const std::int64_t> column_offsets,
               std::span<const std::int64_t> value_offsets, shape s, std::int64_t slabs = 1,
               bool in_pairs = false) noexcept
      : shape_(s), slabs_(slabs), in_pairs_(in_pairs), values_(values), col_indices_(col_indices),
        pattern_counts_(pattern_counts), column_offsets_(column_offsets),
        value_offsets_(value_offsets) {}

  std::int64_t rows() const noexcept { return shape_.rows(); }
  std::int64_t cols() const noexcept { return shape_.cols(); }
  std::int64_t nnz() const noexcept { return detail::length(values_); }
  /// Of a slab.
  std::int64_t blocks() const noexcept { return (detail::length(column_offsets_) - 1) / slabs_; }
  std::int64_t slabs() const noexcept { return slabs_; }
  /// Are columns shared by the upper two or the lower two rows of a block at most? Then kernels
  /// take two rows at a time, and more columns of B.
  bool in_pairs() const noexcept { return in_pairs_; }
  /// First column of slab s; cols() for s = slabs(). Each slab has ceil(tile columns / slabs())
  /// tile columns, the last one what is left.
  std::int64_t first_column(std::int64_t s) const noexcept {
    return std::min(4 * detail::tiles_of_slab(cols(), slabs_) * s, cols());
  }
  /// One slab as a view of its own, whose offsets do not begin with 0.
  grouped_view slab(std::int64_t s) const noexcept {
    const std::size_t n = detail::at(blocks());
    const std::size_t first = detail::at(s) * n;
    return {values_,
            col_indices_,
            pattern_counts_.subspan(15 * first, 15 * n),
            column_offsets_.subspan(first, n + 1),
            value_offsets_.subspan(first, n + 1),
            shape_,
            1,
            in_pairs_};
  }
  std::span<T> values() const noexcept { return values_; }
  std::span<const I> col_indices() const noexcept { return col_indices_; }
  std::span<const std::uint32_t> pattern_counts() const noexcept { return pattern_counts_; }
  std::span<const std::int64_t> column_offsets() const noexcept { return column_offsets_; }
  std::span<const std::int64_t> value_offsets() const noexcept { return value_offsets_; }

private:
  static constexpr std::int64_t zero_ = 0;

  shape shape_;
  std::int64_t slabs_ = 1;
  bool in_pairs_ = false;
  std::span<T> values_;
  std::span<const I> col_indices_;
  std::span<const std::uint32_t> pattern_counts_;
  std::span<const std::int64_t> column_offsets_{&zero_, 1};
  std::span<const std::int64_t> value_offsets_{&zero_, 1};
};

namespace detail {

/// Has a pattern rows of one pair only, the upper or the lower one?
constexpr bool is_of_pair(unsigned pattern) noexcept {
  return (pattern & 3U) == 0 || (pattern & 12U) == 0;
}

/// The arrays of grouped rows, owned.
template <class T, class I>
struct grouped_arrays {
  array_of<T> values;
  array_of<I> col_indices;
  array_of<std::uint32_t> pattern_counts;
  array_of<std::int64_t> column_offsets{0};
  array_of<std::int64_t> value_offsets{0};
  std::int64_t slabs = 1;
  bool in_pairs = false;

  grouped_view<const T, I> view(shape s) const noexcept {
    return {values,
            col_indices,
            pattern_counts,
            offsets_or_zero(column_offsets),
            offsets_or_zero(value_offsets),
            s,
            slabs,
            in_pairs};
  }
};

/// Slabs one behind the other. O(nnz); at least one slab.
template <class T, class I>
grouped_arrays<T, I> joined_slabs(std::vector<grouped_arrays<T, I>>&& slabs) {
  grouped_arrays<T, I> out = std::move(slabs.front());
  out.slabs = length(slabs);
  const auto total = [&](auto member) {
    std::size_t n = (out.*member).size();
    for (std::size_t s = 1; s < slabs.size(); ++s) n += (slabs[s].*member).size();
    return n;
  };
  out.values.reserve(total(&grouped_arrays<T, I>::values));
  out.col_indices.reserve(total(&grouped_arrays<T, I>::col_indices));
  out.pattern_counts.reserve(total(&grouped_arrays<T, I>::pattern_counts));
  for (std::size_t s = 1; s < slabs.size(); ++s) {
    const grouped_arrays<T, I> slab = std::move(slabs[s]);
    const std::int64_t values = length(out.values);
    const std::int64_t columns = length(out.col_indices);
    out.values.append(slab.values.begin(), slab.values.end());
    out.col_indices.append(slab.col_indices.begin(), slab.col_indices.end());
    out.pattern_counts.append(slab.pattern_counts.begin(), slab.pattern_counts.end());
    for (std::size_t k = 1; k < slab.value_offsets.size(); ++k) {
      out.value_offsets.push_back(values + slab.value_offsets[k]);
      out.column_offsets.push_back(columns + slab.column_offsets[k]);
    }
  }
  out.values.shrink_to_fit();
  out.col_indices.shrink_to_fit();
  return out;
}

/// Calls f(row, col, value) for the entries of blocks [first, last), pattern by pattern: the
/// columns of a row do not come in order.
template <class T, class I, class F>
void for_each_grouped_entry(const grouped_view<T, I>& a, std::int64_t first, std::int64_t last,
                            F&& f) {
  for (std::int64_t k = first; k < last; ++k) {
    for (std::int64_t s = 0; s < a.slabs(); ++s) {
      const std::size_t block = at(s * a.blocks() + k);
      std::size_t c = at(a.column_offsets()[block]);
      std::size_t v = at(a.value_offsets()[block]);
      for (unsigned pattern = 1; pattern < 16; ++pattern) {
        for (std::uint32_t n = a.pattern_counts()[15 * block + pattern - 1]; n > 0; --n, ++c) {
          for (unsigned left = pattern; left != 0; left &= left - 1) {
            f(4 * k + std::countr_zero(left), static_cast<std::int64_t>(a.col_indices()[c]),
              a.values()[v++]);
          }
        }
      }
    }
  }
}

} // namespace detail

/// Throws invalid_matrix naming the first broken invariant and its place. O(nnz + rows + cols)
/// time, and memory of one number per column, or neither where there are no blocks.
template <class T, class I>
void validate(const grouped_view<T, I>& a) {
  if (a.slabs() < 1 || (detail::length(a.column_offsets()) - 1) % a.slabs() != 0) {
    detail::throw_invalid(a.slabs(), {"grouped: ", a.column_offsets().size() - 1,
                                      " blocks cannot be those of ", a.slabs(), " slabs"});
  }
  const std::int64_t blocks = a.blocks();
  detail::check_offsets(a.column_offsets(), detail::length(a.col_indices()),
                        "grouped: column_offsets");
  detail::check_offsets(a.value_offsets(), a.nnz(), "grouped: value_offsets");
  if (a.value_offsets().size() != a.column_offsets().size() ||
      detail::length(a.pattern_counts()) != 15 * blocks * a.slabs() ||
      a.column_offsets().back() != detail::length(a.col_indices()) ||
      a.value_offsets().back() != a.nnz() || (blocks != 0 && blocks != (a.rows() + 3) / 4)) {
    throw invalid_matrix("grouped: the lengths of column_offsets, value_offsets, pattern_counts, "
                         "col_indices and values disagree",
                         blocks);
  }
  detail::check_indices(a.col_indices(), a.cols(), "grouped: col_indices");
  if (blocks == 0) return;
  std::vector<std::int64_t> seen(detail::at(a.cols()), -1); // 16 k + patterns seen in block k
  for (std::int64_t g = 0; g < blocks * a.slabs(); ++g) {
    const std::int64_t k = g / a.slabs(); // all slabs of a block, before the next block
    const std::int64_t slab = g % a.slabs();
    const std::size_t block = detail::at(slab * blocks + k);
    const std::int64_t columns = a.column_offsets()[block + 1] - a.column_offsets()[block];
    const std::int64_t first_column = a.first_column(slab);
    const std::int64_t end_column = a.first_column(slab + 1);
    std::int64_t counted = 0;
    std::int64_t entries = 0;
    for (unsigned pattern = 1; pattern < 16; ++pattern) {
      const std::int64_t n = a.pattern_counts()[15 * block + pattern - 1];
      counted += n;
      entries += n * std::popcount(pattern);
      if (n > 0 && 4 * k + std::bit_width(pattern) > a.rows()) {
        detail::throw_invalid(
            k, {"grouped: pattern ", pattern, " of block ", k, " is outside the rows"});
      }
      if (n > 0 && a.in_pairs() && !detail::is_of_pair(pattern)) {
        detail::throw_invalid(
            k, {"grouped: pattern ", pattern, " of block ", k, " is not one of pairs of rows"});
      }
      if (counted > columns) break;
      for (std::int64_t c = counted - n; c < counted; ++c) {
        const I col = a.col_indices()[detail::at(a.column_offsets()[block] + c)];
        if (std::cmp_less(col, first_column) || std::cmp_greater_equal(col, end_column)) {
          detail::throw_invalid(
              k, {"grouped: column ", col, " of block ", k, " is not one of slab ", slab});
        }
        std::int64_t& mark = seen[detail::at(col)];
        if (mark < 16 * k) mark = 16 * k;
        if ((mark & pattern) != 0) {
          detail::throw_invalid(
              k, {"grouped: an entry of column ", col, " stands twice in block ", k});
        }
        mark |= pattern;
      }
    }
    if (counted != columns || entries != a.value_offsets()[block + 1] - a.value_offsets()[block]) {
      detail::throw_invalid(k, {"grouped: the patterns of block ", k, " count ", counted,
                                " columns and ", entries, " entries"});
    }
  }
}

} // namespace tilebit
