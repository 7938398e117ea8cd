// Tile rows as chunks of four rows each: what SpMM makes of a bitmap matrix when it is called once.
//
// The rows of B that a chunk reads fit the first-level cache, so that the second to fourth row of
// the chunk find them there. Cheaper to make than grouped rows (formats/grouped.hpp), a little
// slower to multiply.
#pragma once

#include <cstdint>

#include "../core/config.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Chunk k of a tile row has counts[4 k + r] entries in row r; the entries of the tile row stand
/// chunk by chunk, row by row, from entry_offsets[tile row] on, its counts from
/// chunk_offsets[tile row] on.
template <class T>
class row_chunks_view {
public:
  using scalar_type = T;

  static constexpr std::int64_t height = 4; ///< rows of a tile row

  row_chunks_view() = default;
  row_chunks_view(const T* values, const std::uint32_t* cols, const std::uint32_t* counts,
                  const std::int64_t* entry_offsets, const std::int64_t* chunk_offsets,
                  std::int64_t tile_rows) noexcept
      : values_(values), cols_(cols), counts_(counts), entry_offsets_(entry_offsets),
        chunk_offsets_(chunk_offsets), tile_rows_(tile_rows) {}

  const T* values() const noexcept { return values_; }
  const std::uint32_t* cols() const noexcept { return cols_; }
  const std::uint32_t* counts() const noexcept { return counts_; }
  const std::int64_t* entry_offsets() const noexcept { return entry_offsets_; }
  const std::int64_t* chunk_offsets() const noexcept { return chunk_offsets_; }
  std::int64_t tile_rows() const noexcept { return tile_rows_; }

private:
  const T* values_ = nullptr;
  const std::uint32_t* cols_ = nullptr;
  const std::uint32_t* counts_ = nullptr;
  const std::int64_t* entry_offsets_ = nullptr;
  const std::int64_t* chunk_offsets_ = nullptr;
  std::int64_t tile_rows_ = 0;
};

/// Tiles of a chunk. 96 columns of four vectors take 24 KB of B; where tiles hold little, rows of a
/// chunk would be so short that their ends cost more than the cache gives. bench/run --spmm: 16
/// to 48 tiles are within 5% of each other from fill 2 on, 8 are 10% slower.
inline std::int64_t tiles_of_chunk(std::int64_t entries, std::int64_t tiles) noexcept {
  return entries >= 2 * tiles ? 24 : 96;
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
