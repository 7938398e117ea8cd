// Whether grouped rows multiply a matrix faster than CSR.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../conversions/grouped_rows.hpp"
#include "../core/config.hpp"
#include "../core/numeric.hpp"
#include "../formats/grouped.hpp"
#include "../formats/views.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

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

} // namespace tilebit::inline TILEBIT_ABI::kernels
