// optimize(a): a layout of bands, each in the form that is predicted to be fastest; grouped rows
// for products with dense matrices.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "conversions/masks.hpp"
#include "conversions/optimized_parts.hpp"
#include "conversions/windows.hpp"
#include "convert.hpp"
#include "core/concepts.hpp"
#include "core/isa.hpp"
#include "formats/optimized.hpp"
#include "formats/views.hpp"
#include "kernels/cost_model.hpp"
#include "kernels/dispatch.hpp"
#include "kernels/dispatch_low_precision.hpp"
#include "kernels/grouping_scratch.hpp"
#include "kernels/low_precision_roads.hpp"
#include "kernels/repacked_rows.hpp"
#include "kernels/row_of_tiles.hpp"
#include "kernels/spmm_roads.hpp"
#include "recommend.hpp"

namespace tilebit {

inline namespace TILEBIT_ABI {
namespace kernels {

/// So many slabs, within 1 to 1024, or fewer: all of whole tile columns, and none empty.
inline std::int64_t whole_slabs(double wanted, std::int64_t cols) noexcept {
  const auto slabs = static_cast<std::int64_t>(std::clamp(wanted, 1.0, 1024.0));
  const std::int64_t tiles = detail::tiles_of_slab(cols, slabs);
  return (detail::tiles_along(cols) + tiles - 1) / tiles;
}

/// Into how many slabs of columns grouped rows are cut. `span`: share of all columns that lie
/// between the first and the last one of a block on average; row_bytes: of a panel of B, up to 256.
///
/// A slab has as many columns as have 64 KB of a panel of B, or more, so that a block has about a
/// hundred entries in it, which repay that its sums are loaded and stored again and that its loops
/// end; more where panels are narrower than 256 bytes, of which an entry takes less time. Where
/// tiles are nearly full each load of B serves four entries: there only panels that leave the
/// second-level cache are cut. Not cut are matrices that load rows of B less than four times, or
/// whose slabs would still leave that cache. Blocks of narrow span find the rows of B that they
/// share in the caches, and many of theirs would be empty.
inline std::int64_t slabs_of(double entries, double fill, std::int64_t blocks, double span,
                             std::int64_t cols, std::int64_t row_bytes) noexcept {
  if (span < 0.25 || entries < 4 * static_cast<double>(cols)) return 1;
  const double narrow = 256.0 / static_cast<double>(std::max<std::int64_t>(row_bytes, 16));
  const double in_block = entries / static_cast<double>(std::max<std::int64_t>(blocks, 1));
  const double width = (fill >= 12 ? 2048 : 256) * narrow;
  const std::int64_t slabs =
      whole_slabs(std::min(in_block / (100 * narrow), static_cast<double>(cols) / width), cols);
  return cols * row_bytes <= 2 * slabs * small_chunk ? slabs : 1;
}

/// The same for grouped rows in pairs, with row_bytes up to 512.
///
/// A slab has as many columns as give each row a dozen entries, within what has 40 to 128 KB of a
/// panel of B: the first-level cache, and as much of the second as its loads are still ahead of
/// (1024 x 1024 at 50, 20, 10 and 5% multiply 64 to 512 columns best with 40, 40, 64 and 128 KB,
/// Granite Rapids). One slab, and then no pairs, where panels are narrow, all of B is near, or rows
/// would have less than eight entries in a slab.
inline std::int64_t slabs_of_pairs(double entries, std::int64_t rows, double span,
                                   std::int64_t cols, std::int64_t row_bytes) noexcept {
  const auto bytes = static_cast<double>(row_bytes);
  const double all = static_cast<double>(cols);
  if (span < 0.25 || row_bytes < 256 || all * bytes <= 262144 || entries <= 0) return 1;
  const double wanted = 12 * static_cast<double>(rows) * all / entries;
  const double width = std::clamp(wanted, 40960 / bytes, 131072 / bytes);
  if (wanted > 1.5 * width) return 1;
  return whole_slabs(std::ceil(all / width), cols);
}

/// Bytes of a row of B that a kernel reads at once, of at most so many.
template <class T>
constexpr std::int64_t bytes_of_panel_row(std::int64_t columns, std::int64_t most = 256) noexcept {
  constexpr auto size = std::int64_t{sizeof(T)};
  return std::min(columns, most / size) * size;
}

/// Loads of B that blocks of four rows need at least: one for each column of a tile with entries.
template <class View>
std::int64_t loads_of_tiles(const View& a) noexcept {
  std::int64_t loads = 0;
  for (const unsigned bitmap : a.bitmaps()) {
    const unsigned halves = bitmap | bitmap >> 8;
    loads += std::popcount((halves | halves >> 4) & 15U);
  }
  return loads;
}

/// Do four rows share so few loads that pairs of them, with twice as many columns of B, have less
/// work? Random entries at 50% do (0.47 loads an entry), at 60% not.
constexpr bool pairs_pay(std::int64_t loads, double entries) noexcept {
  return static_cast<double>(loads) > 0.46 * entries;
}

/// All tile rows as blocks of grouped rows, for products with so many columns. Throws
/// std::length_error for a tile row of 2^30 tiles.
template <class Source>
auto grouped_rows_of(const Source& from, std::int64_t columns) {
  using T = typename Source::scalar_type;
  using I = typename Source::index_type;
  const auto& a = from.matrix();
  auto* group = select(grouping_table<T, I>::rows).function;
  std::int64_t most_tiles = 0;
  std::int64_t most_entries = 0;
  double columns_between = 0;
  for (std::int64_t tr = 0; tr < a.tile_rows(); ++tr) {
    const std::int64_t tiles = tiles_of(a, tr);
    most_tiles = std::max(most_tiles, tiles);
    most_entries = std::max(most_entries, entries_of(a, tr, tr + 1));
    if (tiles == 0) continue;
    const auto tile_cols = a.tile_cols().subspan(at(a.tile_row_offsets()[at(tr)]), at(tiles));
    columns_between += 4 * static_cast<double>(tile_cols.back() - tile_cols.front() + 1);
  }
  if (most_tiles >= std::int64_t{1} << 30) {
    detail::throw_message<std::length_error>(
        {"optimize: ", most_tiles, " tiles of a tile row do not fit 32-bit counts"});
  }
  const grouping_memory<T> memory(most_tiles);
  const work_array<T> values(most_entries);
  const work_array<I> cols(most_entries); // as many as entries, if no column is shared
  const double all = static_cast<double>(a.tile_rows()) * static_cast<double>(a.cols());
  const double span = columns_between / std::max(all, 1.0);
  std::int64_t slabs = slabs_of(from.entries(), from.fill(), a.tile_rows(), span, from.cols(),
                                bytes_of_panel_row<T>(columns));
  auto* const pair = pairing_function<T, I>(active_isa());
  bool in_pairs = false;
  if (pair != nullptr && pairs_pay(loads_of_tiles(a), from.entries())) {
    const std::int64_t of_pairs = slabs_of_pairs(from.entries(), a.rows(), span, from.cols(),
                                                 bytes_of_panel_row<T>(columns, 512));
    in_pairs = of_pairs > 1;
    if (in_pairs) {
      slabs = of_pairs;
      group = pair;
    }
  }
  const std::int64_t width = detail::tiles_of_slab(from.cols(), slabs);
  // The next block of `part`: what a tile row that is left has in slab s.
  const auto append = [&](detail::grouped_arrays<T, I>& part, row_of_tiles<T, I>& left,
                          std::int64_t s) {
    const auto* const end = s + 1 == slabs ? left.cols + left.tiles
                                           : std::lower_bound(left.cols, left.cols + left.tiles,
                                                              static_cast<I>((s + 1) * width));
    const row_of_tiles<T, I> row = left.first(end - left.cols);
    left = left.without(row);
    const std::size_t counts = 15 * (part.column_offsets.size() - 1);
    const std::int64_t taken =
        group(row, memory.scratch(), cols.get(), values.get(), part.pattern_counts.data() + counts);
    part.col_indices.append(cols.get(), cols.get() + taken);
    part.values.append(values.get(), values.get() + row.entries);
    part.column_offsets.push_back(detail::length(part.col_indices));
    part.value_offsets.push_back(detail::length(part.values));
  };
  detail::grouped_arrays<T, I> out;
  if constexpr (Source::as_stored) { // slab by slab
    std::vector<row_of_tiles<T, I>> left;
    left.reserve(at(a.tile_rows()));
    for (std::int64_t tr = 0; tr < a.tile_rows(); ++tr) left.push_back(from.row(tr, 0));
    out.values.reserve(at(a.nnz()));
    out.col_indices.reserve(at(a.nnz()));
    out.pattern_counts.resize(at(15 * slabs * a.tile_rows()));
    for (std::int64_t s = 0; s < slabs; ++s) {
      for (row_of_tiles<T, I>& row : left) append(out, row, s);
    }
    out.col_indices.shrink_to_fit();
    out.slabs = slabs;
  } else { // rows are made once
    std::vector<detail::grouped_arrays<T, I>> parts(at(slabs));
    for (auto& part : parts) part.pattern_counts.resize(at(15 * a.tile_rows()));
    for (std::int64_t tr = 0; tr < a.tile_rows(); ++tr) {
      row_of_tiles<T, I> row = from.row(tr, 0);
      for (std::int64_t s = 0; s < slabs; ++s) append(parts[at(s)], row, s);
    }
    out = detail::joined_slabs(std::move(parts));
  }
  out.in_pairs = in_pairs;
  return out;
}

/// Do grouped rows repay the 76 bytes of a block and that the processor does not foresee the ends
/// of its loops? By loads of B that they save: by many in a block, or by a good part of all
/// (bench/run --spmm).
constexpr bool grouping_pays(std::int64_t entries, std::int64_t loads,
                             std::int64_t blocks) noexcept {
  const std::int64_t saved = entries - loads;
  return saved >= 8 * blocks || 4 * saved >= entries;
}

/// Loads of B whose rows no block before has left in a second-level cache, of which half is theirs:
/// those that do not find their column in a table, where another one has taken its place.
template <class I>
std::int64_t loads_from_afar(std::span<const I> loaded, std::int64_t row_bytes) {
  const std::uint64_t rows = std::bit_floor(static_cast<std::uint64_t>(small_chunk / row_bytes));
  std::vector<I> kept(rows, static_cast<I>(-1));
  std::int64_t far = 0;
  for (const I column : loaded) {
    I& last = kept[at(column) & (rows - 1)];
    far += last != column;
    last = column;
  }
  return far;
}

/// Do the loops over what rows of a block share end so soon, where the processor does not foresee
/// it, that it waits longer for their ends than the loads that they save take? It foresees a block
/// that followed the one before it before. (Bands of 11 to 81 places, half or four fifths of them
/// with entries, 20,000 rows, Zen 4: 0.4 to 1 of the speed of CSR.)
template <class T, class I>
bool ends_cost_more(const detail::grouped_arrays<T, I>& a, std::int64_t columns) {
  const std::int64_t row_bytes = columns * std::int64_t{sizeof(T)};
  const std::int64_t loads = detail::length(a.col_indices);
  const std::int64_t saved = detail::length(a.values) - loads;
  if (row_bytes > 256) return false;
  std::vector<std::uint64_t> next(4096); // hash of the block that followed one of that hash
  std::uint64_t before = 0;
  std::int64_t loops = 0;
  std::int64_t unforeseen = 0;
  const auto& counts = a.pattern_counts; // none at all where there are no blocks
  for (std::size_t block = 15; block < counts.size(); block += 15) {
    std::uint64_t hash = 0;
    std::int64_t changes = 0;
    for (std::size_t k = block; k < block + 15; ++k) {
      hash = (hash ^ counts[k]) * 0x9e3779b97f4a7c15U;
      hash ^= hash >> 32;
      loops += counts[k] > 0 ? 1 : 0;
      changes += counts[k] != counts[k - 15] ? 1 : 0;
    }
    std::uint64_t& followed = next[before % next.size()];
    if (followed != hash) unforeseen += changes;
    followed = hash;
    before = hash;
  }
  const std::int64_t worth = row_bytes > 128 ? 3 : row_bytes > 64 ? 10 : 15; // halves of loads
  return 2 * loads < 11 * loops && 2 * saved < worth * unforeseen;
}

/// The same of grouped rows. Slabs repay them by themselves. Where rows of B come from the third
/// level or from memory, CSR waits less for each, because less stands between two loads: random
/// rows of which four share 20 to 40% of their loads, with B of 3 to 40 MB, multiply at 0.7 to 0.9
/// of its speed as grouped rows, vibrobox at 0.9 (Zen 4).
template <class T, class I>
bool grouping_pays(const detail::grouped_arrays<T, I>& a, std::int64_t cols, std::int64_t columns) {
  if (a.slabs > 1) return true;
  const std::int64_t entries = detail::length(a.values);
  const std::int64_t loads = detail::length(a.col_indices);
  if (!grouping_pays(entries, loads, detail::length(a.column_offsets) - 1)) return false;
  if (ends_cost_more(a, columns)) return false;
  const std::int64_t saved = entries - loads;
  const std::int64_t row_bytes = bytes_of_panel_row<T>(columns);
  if (2 * saved >= 3 * loads || cols * row_bytes <= 2 * small_chunk) return true;
  return 2 * saved >= 3 * loads_from_afar(std::span<const I>(a.col_indices), row_bytes);
}

/// May it pay, as far as tiles tell? Each column of a tile is loaded once at least, and blocks of
/// less than 200 entries are not cut into slabs.
template <class T, class I>
bool grouping_may_pay(const bitmap_view<const T, I>& a) noexcept {
  if (a.nnz() >= 200 * a.tile_rows()) return true;
  return grouping_pays(a.nnz(), loads_of_tiles(a), a.tile_rows());
}

/// The packed copy of a matrix of tiles, or nothing where the level in force has no use for it.
template <class View>
auto packed_rows_of(const View& a, std::int64_t columns) {
  using T = typename View::scalar_type;
  using I = typename View::index_type;
  using P = detail::packed_t<T>;
  detail::packed_arrays<T, I> out;
  if (panel_kernels<grouped_view<const P, I>>(active_isa()) == nullptr) return out;
  const repacked_tile_rows<P, View> from(seq, a);
  out.rows = grouped_rows_of(from, columns);
  const auto* const corrections = from.corrections(0);
  if (corrections != nullptr) out.corrections = {corrections, corrections + 4 * a.tile_rows()};
  return out;
}

/// The copy of a matrix of tiles for products with a vector, windowed or masked, or nothing where
/// the level in force has no kernels for either, or tiles are as fast because most are not there.
/// From memory the bytes count as well, of which masked rows have fewer. Throws std::bad_alloc.
/// O(nnz + pieces of rows) time, and that of building windows where they may pay.
template <class T, class I>
detail::packed_arrays<T, I> rows_for_vectors(const bitmap_view<const T, I>& a) {
  detail::packed_arrays<T, I> out;
  if constexpr (detail::has_windows_v<T>) {
    if (windowed_table<T>::rows.empty() || active_isa() < isa::avx512_bf16) return out;
    const bool in_microcode = detail::slow_gathers();
    using view = windowed_view<T>;
    using masked = masked_view<T>;
    const auto pieces = [](std::int64_t n, std::int64_t size) {
      return static_cast<double>((n + size - 1) / size);
    };
    const double windows = pieces(a.rows(), view::height) * pieces(a.cols(), view::width);
    const double by_tiles = detail::cost_of_expanding<T>(
        static_cast<double>(detail::length(a.bitmaps())), in_microcode);
    const double by_masks = detail::cost_of_masks(pieces(a.rows(), masked::height) *
                                                  masked::height * pieces(a.cols(), masked::width));
    const double most = std::min(by_tiles, 0.9 * by_masks);
    const auto by_windows = [&](double steps, int position_bits) {
      return detail::cost_of_windows(windows, steps, position_bits, in_microcode);
    };
    if (by_windows(0, 8) > most && by_masks >= by_tiles) return out;
    const auto rows = to_csr(a);
    constexpr auto of_step = static_cast<double>(view::height * view::depth); // entries, zeros too
    const double least_steps = static_cast<double>(a.nnz()) / of_step;
    if (by_windows(least_steps, detail::bits_of_positions(rows.view())) <= most) {
      out.windowed = detail::windows_of(rows.view());
      const auto steps = static_cast<double>(out.windowed.step_offsets.back());
      if (by_windows(steps, out.windowed.position_bits) <= most) return out;
      out.windowed = {};
    }
    if (by_masks < by_tiles) out.masked = detail::masks_of(rows.view());
  }
  return out;
}

/// The copy of a matrix of tiles for products with dense matrices: masked rows where a matrix unit
/// multiplies them, else packed entries, or nothing where the level in force has no use for them.
/// Throws as packed_rows_of. O(nnz + pieces of rows) time.
template <class T, class I>
detail::packed_arrays<T, I> rows_for_matrices(const bitmap_view<const T, I>& a,
                                              std::int64_t columns) {
  if constexpr (detail::has_windows_v<T>) {
    if (tile_unit_pays(a, most_dots, active_isa())) {
      detail::packed_arrays<T, I> out;
      const auto rows = to_csr(a);
      out.masked = detail::masks_of(rows.view());
      return out;
    }
  }
  return packed_rows_of(a, columns);
}

} // namespace kernels
} // namespace TILEBIT_ABI

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

/// optimize for SpMV: bands of rows as tiles, as diagonals or as slices; or all as slices, for SpMM
/// with types that have no kernels of their own for it.
template <class T, class I, class O>
optimized_matrix<T, I> optimize_in_bands(const csr_view<const T, I, O>& csr, bool only_slices) {
  const std::int64_t tile_rows = tiles_along(csr.rows());
  bitmap_matrix<T, I> tiles = to_bitmap(csr);
  const auto bytes = bytes_of_layouts<T, I>({csr.nnz(), csr.rows(), length(tiles.bitmaps()), 0});
  const bool signed_columns = std::in_range<std::make_signed_t<I>>(csr.cols());
  std::vector<unit_range> tile_bands;
  std::vector<unit_range> diagonal_bands; // in slices of 16 rows
  std::vector<std::int64_t> others;
  std::int64_t others_nnz = 0;
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
    const auto t =
        predict_rows<T, I>(csr.row_offsets(), 4 * first, last_row, counted, bytes, active_isa());
    double least = std::min(t.sliced, t.bitmap);
    if (signed_columns && whole_slices) least = std::min(least, t.diagonals);
    if (only_slices || t.sliced == least) {
      for (std::int64_t i = 4 * first; i < last_row; ++i) others.push_back(i);
      others_nnz += counted.entries;
    } else if (t.bitmap == least) {
      append(tile_bands, first, last);
    } else {
      append(diagonal_bands, first / 4, last_slice);
    }
  }
  auto in_bands = tiles_in_bands(std::move(tiles), std::span<const unit_range>(tile_bands));
  auto diagonals = diagonals_in_bands(csr, std::span<const unit_range>(diagonal_bands));
  auto sliced = slices_of(csr, std::span<const std::int64_t>(others), others_nnz);
  return optimized_matrix<T, I>(trusted{}, std::move(in_bands), std::move(tile_bands),
                                std::move(diagonals), std::move(diagonal_bands), std::move(sliced));
}

/// What decides between these tiles and CSR. O(tiles + rows).
template <class T, class I>
counted_rows count_rows(const bitmap_view<const T, I>& a) noexcept {
  counted_rows counted;
  counted.entries = a.nnz();
  counted.tiles = length(a.bitmaps());
  counted.cols = a.cols();
  for (std::int64_t tr = 0; tr < a.tile_rows(); ++tr) {
    std::array<std::int64_t, 4> lengths{};
    for (std::int64_t k = a.tile_row_offsets()[at(tr)]; k < a.tile_row_offsets()[at(tr) + 1]; ++k) {
      const unsigned bits = a.bitmaps()[at(k)];
      for (std::size_t r = 0; r < 4; ++r) lengths[r] += std::popcount(bits >> (4 * r) & 15U);
    }
    for (const std::int64_t n : lengths) counted.add_row(n);
  }
  return counted;
}

/// Are whole tiles faster than CSR for columns of at most so many bytes?
template <class T, class I>
bool tiles_pay(const bitmap_view<const T, I>& a, std::int64_t columns,
               std::size_t most_bytes) noexcept {
  const isa level = active_isa();
  const double fill = kernels::stored_tile_rows<T, I>(a).fill();
  if (at(columns) * sizeof(T) > most_bytes || !keeps_tiles(fill, columns, sizeof(T), level))
    return false;
  const counted_rows counted = count_rows(a);
  return tiles_times_few(counted, columns, sizeof(T), level) <
         csr_times_few(counted, columns, sizeof(T), level);
}

/// Are tiles best for so few columns? For up to 16 bytes of them against CSR, which puts rows of B
/// side by side; for up to 32 also against grouped rows where tiles are full, or nearly in double.
template <class T, class I>
bool tiles_are_best(const bitmap_view<const T, I>& a, std::int64_t columns) noexcept {
  const double fill = kernels::stored_tile_rows<T, I>(a).fill();
  const bool crowded = nearly_full(fill) || (std::same_as<T, double> && fill > 11);
  return tiles_pay(a, columns, crowded ? 32 : 16);
}

/// optimize of float or double for SpMM: grouped rows of A's tiles, or where these do not pay CSR
/// or, for few columns and rows whose ends cost more than their entries, tiles.
///
/// CSR multiplies rows of B that are put side by side faster than grouped rows, unless about half
/// of the places in tiles have an entry.
template <class A, class T, class I>
optimized_matrix<T, I> optimize_for_spmm(const A& a, const bitmap_view<const T, I>& tiles,
                                         std::int64_t columns) {
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
  if (tiles_pay(tiles, columns, 32)) return optimized_matrix<T, I>(trusted{}, to_bitmap<I>(tiles));
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
/// or as sliced rows, whichever the cost model predicts to be fastest. For SpMM of float or double:
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
          if (!detail::tiles_are_best<T, I>(op.base, columns)) {
            return detail::optimize_for_spmm(a, op.base, columns);
          }
        }
      }
      auto tiles = to_bitmap(a);
      if (detail::tiles_are_best<T, I>(tiles, columns))
        return {detail::trusted{}, std::move(tiles)};
      return detail::optimize_for_spmm(a, std::as_const(tiles).view(), columns);
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
