// Tile rows to chunks (kernels/row_chunks.hpp), for every instruction set: included by simd.hpp
// behind the split_tiles of the set.

/// Writes a tile row as chunks of `step` tiles: their entries and counts.
template <class I>
void split_tile_row(const std::uint16_t* bitmaps, const I* tile_cols, std::int64_t tiles,
                    std::int64_t step, chunk_entry* entries, std::uint32_t* counts) noexcept {
  for (std::int64_t t = 0; t < tiles; t += step, counts += 4) {
    const std::int64_t n = std::min(tiles - t, step);
    count_rows(bitmaps + t, n, counts);
    chunk_entry* to[4];
    for (int r = 0; r < 4; ++r) {
      to[r] = entries;
      entries += counts[r];
    }
    split_tiles(bitmaps + t, n, tile_cols + t, entries - to[0], to);
  }
}
