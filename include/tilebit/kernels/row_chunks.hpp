// Tile rows as chunks of four rows each: what SpMM makes of a bitmap matrix when it is called once.
//
// The rows of B that a chunk reads fit the first-level cache, so that the second to fourth row of
// the chunk find them there. Cheaper to make than grouped rows (formats/grouped.hpp), a little
// slower to multiply. Elements stay where they are: rows name their places.
#pragma once

#include <algorithm>
#include <cstdint>

#include "../core/config.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// An entry of a row of a chunk: its column, and its place among the elements of the chunk.
struct chunk_entry {
  static constexpr int place_bits = 11;
  /// Of a matrix whose columns have room in a word.
  static constexpr std::int64_t most_cols = std::int64_t{1} << (32 - place_bits);

  std::uint32_t word; ///< column << place_bits | place

  std::int64_t column() const noexcept { return word >> place_bits; }
  std::uint32_t place() const noexcept { return word & ((1U << place_bits) - 1); }
};

/// The row of B that an entry is for, by its column or by what has it.
template <class I>
std::int64_t row_of_b(I column) noexcept {
  return static_cast<std::int64_t>(column);
}
inline std::int64_t row_of_b(chunk_entry entry) noexcept {
  return entry.column();
}

/// Entries of a chunk one after the other.
template <class T>
struct chunk_entries {
  const chunk_entry* entry;
  const T* elements; ///< of the chunk

  const chunk_entry* columns() const noexcept { return entry; }
  std::int64_t column() const noexcept { return entry->column(); }
  const T* value() const noexcept { return elements + entry->place(); }
  void next() noexcept { ++entry; }
  void fetch_ahead() const noexcept {} ///< made in the call, they are near
};

/// Chunk k of a tile row has counts[4 k + r] entries in row r; the entries of the tile row stand
/// chunk by chunk, row by row, from entry_offsets[tile row] on, its elements, chunk by chunk in the
/// order of its tiles, from there on, too, its counts from chunk_offsets[tile row] on.
template <class T>
class row_chunks_view {
public:
  using scalar_type = T;

  static constexpr std::int64_t height = 4; ///< rows of a tile row

  row_chunks_view() = default;
  row_chunks_view(const T* elements, const chunk_entry* entries, const std::uint32_t* counts,
                  const std::int64_t* entry_offsets, const std::int64_t* chunk_offsets,
                  std::int64_t tile_rows) noexcept
      : elements_(elements), entries_(entries), counts_(counts), entry_offsets_(entry_offsets),
        chunk_offsets_(chunk_offsets), tile_rows_(tile_rows) {}

  const T* elements() const noexcept { return elements_; }
  const chunk_entry* entries() const noexcept { return entries_; }
  const std::uint32_t* counts() const noexcept { return counts_; }
  const std::int64_t* entry_offsets() const noexcept { return entry_offsets_; }
  const std::int64_t* chunk_offsets() const noexcept { return chunk_offsets_; }
  std::int64_t tile_rows() const noexcept { return tile_rows_; }

private:
  const T* elements_ = nullptr;
  const chunk_entry* entries_ = nullptr;
  const std::uint32_t* counts_ = nullptr;
  const std::int64_t* entry_offsets_ = nullptr;
  const std::int64_t* chunk_offsets_ = nullptr;
  std::int64_t tile_rows_ = 0;
};

/// Tiles of the largest chunk.
inline constexpr std::int64_t most_tiles_of_chunk = 96;

/// Tiles of a chunk, a multiple of four. 96 columns of four vectors take 24 KB of B; where tiles
/// hold little, rows of a chunk would be so short that their ends cost more than the cache gives.
/// bench/run --spmm: 16 to 48 tiles are within 5% of each other from fill 2 on, 8 are 10% slower.
inline std::int64_t tiles_of_chunk(std::int64_t entries, std::int64_t tiles) noexcept {
  constexpr std::int64_t most = most_tiles_of_chunk;
  static_assert(16 * most <= std::int64_t{1} << chunk_entry::place_bits);
  if (entries < 2 * tiles || tiles == 0) return most;
  const std::int64_t chunks = std::max<std::int64_t>(1, (tiles + 12) / 24);
  return (tiles + 4 * chunks - 1) / (4 * chunks) * 4;
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
