// What optimize(a) returns: bands of rows, each in the layout that multiplies fastest.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/concepts.hpp"
#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "../core/packed.hpp"
#include "../core/shape.hpp"
#include "bitmap.hpp"
#include "bitmap_grid.hpp"
#include "coo.hpp"
#include "coo_order.hpp"
#include "csr.hpp"
#include "diagonals.hpp"
#include "grouped.hpp"
#include "masked.hpp"
#include "sliced.hpp"
#include "windowed.hpp"

namespace tilebit {

/// Units first to last - 1: tile rows of tiles, slices of diagonals.
struct unit_range {
  std::int64_t first;
  std::int64_t last;

  friend constexpr bool operator==(const unit_range&, const unit_range&) = default;
};

template <class T, index I>
  requires scalar<T>
class optimized_matrix;

namespace detail {

/// The parts of an optimized matrix that only 16-bit and 8-bit types have.
template <class T, class I>
struct low_precision_parts {
  using scalar_type = std::remove_const_t<T>;
  bitmap_grid_view<T, I> grid;
  grouped_view<const packed_t<scalar_type>, I> packed;
  std::span<const std::int32_t> corrections;
  windowed_view<const scalar_type> windowed;
  masked_view<const scalar_type> masked;
};

/// The part that only float has.
template <class T>
struct windowed_part {
  windowed_view<const std::remove_const_t<T>> windowed;
};

struct no_further_parts {};

/// What a type has besides the parts that all have.
template <class T, class I>
using further_parts =
    std::conditional_t<is_packed_v<std::remove_const_t<T>>, low_precision_parts<T, I>,
                       std::conditional_t<multiplies_windows_v<std::remove_const_t<T>>,
                                          windowed_part<T>, no_further_parts>>;

} // namespace detail

/// The parts of an optimized matrix, not owned.
///
/// For SpMV: a bitmap matrix whose tile rows outside its bands are empty, diagonals whose slices
/// outside their bands are empty, and sliced rows for everything outside the bands, and of float a
/// second copy of the entries in windowed rows or nothing; or COO, all or none, in row-major order.
/// For SpMM: grouped rows, CSR or tiles, all or none. Of 16-bit and 8-bit types: a bitmap grid or
/// tiles, all or none, and a second copy of the entries or nothing: packed (core/packed.hpp) or as
/// float in grouped rows, windowed rows or masked rows. But for copies, every row is in exactly one
/// part.
///
/// What is made for transposed products has the parts of the transpose: A^T is what they lay out.
template <class T, class I>
class optimized_view {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = std::remove_const_t<T>;
  using index_type = I;
  using packed_type = detail::packed_t<scalar_type>;

  optimized_view() = default;
  optimized_view(bitmap_view<T, I> tiles, std::span<const unit_range> tile_bands,
                 diagonal_view<T, I> diagonals, std::span<const unit_range> diagonal_bands,
                 sliced_view<T, I> sliced, grouped_view<T, I> grouped = {}, csr_view<T, I> csr = {},
                 coo_view<T, I> coo = {}) noexcept
      : tiles_(tiles), tile_bands_(tile_bands), diagonals_(diagonals),
        diagonal_bands_(diagonal_bands), sliced_(sliced), grouped_(grouped), csr_(csr), coo_(coo) {}

  /// With a grid, and copies: a packed one with corrections of its sums, one a row, where it needs
  /// some, a windowed or a masked one.
  optimized_view(optimized_view parts, bitmap_grid_view<T, I> grid,
                 grouped_view<const packed_type, I> packed,
                 std::span<const std::int32_t> corrections,
                 windowed_view<const scalar_type> windowed = {},
                 masked_view<const scalar_type> masked = {}) noexcept
    requires detail::is_packed_v<scalar_type>
      : optimized_view(parts) {
    further_ = {grid, packed, corrections, windowed, masked};
  }

  /// With a copy in windowed rows.
  optimized_view(optimized_view parts, windowed_view<const scalar_type> windowed) noexcept
    requires detail::multiplies_windows_v<scalar_type>
      : optimized_view(parts) {
    further_ = {windowed};
  }

  std::int64_t rows() const noexcept { return of_transpose_ ? tiles_.cols() : tiles_.rows(); }
  std::int64_t cols() const noexcept { return of_transpose_ ? tiles_.rows() : tiles_.cols(); }
  /// Are the parts those of the transpose?
  bool of_transpose() const noexcept { return of_transpose_; }
  /// The same parts as a matrix of their own, or as the transpose of one.
  optimized_view with_parts_of_transpose(bool of_transpose) const noexcept {
    optimized_view other = *this;
    other.of_transpose_ = of_transpose;
    return other;
  }
  std::int64_t nnz() const noexcept {
    return tiles_.nnz() + diagonals_.nnz() + sliced_.nnz() + grouped_.nnz() + csr_.nnz() +
           coo_.nnz() + grid().nnz();
  }
  const bitmap_view<T, I>& tiles() const noexcept { return tiles_; }
  std::span<const unit_range> tile_bands() const noexcept { return tile_bands_; }
  const diagonal_view<T, I>& diagonals() const noexcept { return diagonals_; }
  std::span<const unit_range> diagonal_bands() const noexcept { return diagonal_bands_; }
  const sliced_view<T, I>& sliced() const noexcept { return sliced_; }
  const grouped_view<T, I>& grouped() const noexcept { return grouped_; }
  const csr_view<T, I>& csr() const noexcept { return csr_; }
  const coo_view<T, I>& coo() const noexcept { return coo_; }
  bitmap_grid_view<T, I> grid() const noexcept { return low_precision().grid; }
  grouped_view<const packed_type, I> packed() const noexcept { return low_precision().packed; }
  std::span<const std::int32_t> corrections() const noexcept { return low_precision().corrections; }
  windowed_view<const scalar_type> windowed() const noexcept {
    if constexpr (requires { further_.windowed; }) {
      return further_.windowed;
    } else {
      return {};
    }
  }
  masked_view<const scalar_type> masked() const noexcept { return low_precision().masked; }

private:
  friend class optimized_matrix<scalar_type, I>;

  static constexpr bool low = detail::is_packed_v<scalar_type>;
  using low_parts = detail::low_precision_parts<T, I>;

  std::conditional_t<low, const low_parts&, low_parts> low_precision() const noexcept {
    if constexpr (low) {
      return further_;
    } else {
      return {};
    }
  }

  bitmap_view<T, I> tiles_;
  std::span<const unit_range> tile_bands_;
  diagonal_view<T, I> diagonals_;
  std::span<const unit_range> diagonal_bands_;
  sliced_view<T, I> sliced_;
  grouped_view<T, I> grouped_;
  csr_view<T, I> csr_;
  coo_view<T, I> coo_;
  /// Views of other types are half as large without: products of small matrices notice it.
  [[no_unique_address]] detail::further_parts<T, I> further_;
  bool of_transpose_ = false;
};

namespace detail {

/// A copy of the entries: packed, windowed or masked.
template <class T, class I>
struct packed_arrays {
  grouped_arrays<packed_t<T>, I> rows;
  array_of<std::int32_t> corrections;
  windowed_arrays<T> windowed;
  masked_arrays<T> masked;
};

} // namespace detail

/// A matrix laid out for multiplication by optimize(a). to_coo, to_csr, ... give a back exactly:
/// its entries in row-major order, with duplicates, which optimize sums, as one. It takes part in
/// multiply and the conversions like any other format; values cannot be changed.
template <class T, index I = std::int32_t>
  requires scalar<T>
class optimized_matrix {
public:
  using matrix_category = detail::sparse_tag;
  using scalar_type = T;
  using index_type = I;

  optimized_matrix() = default;

  /// For optimize, whose parts fit together by construction.
  optimized_matrix(detail::trusted, bitmap_matrix<T, I>&& tiles,
                   std::vector<unit_range>&& tile_bands, detail::diagonal_arrays<T, I>&& diagonals,
                   std::vector<unit_range>&& diagonal_bands, detail::sliced_arrays<T, I>&& sliced,
                   detail::windowed_arrays<T>&& windowed = {})
      : tiles_(std::move(tiles)), tile_bands_(std::move(tile_bands)),
        diagonals_(std::move(diagonals)), diagonal_bands_(std::move(diagonal_bands)),
        sliced_(std::move(sliced)) {
    packed_.windowed = std::move(windowed);
  }
  optimized_matrix(detail::trusted, detail::grouped_arrays<T, I>&& grouped, shape s)
      : tiles_(detail::trusted{}, no_tiles(s), s), grouped_(std::move(grouped)) {}
  optimized_matrix(detail::trusted, csr_matrix<T, I>&& csr)
      : tiles_(detail::trusted{}, no_tiles(shape(csr.rows(), csr.cols())),
               shape(csr.rows(), csr.cols())),
        csr_(std::move(csr)) {}
  optimized_matrix(detail::trusted, coo_matrix<T, I>&& coo)
      : tiles_(detail::trusted{}, no_tiles(shape(coo.rows(), coo.cols())),
               shape(coo.rows(), coo.cols())),
        coo_(std::move(coo)) {}
  optimized_matrix(detail::trusted, bitmap_grid<T, I>&& grid, detail::packed_arrays<T, I>&& packed)
      : tiles_(detail::trusted{}, no_tiles(shape(grid.rows(), grid.cols())),
               shape(grid.rows(), grid.cols())),
        grid_(std::move(grid)), packed_(std::move(packed)) {}
  optimized_matrix(detail::trusted, bitmap_matrix<T, I>&& tiles,
                   detail::packed_arrays<T, I>&& packed = {})
      : tiles_(std::move(tiles)), tile_bands_{{0, tiles_.tile_rows()}}, packed_(std::move(packed)) {
  }

  /// The transpose of a matrix, with its parts.
  static optimized_matrix transpose_of(optimized_matrix&& a) {
    a.of_transpose_ = !a.of_transpose_;
    return std::move(a);
  }

  std::int64_t rows() const noexcept { return of_transpose_ ? tiles_.cols() : tiles_.rows(); }
  std::int64_t cols() const noexcept { return of_transpose_ ? tiles_.rows() : tiles_.cols(); }
  std::int64_t nnz() const noexcept {
    return tiles_.nnz() + diagonals_.nnz + detail::length(sliced_.values) +
           detail::length(grouped_.values) + csr_.nnz() + coo_.nnz() + grid_.nnz();
  }
  /// Bytes of all arrays.
  std::int64_t bytes() const noexcept {
    const auto of = [](const auto& array) {
      return static_cast<std::int64_t>(array.size() * sizeof(array[0]));
    };
    return of(tiles_.elements()) + of(tiles_.bitmaps()) + of(tiles_.tile_cols()) +
           of(tiles_.tile_row_offsets()) + of(tiles_.element_offsets()) + of(tile_bands_) +
           of(diagonals_.values) + of(diagonals_.masks) + of(diagonals_.first_cols) +
           of(diagonals_.slice_offsets) + of(diagonal_bands_) + of(sliced_.values) +
           of(sliced_.col_indices) + of(sliced_.narrow_columns) + of(sliced_.column_bases) +
           of(sliced_.slice_offsets) + of(sliced_.slice_rows) + of(sliced_.row_order) +
           of(sliced_.row_lengths) + of(grouped_.values) + of(grouped_.col_indices) +
           of(grouped_.pattern_counts) + of(grouped_.column_offsets) + of(grouped_.value_offsets) +
           of(csr_.values()) + of(csr_.row_offsets()) + of(csr_.col_indices()) + of(coo_.values()) +
           of(coo_.row_indices()) + of(coo_.col_indices()) + of(grid_.elements()) +
           of(grid_.bitmaps()) + of(grid_.element_offsets()) + of(packed_.rows.values) +
           of(packed_.rows.col_indices) + of(packed_.rows.pattern_counts) +
           of(packed_.rows.column_offsets) + of(packed_.rows.value_offsets) +
           of(packed_.corrections) + of(packed_.windowed.values) + of(packed_.windowed.positions) +
           of(packed_.windowed.steps_of_strip) + of(packed_.windowed.step_offsets) +
           of(packed_.windowed.row_sums) + of(packed_.masked.elements) +
           of(packed_.masked.bitmaps) + of(packed_.masked.element_offsets) +
           of(packed_.masked.row_sums);
  }

  optimized_view<const T, I> view() const noexcept {
    const shape s(tiles_.rows(), tiles_.cols());
    optimized_view<const T, I> all(tiles_.view(), tile_bands_, diagonals_.view(s), diagonal_bands_,
                                   sliced_.view(s), grouped_.view(s), csr_, coo_);
    if constexpr (detail::is_packed_v<T>) {
      constexpr int depth = detail::depth_v<detail::packed_t<T>>;
      const shape packed(s.rows(), (s.cols() + depth - 1) / depth);
      all.further_ = {grid_.view(), packed_.rows.view(packed), packed_.corrections,
                      packed_.windowed.view(s), packed_.masked.view(s)};
    } else if constexpr (detail::multiplies_windows_v<T>) {
      all.further_ = {packed_.windowed.view(s)};
    }
    all.of_transpose_ = of_transpose_;
    return all;
  }
  operator optimized_view<const T, I>() const noexcept { return view(); }

private:
  static detail::bitmap_arrays<T, I> no_tiles(const shape& s) {
    detail::bitmap_arrays<T, I> none;
    none.tile_row_offsets.assign(detail::at(detail::tiles_along(s.rows())) + 1, 0);
    none.element_offsets = none.tile_row_offsets;
    return none;
  }

  bitmap_matrix<T, I> tiles_;
  std::vector<unit_range> tile_bands_;
  detail::diagonal_arrays<T, I> diagonals_;
  std::vector<unit_range> diagonal_bands_;
  detail::sliced_arrays<T, I> sliced_;
  detail::grouped_arrays<T, I> grouped_;
  csr_matrix<T, I> csr_;
  coo_matrix<T, I> coo_;
  bitmap_grid<T, I> grid_;
  detail::packed_arrays<T, I> packed_;
  bool of_transpose_ = false; ///< what the parts are parts of
};

namespace detail {

/// Throws invalid_matrix unless a part that holds all rows, or none, has the shape of the matrix.
inline void check_whole_part(const shape& part, bool there, const shape& all, const char* name) {
  if (there && part != all) {
    throw_invalid(part.rows(), {"optimized: ", name, " of ", part.rows(), " rows and ", part.cols(),
                                " columns in a matrix of ", all.rows(), " and ", all.cols()});
  }
}

} // namespace detail

/// Throws invalid_matrix naming the first broken invariant and its place. O(nnz + rows), and with
/// grouped rows also O(cols).
template <class T, class I>
void validate(const optimized_view<T, I>& matrix) {
  const optimized_view<T, I> a = matrix.with_parts_of_transpose(false);
  validate(a.tiles());
  validate(a.diagonals());
  validate(a.grouped());
  validate(a.csr());
  validate(a.coo());
  const shape all(a.rows(), a.cols());
  detail::check_whole_part({a.grouped().rows(), a.grouped().cols()}, a.grouped().blocks() > 0, all,
                           "grouped rows");
  detail::check_whole_part({a.csr().rows(), a.csr().cols()}, a.csr().rows() > 0, all, "CSR");
  detail::check_whole_part({a.coo().rows(), a.coo().cols()}, a.coo().rows() > 0, all, "COO");
  const auto order = detail::inspect_order(a.coo().row_indices(), a.coo().col_indices());
  if (!order.row_major_strict) {
    throw invalid_matrix("optimized: COO is not in row-major order without duplicates", a.nnz());
  }
  if constexpr (detail::is_packed_v<std::remove_const_t<T>>) {
    validate(a.grid());
    detail::check_whole_part({a.grid().rows(), a.grid().cols()}, a.grid().rows() > 0, all,
                             "a bitmap grid");
    if (a.diagonals().nnz() + a.sliced().nnz() + a.grouped().nnz() + a.csr().nnz() + a.coo().nnz() >
        0) {
      throw invalid_matrix("optimized: entries of this type are in tiles or in a bitmap grid only",
                           a.nnz());
    }
    validate(a.packed());
    constexpr int depth = detail::depth_v<typename optimized_view<T, I>::packed_type>;
    detail::check_whole_part({a.packed().rows(), a.packed().cols()}, a.packed().blocks() > 0,
                             shape(a.rows(), (a.cols() + depth - 1) / depth), "packed rows");
    validate(a.masked());
    detail::check_whole_part({a.masked().rows(), a.masked().cols()}, a.masked().bands() > 0, all,
                             "masked rows");
    if (a.packed().blocks() > 0 && !a.corrections().empty() &&
        std::cmp_not_equal(a.corrections().size(), 4 * a.packed().blocks())) {
      throw invalid_matrix("optimized: corrections are not one for each row of packed",
                           a.packed().blocks());
    }
  }
  using scalar = std::remove_const_t<T>;
  if constexpr (detail::is_packed_v<scalar> || detail::multiplies_windows_v<scalar>) {
    validate(a.windowed());
    detail::check_whole_part({a.windowed().rows(), a.windowed().cols()}, a.windowed().blocks() > 0,
                             all, "windowed rows");
  }
  const auto& s = a.sliced();
  detail::check_offsets(s.slice_offsets(), s.nnz(), "optimized: slice_offsets");
  detail::check_offsets(s.slice_rows(), detail::length(s.row_order()), "optimized: slice_rows");
  if (s.slice_offsets().back() != s.nnz() ||
      s.slice_rows().back() != detail::length(s.row_order()) ||
      s.slice_rows().size() != s.slice_offsets().size() ||
      s.row_lengths().size() != s.row_order().size() ||
      s.col_indices().size() + s.narrow_columns().size() != s.values().size() ||
      (s.narrow() &&
       (!s.col_indices().empty() || std::cmp_not_equal(s.column_bases().size(), s.slices())))) {
    throw invalid_matrix(
        "optimized: the lengths of slice_offsets, slice_rows, row_order, row_lengths, "
        "the columns and values disagree",
        s.slices());
  }
  detail::check_indices(s.col_indices(), a.cols(), "optimized: col_indices");
  detail::check_indices(s.column_bases(), a.cols(), "optimized: column_bases");
  for (std::int64_t k = 0; s.narrow() && k < s.slices(); ++k) {
    const std::size_t first = detail::at(s.slice_offsets()[detail::at(k)]);
    const std::size_t last = detail::at(s.slice_offsets()[detail::at(k) + 1]);
    const auto cols = s.narrow_columns().subspan(first, last - first);
    const auto largest = std::max_element(cols.begin(), cols.end());
    if (largest != cols.end() && s.column_base(k) + *largest >= a.cols()) {
      detail::throw_invalid(k, {"optimized: column ", s.column_base(k) + *largest, " of slice ", k,
                                " in a matrix of ", a.cols(), " columns"});
    }
  }
  detail::check_indices(s.row_order(), a.rows(), "optimized: row_order");
  for (std::int64_t k = 0; k < s.slices(); ++k) {
    const std::size_t first = detail::at(s.slice_rows()[detail::at(k)]);
    const std::size_t last = detail::at(s.slice_rows()[detail::at(k) + 1]);
    std::int64_t entries = 0;
    bool falling = true;
    for (std::size_t r = first; r < last; ++r) {
      entries += s.row_lengths()[r];
      falling &=
          s.row_lengths()[r] >= 0 && (r == first || s.row_lengths()[r] <= s.row_lengths()[r - 1]);
    }
    const std::int64_t stored =
        s.slice_offsets()[detail::at(k) + 1] - s.slice_offsets()[detail::at(k)];
    if (last == first || last - first > 16 ||
        (last - first > 1 && (!falling || entries != stored)) ||
        (last - first == 1 && stored == 0 &&
         (entries < 1 || entries > a.rows() - static_cast<std::int64_t>(s.row_order()[first])))) {
      detail::throw_invalid(k, {"optimized: slice ", k, " does not hold its rows"});
    }
  }
  std::vector<char> seen(detail::at(a.rows()), 0);
  const auto see = [&](std::int64_t row) {
    if (seen[detail::at(row)]++ != 0) {
      detail::throw_invalid(row, {"optimized: row ", row, " is in two parts"});
    }
  };
  const auto see_bands = [&](std::span<const std::int64_t> offsets,
                             std::span<const unit_range> bands, std::int64_t height,
                             const char* what) {
    const std::int64_t units = detail::length(offsets) - 1;
    std::int64_t outside = offsets.back();
    for (const unit_range& band : bands) {
      if (band.first < 0 || band.last < band.first || band.last > units) {
        detail::throw_invalid(band.first, {"optimized: units ", band.first, " to ", band.last,
                                           " of ", units, " are no band"});
      }
      outside -= offsets[detail::at(band.last)] - offsets[detail::at(band.first)];
      const std::int64_t end = std::min(height * band.last, a.rows());
      for (std::int64_t i = height * band.first; i < end; ++i) see(i);
    }
    if (outside != 0) {
      detail::throw_invalid(outside, {"optimized: ", outside, " ", what, " are outside its bands"});
    }
  };
  see_bands(a.tiles().element_offsets(), a.tile_bands(), 4, "entries of tiles");
  see_bands(a.diagonals().slice_offsets(), a.diagonal_bands(), 16, "pieces of diagonals");
  for (const I row : s.row_order()) see(static_cast<std::int64_t>(row));
  for (std::int64_t k = 0; k < s.slices(); ++k) {
    const auto row =
        static_cast<std::int64_t>(s.row_order()[detail::at(s.slice_rows()[detail::at(k)])]);
    for (std::int64_t i = 1; i < s.empty_rows(k); ++i) see(row + i);
  }
  for (std::int64_t i = 0; i < std::min(4 * a.grouped().blocks(), a.rows()); ++i) see(i);
  for (std::int64_t i = 0; i < a.csr().rows(); ++i) see(i);
  for (std::int64_t i = 0; i < a.coo().rows(); ++i) see(i);
  for (std::int64_t i = 0; i < a.grid().rows(); ++i) see(i);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    if (seen[i] == 0) {
      detail::throw_invalid(static_cast<std::int64_t>(i), {"optimized: row ", i, " is in no part"});
    }
  }
}

} // namespace tilebit
