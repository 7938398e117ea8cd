// Bands of tile rows, made into grouped rows or chunks of rows one band at a time: what an SpMM
// with a matrix of tiles works on.
//
// Tile rows come from a source: stored_tile_rows (row_of_tiles.hpp) hands them out as they stand,
// repacked_tile_rows (repacked_rows.hpp) as packed entries or as wider numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/numeric.hpp"
#include "../formats/grouped.hpp"
#include "../formats/optimized.hpp"
#include "dispatch_grouping.hpp"
#include "grouping_scratch.hpp"
#include "panel_output.hpp"
#include "parallel.hpp"
#include "row_chunks.hpp"
#include "row_of_tiles.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Where the band that begins with tile row `first` ends: behind the tile row that passes half a
/// million entries, or after 2^16 tile rows. That bounds its memory but for one tile row, and what
/// panels of B are read again for it is little.
template <class View>
std::int64_t end_of_band(const View& a, std::int64_t first) noexcept {
  constexpr std::int64_t most = std::int64_t{1} << 19;
  const auto begin = a.element_offsets().begin();
  const std::int64_t last = std::min(first + (std::int64_t{1} << 16), a.tile_rows());
  const auto end =
      std::upper_bound(begin + std::min(first + 2, last), begin + last, begin[first] + most);
  return std::min<std::int64_t>(end - begin, last);
}

/// Is the matrix made all at once, and so only once however many chunks of panels there are?
template <class View>
bool is_one_band(const View& a) noexcept {
  return end_of_band(a, 0) == a.tile_rows();
}

/// What the largest band and the largest tile row need.
struct band_sizes {
  std::int64_t rows = 0;
  std::int64_t entries = 0;
  std::int64_t chunks = 0;
  std::int64_t tiles_of_row = 0;
  std::int64_t entries_of_row = 0;

  template <class View>
  explicit band_sizes(const View& a) noexcept {
    for (std::int64_t first = 0, last = 0; first < a.tile_rows(); first = last) {
      last = end_of_band(a, first);
      rows = std::max(rows, last - first);
      entries = std::max(entries, entries_of(a, first, last));
      std::int64_t in_band = 0;
      for (std::int64_t tr = first; tr < last; ++tr) {
        in_band += chunks_of(a, tr);
        tiles_of_row = std::max(tiles_of_row, tiles_of(a, tr));
        entries_of_row = std::max(entries_of_row, entries_of(a, tr, tr + 1));
      }
      chunks = std::max(chunks, in_band);
    }
  }

  /// Tiles of the chunks that a tile row is cut into.
  template <class View>
  static std::int64_t step_of(const View& a, std::int64_t tr) noexcept {
    return tiles_of_chunk(entries_of(a, tr, tr + 1), tiles_of(a, tr));
  }
  template <class View>
  static std::int64_t chunks_of(const View& a, std::int64_t tr) noexcept {
    const std::int64_t step = step_of(a, tr);
    return (tiles_of(a, tr) + step - 1) / step;
  }
};

/// The memory of a band: values, columns, and where those of each tile row begin.
template <class T, class Col>
class band_memory {
public:
  /// Throws std::bad_alloc.
  band_memory(std::int64_t values, std::int64_t cols, std::int64_t rows)
      : values_(values), cols_(cols), offsets_(rows + 1) {}

  T* values() const noexcept { return values_.get(); }
  Col* cols() const noexcept { return cols_.get(); }
  std::int64_t* offsets() const noexcept { return offsets_.get(); }

  /// Finds where the entries of each tile row of the band begin, and calls
  /// f(first, last, thread) for slices of them, which do not depend on the number of threads.
  template <class View, class F>
  void fill(const execution_policy& policy, const View& a, unit_range band, F&& f) const noexcept {
    const std::int64_t rows = band.last - band.first;
    for (std::int64_t k = 0; k <= rows; ++k) {
      offsets_.get()[k] = entries_of(a, band.first, band.first + k);
    }
    const auto slices = static_cast<int>(std::min<std::int64_t>(rows, 64));
    for_each_task(policy, slices, [&](int task, int thread) {
      f(rows * task / slices, rows * (task + 1) / slices, thread);
    });
  }

private:
  work_array<T> values_;
  work_array<Col> cols_;
  work_array<std::int64_t> offsets_;
};

/// Bands as grouped rows. Memory: sizeof(T) + sizeof(I) for each entry of the largest band, 76
/// bytes for each of its tile rows, and 20 + 16 sizeof(T) bytes per thread for each tile of a tile
/// row.
template <class Source>
class grouped_bands {
public:
  using T = typename Source::scalar_type;
  using I = typename Source::index_type;
  using view_type = grouped_view<const T, I>;

  /// Throws std::bad_alloc.
  grouped_bands(const execution_policy& policy, const Source& from, const band_sizes& most)
      : from_(from), group_(select(grouping_table<T, I>::rows).function),
        memory_(most.entries, most.entries, most.rows), column_offsets_(most.rows + 1),
        counts_(15 * most.rows) {
    for (int k = 0; k < thread_count(policy); ++k) scratch_.emplace_back(most.tiles_of_row);
  }

  /// The tile rows of a band, as a matrix of their own. Columns follow each other within a slice,
  /// because kernels ask for the rows of B that columns behind those of a block name; behind a
  /// slice stand zeros.
  view_type make(const execution_policy& policy, unit_range band) noexcept {
    const std::int64_t* const offsets = memory_.offsets();
    std::int64_t* const column_offsets = column_offsets_.get();
    memory_.fill(policy, from_.matrix(), band,
                 [&](std::int64_t first, std::int64_t last, int thread) {
                   std::int64_t column = offsets[first];
                   for (std::int64_t k = first; k < last; ++k) {
                     column_offsets[k] = column;
                     column += group_(from_.row(band.first + k, thread),
                                      scratch_[at(thread)].scratch(), memory_.cols() + column,
                                      memory_.values() + offsets[k], counts_.get() + 15 * k);
                   }
                   std::fill_n(memory_.cols() + column,
                               std::min<std::int64_t>(columns_ahead, offsets[last] - column), I{0});
                 });
    const std::int64_t rows = band.last - band.first;
    column_offsets[rows] = offsets[rows];
    return {{memory_.values(), at(offsets[rows])},
            {memory_.cols(), at(offsets[rows])},
            {counts_.get(), at(15 * rows)},
            {column_offsets, at(rows + 1)},
            {offsets, at(rows + 1)},
            shape(std::min(4 * rows, from_.matrix().rows() - 4 * band.first), from_.cols())};
  }

private:
  const Source& from_;
  grouping_function<T, I>* group_;
  band_memory<T, I> memory_;
  work_array<std::int64_t> column_offsets_;
  work_array<std::uint32_t> counts_;
  std::vector<grouping_memory<T>> scratch_; ///< one per thread
};

/// Bands as chunks of rows, for matrices of at most chunk_entry::most_cols columns. Memory: 4 bytes
/// for each entry of the largest band, sizeof(T) more where elements are not as stored, 16 for each
/// of its chunks and tile rows.
template <class Source>
class chunked_bands {
public:
  using T = typename Source::scalar_type;
  using I = typename Source::index_type;
  using view_type = row_chunks_view<T>;

  /// Throws std::bad_alloc.
  chunked_bands(const execution_policy&, const Source& from, const band_sizes& most)
      : from_(from), split_(select(splitting_table<I>::rows).function),
        memory_(Source::as_stored ? 0 : most.entries, most.entries, most.rows),
        counts_(4 * most.chunks), chunk_offsets_(most.rows + 1) {}

  view_type make(const execution_policy& policy, unit_range band) noexcept {
    const auto& a = from_.matrix();
    const std::int64_t rows = band.last - band.first;
    std::int64_t counts = 0;
    for (std::int64_t k = 0; k < rows; ++k) {
      chunk_offsets_.get()[k] = counts;
      counts += 4 * band_sizes::chunks_of(a, band.first + k);
    }
    chunk_offsets_.get()[rows] = counts;
    memory_.fill(policy, a, band, [&](std::int64_t first, std::int64_t last, int thread) {
      for (std::int64_t k = first; k < last; ++k) {
        const std::int64_t tr = band.first + k;
        const std::int64_t entry = memory_.offsets()[k];
        const row_of_tiles<T, I> row = from_.row(tr, thread);
        const std::int64_t step = band_sizes::step_of(a, tr);
        std::uint32_t* const to = counts_.get() + chunk_offsets_.get()[k];
        split_(row.bitmaps, row.cols, row.tiles, step, memory_.cols() + entry, to);
        if constexpr (!Source::as_stored) {
          std::copy_n(row.elements, row.entries, memory_.values() + entry);
        }
        // A source may hand out fewer tiles than are stored.
        const std::int64_t written = 4 * ((row.tiles + step - 1) / step);
        std::fill(to + written, counts_.get() + chunk_offsets_.get()[k + 1], 0U);
      }
    });
    const T* elements = memory_.values();
    if constexpr (Source::as_stored) elements = elements_in(a, band.first);
    return {elements, memory_.cols(), counts_.get(), memory_.offsets(), chunk_offsets_.get(), rows};
  }

private:
  const Source& from_;
  splitting_function<I>* split_;
  band_memory<T, chunk_entry> memory_;
  work_array<std::uint32_t> counts_;
  work_array<std::int64_t> chunk_offsets_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
