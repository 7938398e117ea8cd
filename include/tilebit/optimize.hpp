// optimize(a): a layout of bands, each in the form that is predicted to be fastest; grouped rows
// for products with dense matrices.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "conversions/grouped_rows.hpp"
#include "conversions/low_precision_copies.hpp"
#include "conversions/optimized_parts.hpp"
#include "conversions/windows.hpp"
#include "convert.hpp"
#include "core/concepts.hpp"
#include "core/isa.hpp"
#include "formats/optimized.hpp"
#include "formats/views.hpp"
#include "kernels/cost_model.hpp"
#include "kernels/few_columns_choice.hpp"
#include "kernels/grouping_choice.hpp"
#include "kernels/row_of_tiles.hpp"
#include "kernels/spmm_roads.hpp"
#include "recommend.hpp"

namespace tilebit {
namespace detail {

/// optimize for 16-bit and 8-bit types: the grid or tiles, whichever take fewer bytes, and a copy
/// for SpMM or SpMV.
template <class T, class I>
optimized_matrix<T, I> optimize_low_precision(bitmap_matrix<T, I>&& tiles, bool for_spmm,
                                              std::int64_t columns) {
  const shape s(tiles.rows(), tiles.cols());
  const auto a = std::as_const(tiles).view();
  packed_arrays<T, I> packed =
      for_spmm ? kernels::rows_for_matrices(a, columns) : kernels::rows_for_vectors(a);
  const auto all =
      static_cast<double>(tiles_along(s.rows())) * static_cast<double>(tiles_along(s.cols()));
  const auto tile_bytes = static_cast<double>(sizeof(std::uint16_t) + sizeof(I));
  if (2 * all > tile_bytes * static_cast<double>(tiles.bitmaps().size())) {
    return optimized_matrix<T, I>(trusted{}, std::move(tiles), std::move(packed));
  }
  return optimized_matrix<T, I>(trusted{}, to_bitmap_grid(tiles), std::move(packed));
}

/// A copy of all rows in windows, or none where these are predicted to take as long as other parts,
/// or the level in force does not multiply them. A few blocks tell before all are made.
template <class T, class I, class O>
windowed_arrays<T> windows_where_they_pay(const csr_view<const T, I, O>& a, double others_take) {
  using view = windowed_view<T>;
  if (!kernels::multiplies_windows()) return {};
  const auto pieces = [](std::int64_t n, std::int64_t size) {
    return static_cast<double>((n + size - 1) / size);
  };
  const double windows = pieces(a.rows(), view::height) * pieces(a.cols(), view::width);
  const auto take = [&](double steps) {
    const double bytes = steps * view::height * (sizeof(T) + 1) + windows * 4;
    return cost_of_windows_of_float(windows, steps, bytes);
  };
  const double most = 0.92 * others_take;
  if (take(static_cast<double>(a.nnz()) / view::height) > most) return {};
  if (take(expected_steps(a)) > most) return {};
  windowed_arrays<T> all = windows_of(a);
  const auto blocks = static_cast<double>(length(all.step_offsets) - 1);
  const auto steps = static_cast<double>(all.step_offsets.back());
  if (blocks < pieces(a.rows(), view::height) || take(steps) > most) return {};
  return all;
}

/// optimize for SpMV: bands of rows as tiles, as diagonals or as slices, or the matrix as COO where
/// most rows are empty; or all as slices, for SpMM with types that have no kernels of their own for
/// it.
template <class T, class I, class O>
optimized_matrix<T, I> optimize_in_bands(const csr_view<const T, I, O>& csr, bool only_slices) {
  const std::int64_t tile_rows = tiles_along(csr.rows());
  bitmap_matrix<T, I> tiles = to_bitmap(csr);
  const auto bytes =
      bytes_of_layouts<T, I>({csr.nnz(), csr.rows(), length(tiles.bitmaps()), 0}, csr.cols());
  const bool signed_columns = std::in_range<std::make_signed_t<I>>(csr.cols());
  std::vector<unit_range> tile_bands;
  std::vector<unit_range> diagonal_bands; // in slices of 16 rows
  std::vector<std::int64_t> others;
  std::int64_t others_nnz = 0;
  double in_bands_takes = 0;
  double coo_takes = 0;
  const auto append = [](std::vector<unit_range>& bands, std::int64_t first, std::int64_t last) {
    if (!bands.empty() && bands.back().last == first) {
      bands.back().last = last;
    } else {
      bands.push_back({first, last});
    }
  };
  for (std::int64_t first = 0, last = 0; first < tile_rows; first = last) {
    last = end_of_band(csr, first);
    const bool whole_slices = first % 4 == 0 && (last % 4 == 0 || last == tile_rows);
    const std::int64_t last_row = std::min(4 * last, csr.rows());
    const std::int64_t last_slice = (last + 3) / 4;
    counted_pieces counted;
    counted.entries = static_cast<std::int64_t>(csr.row_offsets()[at(last_row)] -
                                                csr.row_offsets()[at(4 * first)]);
    counted.rows = last_row - 4 * first;
    counted.tiles = tiles.tile_row_offsets()[at(last)] - tiles.tile_row_offsets()[at(first)];
    if (whole_slices) counted.diagonals = count_diagonals(csr, first / 4, last_slice);
    const auto t = predict_rows(csr, 4 * first, last_row, counted, bytes, active_isa());
    double least = t.sliced;
    if (counted.entries > 0) least = std::min(least, t.bitmap);
    // Pieces of one entry read 16 places: more bytes than the fit to pieces of many entries knows.
    const bool long_pieces = counted.entries > 0 && counted.entries >= 2 * counted.diagonals;
    if (signed_columns && whole_slices && long_pieces) least = std::min(least, t.diagonals);
    in_bands_takes += least;
    coo_takes += t.coo;
    if (only_slices || t.sliced == least) {
      for (std::int64_t i = 4 * first; i < last_row; ++i) others.push_back(i);
      others_nnz += counted.entries;
    } else if (t.bitmap == least) {
      append(tile_bands, first, last);
    } else {
      append(diagonal_bands, first / 4, last_slice);
    }
  }
  if constexpr (std::same_as<T, float> || std::same_as<T, double>) {
    if (!only_slices && coo_takes < in_bands_takes) {
      return optimized_matrix<T, I>(trusted{}, to_coo(csr));
    }
  }
  windowed_arrays<T> windowed;
  if constexpr (multiplies_windows_v<T>) {
    if (!only_slices) windowed = windows_where_they_pay(csr, in_bands_takes);
  }
  auto in_bands = tiles_in_bands(std::move(tiles), std::span<const unit_range>(tile_bands));
  auto diagonals = diagonals_in_bands(csr, std::span<const unit_range>(diagonal_bands));
  auto sliced = slices_of(csr, std::span<const std::int64_t>(others), others_nnz);
  return optimized_matrix<T, I>(trusted{}, std::move(in_bands), std::move(tile_bands),
                                std::move(diagonals), std::move(diagonal_bands), std::move(sliced),
                                std::move(windowed));
}

/// optimize of float or double for SpMM: grouped rows of A's tiles, or where these do not pay CSR
/// or, for few columns and rows whose ends cost more than their entries, tiles, which take() gives.
///
/// CSR multiplies rows of B that are put side by side faster than grouped rows, unless about half
/// of the places in tiles have an entry. For up to 16 bytes of columns tiles compete with CSR
/// alone; for up to 32 also with grouped rows where tiles are full, or nearly in double.
template <class A, class T, class I, class Take>
optimized_matrix<T, I> optimize_for_spmm(const A& a, const bitmap_view<const T, I>& tiles,
                                         std::int64_t columns, Take take) {
  const bool in_tiles = tiles_pay(tiles, columns);
  const double fill = kernels::stored_tile_rows<T, I>(tiles).fill();
  const bool full = nearly_full(fill) || (std::same_as<T, double> && fill > 11);
  if (in_tiles && (full || columns * std::int64_t{sizeof(T)} <= 16)) return {trusted{}, take()};
  const bool beside = kernels::side_by_side<T>(active_isa(), columns);
  const std::int64_t most_fill = std::same_as<T, float> && columns != 3 ? 8 : 6;
  const bool crowded = tiles.nnz() >= most_fill * detail::length(tiles.bitmaps());
  if ((!beside || crowded) && kernels::grouping_may_pay(tiles)) {
    auto grouped = kernels::grouped_rows_of(kernels::stored_tile_rows<T, I>(tiles), columns);
    if (kernels::grouping_pays(grouped, tiles.cols(), columns)) {
      return optimized_matrix<T, I>(trusted{}, std::move(grouped),
                                    shape(tiles.rows(), tiles.cols()));
    }
  }
  if (in_tiles) return {trusted{}, take()};
  if constexpr (requires { a.row_offsets(); }) {
    return optimized_matrix<T, I>(trusted{}, to_csr<I, std::int64_t>(a)); // a copy
  } else {
    return optimized_matrix<T, I>(trusted{}, to_csr<I, std::int64_t>(tiles));
  }
}

} // namespace detail

/// A laid out for this machine and one operation.
///
/// For SpMV: bands of 256 rows, of four where 16 have 65,536 entries, each as tiles, as diagonals
/// or as sliced rows, whichever the cost model predicts to be fastest; or all of float or double as
/// COO, where most rows are empty. With AVX-512 float has a second copy in windowed rows
/// (formats/windowed.hpp), 5 bytes an entry and zeros besides, where the model predicts that to be
/// faster: weights of which 5 to 40% are left, without structure. For SpMM of float or double:
/// grouped rows (formats/grouped.hpp), of at most sizeof(T) + sizeof(I) bytes an entry and 76 for
/// four rows, or CSR where rows that neighbour have few columns in common, next to the rows of B
/// that are not near. Either multiplies vectors and dense matrices alike, only more slowly what it
/// was not made for. Of bfloat16, float16 and 8-bit integers: a bitmap grid or a bitmap matrix,
/// whichever is smaller, and for SpMM a second copy in grouped rows of packed entries: 4 bytes for
/// each pair of bfloat16 or four 8-bit integers that neighbour in a row, or for each float16, and
/// sizeof(I) for a column of up to four of them. Where a matrix unit multiplies bfloat16 or 8-bit
/// integers of which 6% or more are stored, that copy is of masked rows (formats/masked.hpp): the
/// entries, and a bit for each place. For SpMV with these types and AVX-512 BF16, a second copy in
/// masked rows or, where few are stored, in windowed rows (formats/windowed.hpp): half a byte or,
/// where entries are far from each other, a byte more than its own for each of them, and zeros
/// besides; none where most tiles are empty. For transposed SpMV: A^T laid out for SpMV, so that
/// multiply(transposed(h), x, y) is as fast as a plain product, and a plain one as slow as a
/// transposed one.
///
/// `columns` of B are expected for SpMM: how grouped rows of wide matrices are cut depends on it.
/// For one A is laid out as for SpMV, for up to 16 bytes of them in CSR or, where that is faster,
/// as a bitmap matrix. What is made for 128 multiplies any number, but 64 bytes a row, say, up
/// to 1.9 times as slowly as what is made for them.
///
/// Results of multiply differ from those of the plain formats only by the order of additions.
/// Throws: as to_bitmap; std::invalid_argument for less than one column; for SpMM std::length_error
/// for a row of 2^30 tiles. Complexity: O(nnz + rows) time; memory of a CSR and a bitmap matrix on
/// the way.
template <sparse_matrix A>
optimized_matrix<typename A::scalar_type, typename A::index_type>
optimize(const A& a, operation what = operation::spmv, std::int64_t columns = 128) {
  using T = typename A::scalar_type;
  using I = typename A::index_type;
  detail::require_columns(columns, "optimize");
  if (what == operation::spmm && columns == 1) what = operation::spmv;
  if constexpr (std::same_as<T, float> || std::same_as<T, double>) {
    if (what == operation::spmm) {
      const auto op = detail::resolve(a);
      if constexpr (requires { op.base.tile_cols(); }) {
        if (op.plain() && !op.transposed) {
          detail::validate_unless_owning(a, op.base);
          return detail::optimize_for_spmm(a, op.base, columns,
                                           [&op] { return to_bitmap<I>(op.base); });
        }
      }
      auto tiles = to_bitmap(a);
      return detail::optimize_for_spmm(a, std::as_const(tiles).view(), columns,
                                       [&tiles] { return std::move(tiles); });
    }
  }
  const bool for_spmm = what == operation::spmm;
  const auto laid_out = [&](const auto& m) {
    if constexpr (detail::is_packed_v<T>) {
      return detail::optimize_low_precision(to_bitmap(m), for_spmm, columns);
    } else {
      return detail::with_csr(m, [for_spmm](const auto& csr) {
        return detail::optimize_in_bands<T, I>(csr, for_spmm);
      });
    }
  };
  if (what == operation::spmv_transposed) {
    return optimized_matrix<T, I>::transpose_of(laid_out(transposed(a)));
  }
  return laid_out(a);
}

} // namespace tilebit
