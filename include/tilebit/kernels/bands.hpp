// Bands of tile rows, made into grouped rows or chunks of rows one band at a time: what an SpMM
// with a bitmap matrix works on.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/numeric.hpp"
#include "../formats/bitmap.hpp"
#include "../formats/grouped.hpp"
#include "../formats/optimized.hpp"
#include "dispatch.hpp"
#include "grouping_scratch.hpp"
#include "parallel.hpp"
#include "row_chunks.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

using detail::at;

/// Where the band that begins with tile row `first` ends: behind the tile row that passes half a
/// million entries, or after 2^16 tile rows. That bounds its memory but for one tile row, and what
/// panels of B are read again for it is little.
template <class T, class I>
std::int64_t end_of_band(const bitmap_view<const T, I>& a, std::int64_t first) noexcept {
  constexpr std::int64_t most = std::int64_t{1} << 19;
  const auto begin = a.element_offsets().begin();
  const std::int64_t last = std::min(first + (std::int64_t{1} << 16), a.tile_rows());
  const auto end =
      std::upper_bound(begin + std::min(first + 2, last), begin + last, begin[first] + most);
  return std::min<std::int64_t>(end - begin, last);
}

/// What the largest band and the largest tile row need.
struct band_sizes {
  std::int64_t rows = 0;
  std::int64_t entries = 0;
  std::int64_t chunks = 0;
  std::int64_t tiles_of_row = 0;

  template <class T, class I>
  explicit band_sizes(const bitmap_view<const T, I>& a) noexcept {
    for (std::int64_t first = 0, last = 0; first < a.tile_rows(); first = last) {
      last = end_of_band(a, first);
      rows = std::max(rows, last - first);
      entries = std::max(entries, entries_of(a, first, last));
      std::int64_t in_band = 0;
      for (std::int64_t tr = first; tr < last; ++tr) {
        in_band += chunks_of(a, tr);
        tiles_of_row = std::max(tiles_of_row, tiles_of(a, tr));
      }
      chunks = std::max(chunks, in_band);
    }
  }

  template <class T, class I>
  static std::int64_t tiles_of(const bitmap_view<const T, I>& a, std::int64_t tr) noexcept {
    return a.tile_row_offsets()[at(tr) + 1] - a.tile_row_offsets()[at(tr)];
  }
  template <class T, class I>
  static std::int64_t chunks_of(const bitmap_view<const T, I>& a, std::int64_t tr) noexcept {
    const std::int64_t tiles = tiles_of(a, tr);
    const std::int64_t step = tiles_of_chunk(entries_of(a, tr, tr + 1), tiles);
    return (tiles + step - 1) / step;
  }
  template <class T, class I>
  static std::int64_t entries_of(const bitmap_view<const T, I>& a, std::int64_t first,
                                 std::int64_t last) noexcept {
    return a.element_offsets()[at(last)] - a.element_offsets()[at(first)];
  }
};

/// The memory of a band: entries with their columns, and where those of each tile row begin.
template <class T, class Col>
class band_memory {
public:
  /// Throws std::bad_alloc.
  band_memory(std::int64_t most_entries, std::int64_t most_rows)
      : values_(most_entries), cols_(most_entries), offsets_(most_rows + 1) {}

  T* values() const noexcept { return values_.get(); }
  Col* cols() const noexcept { return cols_.get(); }
  std::int64_t* offsets() const noexcept { return offsets_.get(); }

  /// Calls f(tile row, its place in the band, its first entry, thread) for every tile row.
  template <class I, class F>
  void fill(const execution_policy& policy, const bitmap_view<const T, I>& a, unit_range band,
            F&& f) const noexcept {
    const std::int64_t rows = band.last - band.first;
    for (std::int64_t k = 0; k <= rows; ++k) {
      offsets_.get()[k] = band_sizes::entries_of(a, band.first, band.first + k);
    }
    const auto slices = static_cast<int>(std::min<std::int64_t>(rows, 64));
    for_each_task(policy, slices, [&](int task, int thread) {
      for (std::int64_t k = rows * task / slices; k < rows * (task + 1) / slices; ++k) {
        f(band.first + k, k, offsets_.get()[k], thread);
      }
    });
  }

private:
  work_array<T> values_;
  work_array<Col> cols_;
  work_array<std::int64_t> offsets_;
};

/// Bands as grouped rows. Memory: sizeof(T) + sizeof(I) for each entry of the largest band, 68
/// bytes for each of its tile rows, and 20 + 16 sizeof(T) bytes per thread for each tile of a tile
/// row.
template <class T, class I>
class grouped_bands {
public:
  using scalar_type = T;
  using index_type = I;
  using view_type = grouped_view<const T, I>;

  /// Throws std::bad_alloc.
  grouped_bands(const execution_policy& policy, const bitmap_view<const T, I>& a)
      : grouped_bands(policy, a, band_sizes(a)) {}

  /// The tile rows of a band, as a matrix of their own. The columns of a block stand where its
  /// values do, so that there are gaps between blocks.
  view_type make(const execution_policy& policy, unit_range band) noexcept {
    memory_.fill(policy, a_, band,
                 [&](std::int64_t tr, std::int64_t k, std::int64_t entry, int thread) {
                   group_(a_, tr, scratch_[at(thread)].scratch(), memory_.cols() + entry,
                          memory_.values() + entry, counts_.get() + 15 * k);
                 });
    const std::int64_t rows = band.last - band.first;
    const std::span<const std::int64_t> offsets(memory_.offsets(), at(rows + 1));
    return {{memory_.values(), at(offsets.back())},
            {memory_.cols(), at(offsets.back())},
            {counts_.get(), at(15 * rows)},
            offsets,
            offsets,
            shape(std::min(4 * rows, a_.rows() - 4 * band.first), a_.cols())};
  }

private:
  grouped_bands(const execution_policy& policy, const bitmap_view<const T, I>& a,
                const band_sizes& most)
      : a_(a), group_(select(grouping_table<T, I>::rows).function),
        memory_(most.entries, most.rows), counts_(15 * most.rows) {
    for (int k = 0; k < thread_count(policy); ++k) scratch_.emplace_back(most.tiles_of_row);
  }

  bitmap_view<const T, I> a_;
  grouping_function<T, I>* group_;
  band_memory<T, I> memory_;
  work_array<std::uint32_t> counts_;
  std::vector<grouping_memory<T>> scratch_; ///< one per thread
};

/// Bands as chunks of rows, for matrices of at most 2^32 - 1 columns. Memory: sizeof(T) + 4 bytes
/// for each entry of the largest band, 16 for each of its chunks and tile rows.
template <class T, class I>
class chunked_bands {
public:
  using scalar_type = T;
  using index_type = I;
  using view_type = row_chunks_view<T>;

  /// Throws std::bad_alloc.
  chunked_bands(const execution_policy&, const bitmap_view<const T, I>& a)
      : chunked_bands(a, band_sizes(a)) {}

  view_type make(const execution_policy& policy, unit_range band) noexcept {
    const std::int64_t rows = band.last - band.first;
    std::int64_t counts = 0;
    for (std::int64_t k = 0; k < rows; ++k) {
      chunk_offsets_.get()[k] = counts;
      counts += 4 * band_sizes::chunks_of(a_, band.first + k);
    }
    chunk_offsets_.get()[rows] = counts;
    memory_.fill(policy, a_, band, [&](std::int64_t tr, std::int64_t k, std::int64_t entry, int) {
      split_(a_, tr, memory_.cols() + entry, memory_.values() + entry,
             counts_.get() + chunk_offsets_.get()[k]);
    });
    return {memory_.values(),  memory_.cols(),       counts_.get(),
            memory_.offsets(), chunk_offsets_.get(), rows};
  }

private:
  chunked_bands(const bitmap_view<const T, I>& a, const band_sizes& most)
      : a_(a), split_(select(splitting_table<T, I>::rows).function),
        memory_(most.entries, most.rows), counts_(4 * most.chunks), chunk_offsets_(most.rows + 1) {}

  bitmap_view<const T, I> a_;
  splitting_function<T, I>* split_;
  band_memory<T, std::uint32_t> memory_;
  work_array<std::uint32_t> counts_;
  work_array<std::int64_t> chunk_offsets_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
