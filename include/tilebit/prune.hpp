// Pruning: a dense matrix without its smallest elements, as a sparse one.
//
//   auto p = prune_to_sparsity(D, 0.9);    p.matrix  p.kept  p.energy
//
//   prune_by_threshold(D, t)               elements with |x| > t
//   prune_to_sparsity(D, s)                the largest of the matrix, a share s of it is dropped
//   prune_rows_to_sparsity(D, s)           the largest of every row, the same number of each
//   prune_blocks_to_sparsity(D, s)         the 4x4 blocks with the largest sums of squares
//   prune_n_m(D, n, m)                     the n largest of every m consecutive elements of a row
//
// D is a dense matrix or view of either layout and any leading dimension, of real values that a
// double holds exactly: float, double, bfloat16, float16, integers of up to 32 bits.
//
// What they have in common: size means |x|. A share s of n things drops s * n of them, rounded to
// the nearest whole number, halves up. Among equals those that come first in row-major order are
// kept: results depend on the values alone. Zeros are never stored, even where fewer elements
// than asked for are left then. Throws, all of them: std::invalid_argument for a share outside
// [0, 1] and for an element that is not finite, with its place; std::length_error when the shape
// does not fit I. Complexity: O(rows * cols) time on average; memory for the magnitudes of all
// elements twice, as floats or doubles.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/concepts.hpp"
#include "core/error.hpp"
#include "core/numeric.hpp"
#include "core/shape.hpp"
#include "formats/bitmap.hpp"
#include "formats/dense.hpp"

namespace tilebit {

/// What pruning leaves.
template <class T, class I = std::int32_t>
struct pruned {
  bitmap_matrix<T, I> matrix; ///< to_csr, to_bitmap_grid, ... turn it into any other format
  std::int64_t kept = 0;      ///< elements stored
  double energy = 1.0; ///< sum of squares of what is kept over that of all; 1 when all are zero
};

/// A dense matrix that can be pruned: real values that fit double without loss.
template <class D>
concept prunable =
    dense_matrix_like<D> && !detail::is_complex_v<value_of_t<D>> &&
    std::numeric_limits<value_of_t<D>>::digits <= std::numeric_limits<double>::digits;

namespace detail {

/// The magnitudes of a dense matrix, row by row, of which pruning drops some.
template <class T>
class magnitude_table {
public:
  using magnitude =
      std::conditional_t<std::numeric_limits<T>::digits <= std::numeric_limits<float>::digits,
                         float, double>;
  static constexpr magnitude dropped = -1;

  /// Throws std::invalid_argument for an element that is not finite.
  template <class Layout>
  explicit magnitude_table(dense_view<const T, Layout> d)
      : rows_(d.rows()), cols_(d.cols()), sizes_(at(d.rows()) * at(d.cols())) {
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = 0; j < cols_; ++j) {
        const magnitude size = std::abs(static_cast<magnitude>(d(i, j)));
        if (!(size <= std::numeric_limits<magnitude>::max())) {
          throw_message<std::invalid_argument>({"prune: element (", i, ", ", j, ") is not finite"});
        }
        row(i)[at(j)] = size;
        largest_ = std::max(largest_, static_cast<double>(size));
      }
    }
    all_ = sum_of_squares();
  }

  std::span<magnitude> all() noexcept { return sizes_; }
  std::span<magnitude> row(std::int64_t i) noexcept {
    return all().subspan(at(i) * at(cols_), at(cols_));
  }

  /// The sum of squares of one block, in units of the largest element's, which cannot overflow.
  double block_energy(std::int64_t block_row, std::int64_t block_col) const noexcept {
    double sum = 0;
    each_in_block(block_row, block_col,
                  [&](std::int64_t i, std::int64_t j) { sum += square(sizes_[place(i, j)]); });
    return sum;
  }
  void drop_block(std::int64_t block_row, std::int64_t block_col) noexcept {
    each_in_block(block_row, block_col,
                  [&](std::int64_t i, std::int64_t j) { sizes_[place(i, j)] = dropped; });
  }

  /// What has not been dropped and is not zero, as tiles with the values of d.
  template <class I, class Layout>
  pruned<T, I> matrix(dense_view<const T, Layout> d) const {
    bitmap_arrays<T, I> out;
    out.elements.reserve(at(std::count_if(sizes_.begin(), sizes_.end(), is_kept)));
    out.tile_row_offsets.reserve(at(tiles_along(rows_)) + 1);
    out.element_offsets.reserve(at(tiles_along(rows_)) + 1);
    out.tile_row_offsets.push_back(0);
    out.element_offsets.push_back(0);
    for (std::int64_t i = 0; i < tiles_along(rows_); ++i) {
      for (std::int64_t j = 0; j < tiles_along(cols_); ++j) {
        unsigned bitmap = 0;
        each_in_block(i, j, [&](std::int64_t row, std::int64_t col) {
          if (!is_kept(sizes_[place(row, col)])) return;
          bitmap |= 1U << (4 * (row % 4) + col % 4);
          out.elements.push_back(d(row, col));
        });
        if (bitmap == 0) continue;
        out.tile_cols.push_back(static_cast<I>(j));
        out.bitmaps.push_back(static_cast<std::uint16_t>(bitmap));
      }
      out.tile_row_offsets.push_back(length(out.bitmaps));
      out.element_offsets.push_back(length(out.elements));
    }
    const std::int64_t kept = length(out.elements);
    const double energy = all_ > 0 ? sum_of_squares() / all_ : 1.0;
    return {bitmap_matrix<T, I>(trusted{}, std::move(out), shape(rows_, cols_)), kept, energy};
  }

private:
  static bool is_kept(magnitude size) noexcept { return size > 0; }
  double square(magnitude size) const noexcept {
    const double share = is_kept(size) ? static_cast<double>(size) / largest_ : 0.0;
    return share * share;
  }
  double sum_of_squares() const noexcept {
    double sum = 0;
    for (const magnitude size : sizes_) sum += square(size);
    return sum;
  }
  std::size_t place(std::int64_t i, std::int64_t j) const noexcept { return at(i * cols_ + j); }
  /// Calls f(row, column) for the elements of a block, row by row; those at the edges are smaller.
  template <class F>
  void each_in_block(std::int64_t block_row, std::int64_t block_col, F&& f) const {
    const std::int64_t last_row = std::min(4 * block_row + 4, rows_);
    const std::int64_t last_col = std::min(4 * block_col + 4, cols_);
    for (std::int64_t i = 4 * block_row; i < last_row; ++i) {
      for (std::int64_t j = 4 * block_col; j < last_col; ++j) f(i, j);
    }
  }

  std::int64_t rows_;
  std::int64_t cols_;
  std::vector<magnitude> sizes_;
  double largest_ = 0;
  double all_ = 0;
};

/// Replaces all but the `count` largest sizes by -1; equals go from the back. O(sizes) on average.
template <class M>
void drop_all_but_largest(std::span<M> sizes, std::int64_t count, std::vector<M>& scratch) {
  if (count >= length(sizes)) return;
  if (count <= 0) return std::fill(sizes.begin(), sizes.end(), M{-1});
  scratch.assign(sizes.begin(), sizes.end());
  const auto last = scratch.begin() + (count - 1);
  std::nth_element(scratch.begin(), last, scratch.end(), std::greater<>());
  const M least = *last; // of those that stay
  std::int64_t equals =
      count - std::count_if(sizes.begin(), sizes.end(), [least](M size) { return size > least; });
  for (M& size : sizes) {
    if (size > least || (size == least && equals-- > 0)) continue;
    size = M{-1};
  }
}

/// n less a share of it. Throws std::invalid_argument for a share outside [0, 1].
inline std::int64_t left_after(double sparsity, std::int64_t n) {
  if (!(sparsity >= 0 && sparsity <= 1)) {
    throw_message<std::invalid_argument>({"prune: the sparsity ", sparsity, " is not in [0, 1]"});
  }
  return n - std::min(n, static_cast<std::int64_t>(std::round(sparsity * static_cast<double>(n))));
}

template <class I, class D, class Drop>
pruned<value_of_t<D>, I> prune(const D& d, Drop&& drop) {
  require_fits<I>(shape(d.rows(), d.cols()), "prune");
  const dense_view<const value_of_t<D>, typename D::layout_type> view(d);
  magnitude_table<value_of_t<D>> table(view);
  drop(table);
  return table.template matrix<I>(view);
}

} // namespace detail

/// The elements of D with |x| > threshold, without zeros. Unlike to_bitmap with a threshold it
/// refuses NaN. Throws: std::invalid_argument for a threshold that is NaN, too.
template <index I = std::int32_t, prunable D>
pruned<value_of_t<D>, I> prune_by_threshold(const D& d, double threshold) {
  if (std::isnan(threshold)) throw std::invalid_argument("prune: the threshold is not a number");
  return detail::prune<I>(d, [threshold](auto& table) {
    for (auto& size : table.all()) {
      if (!(static_cast<double>(size) > threshold)) size = table.dropped;
    }
  });
}

/// The largest elements of D by magnitude: n - round(sparsity * n) of n = rows * cols.
template <index I = std::int32_t, prunable D>
pruned<value_of_t<D>, I> prune_to_sparsity(const D& d, double sparsity) {
  return detail::prune<I>(d, [sparsity](auto& table) {
    std::vector<typename std::remove_reference_t<decltype(table)>::magnitude> scratch;
    detail::drop_all_but_largest(
        table.all(), detail::left_after(sparsity, detail::length(table.all())), scratch);
  });
}

/// The largest elements of every row of D: cols - round(sparsity * cols) of each, so that rows cost
/// the same to multiply.
template <index I = std::int32_t, prunable D>
pruned<value_of_t<D>, I> prune_rows_to_sparsity(const D& d, double sparsity) {
  const std::int64_t count = detail::left_after(sparsity, d.cols());
  return detail::prune<I>(d, [&](auto& table) {
    std::vector<typename std::remove_reference_t<decltype(table)>::magnitude> scratch;
    for (std::int64_t i = 0; i < d.rows(); ++i) {
      detail::drop_all_but_largest(table.row(i), count, scratch);
    }
  });
}

/// Whole 4x4 blocks of D, the tiles of a bitmap matrix: n - round(sparsity * n) of n =
/// ceil(rows / 4) * ceil(cols / 4), those with the largest sums of squares. Blocks at the edges
/// have fewer elements and no more than the sum of these.
template <index I = std::int32_t, prunable D>
pruned<value_of_t<D>, I> prune_blocks_to_sparsity(const D& d, double sparsity) {
  return detail::prune<I>(d, [&](auto& table) {
    const std::int64_t height = detail::tiles_along(d.rows());
    const std::int64_t width = detail::tiles_along(d.cols());
    std::vector<double> energies(detail::at(height * width));
    for (std::int64_t k = 0; k < height * width; ++k) {
      energies[detail::at(k)] = table.block_energy(k / width, k % width);
    }
    std::vector<double> scratch;
    detail::drop_all_but_largest(std::span<double>(energies),
                                 detail::left_after(sparsity, height * width), scratch);
    for (std::int64_t k = 0; k < height * width; ++k) {
      if (energies[detail::at(k)] < 0) table.drop_block(k / width, k % width);
    }
  });
}

/// N:M sparsity: the n largest of every m consecutive elements of a row of D, from column 0 on. A
/// last, shorter group keeps n, too, or all it has. Throws: std::invalid_argument unless 0 <= n <=
/// m and m >= 1.
template <index I = std::int32_t, prunable D>
pruned<value_of_t<D>, I> prune_n_m(const D& d, std::int64_t n, std::int64_t m) {
  if (m < 1 || n < 0 || n > m) {
    detail::throw_message<std::invalid_argument>({"prune: ", n, " of ", m, " cannot be kept"});
  }
  return detail::prune<I>(d, [&](auto& table) {
    std::vector<typename std::remove_reference_t<decltype(table)>::magnitude> scratch;
    for (std::int64_t i = 0; i < d.rows(); ++i) {
      const auto row = table.row(i);
      for (std::int64_t j = 0; j < d.cols(); j += std::min(m, d.cols() - j)) {
        detail::drop_all_but_largest(
            row.subspan(detail::at(j), detail::at(std::min(m, d.cols() - j))), n, scratch);
      }
    }
  });
}

} // namespace tilebit
