// Grouped rows from tiles: how many slabs, whether in pairs, and the blocks.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "../core/config.hpp"
#include "../core/error.hpp"
#include "../core/isa.hpp"
#include "../core/numeric.hpp"
#include "../core/shape.hpp"
#include "../formats/grouped.hpp"
#include "../kernels/dispatch_grouping.hpp"
#include "../kernels/grouping_scratch.hpp"
#include "../kernels/row_of_tiles.hpp"
#include "../kernels/spmm_roads.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

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

/// Panels of kernels for pairs of rows.
struct panels_of_pairs {
  std::int64_t row_bytes;  ///< of the widest
  std::int64_t near_bytes; ///< of B, in which a panel needs no slabs
  std::int64_t entries;    ///< of a row in a slab, which repay its sums and the ends of its loops
};
inline constexpr panels_of_pairs avx512_pairs{512, 262144, 12};
inline constexpr panels_of_pairs avx2_pairs{128, 40960, 32};

/// The same for grouped rows in pairs, with row_bytes up to those of a panel.
///
/// A slab has as many columns as give each row enough entries, within what has 40 to 128 KB of a
/// panel of B: the first-level cache, and as much of the second as its loads are still ahead of
/// (1024 x 1024 at 50, 20, 10 and 5% multiply 64 to 512 columns best with 40, 40, 64 and 128 KB,
/// Granite Rapids; layers at 50 to 90% 64 and 256 columns with 32 and 48 KB with AVX2, Zen 3). One
/// slab where panels are narrow, all of B is near, or rows would have less than two thirds of the
/// entries in a slab.
inline std::int64_t slabs_of_pairs(double entries, std::int64_t rows, double span,
                                   std::int64_t cols, std::int64_t row_bytes,
                                   const panels_of_pairs& panels) noexcept {
  const auto bytes = static_cast<double>(row_bytes);
  const double all = static_cast<double>(cols);
  if (span < 0.25 || 2 * row_bytes < panels.row_bytes || entries <= 0) return 1;
  if (all * bytes <= static_cast<double>(panels.near_bytes)) return 1;
  const double wanted =
      static_cast<double>(panels.entries) * static_cast<double>(rows) * all / entries;
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

/// The fill of tiles from which four rows share loads with AVX2, whose sixteen registers leave them
/// half as many columns as pairs, and whose sums would wait for themselves in loops over what a
/// single row has. (Zen 3: pairs are 1.1 to 2 times as fast up to fill 11, 0.7 to 0.85 at 16, but
/// 0.6 to 0.9 with less columns than they keep.)
inline constexpr double most_fill_of_pairs = 12;

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
  const isa level = active_isa();
  bool in_pairs = false;
  if (auto* const pair = pairing_function<T, I>(level); pair != nullptr) {
    const bool narrow = level == isa::avx2;
    const panels_of_pairs& panels = narrow ? avx2_pairs : avx512_pairs;
    const std::int64_t row_bytes = bytes_of_panel_row<T>(columns, panels.row_bytes);
    const std::int64_t of_pairs =
        slabs_of_pairs(from.entries(), a.rows(), span, from.cols(), row_bytes, panels);
    in_pairs = narrow ? row_bytes == panels.row_bytes && from.fill() < most_fill_of_pairs
                      : of_pairs > 1 && pairs_pay(loads_of_tiles(a), from.entries());
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

} // namespace tilebit::inline TILEBIT_ABI::kernels
