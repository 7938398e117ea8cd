// Dense blocks of 64 bytes a row, to which rows of low-precision matrices are expanded, 32 at a
// time: what the kernels that multiply them and their callers have in common.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../core/config.hpp"
#include "../formats/masked.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Rows that are expanded together, and columns of a panel.
inline constexpr std::int64_t block_edge = 32;

/// Rows of a unit, of which a kernel gets the first: of a tile row, of a band of masked rows.
template <class View>
inline constexpr std::int64_t expanded_rows = 4;
template <class T>
inline constexpr std::int64_t expanded_rows<masked_view<T>> = masked_view<T>::height;

/// Blocks along so many columns.
template <class T>
std::int64_t blocks_along(std::int64_t cols) noexcept {
  return (cols * std::int64_t{sizeof(T)} + 63) / 64;
}

/// Blocks that a matrix unit multiplies by so many panels before the next are expanded. Twice as
/// many have to stay in a first-level cache of 48 KB beside panels of B; the more panels, the more
/// weighs that their sums are loaded and stored each time.
inline std::int64_t blocks_at_a_time(std::size_t panels) noexcept {
  return panels == 1 ? 2 : panels < 4 ? 4 : 8;
}
/// Memory for them, of 32 rows, or of 64 for a single panel.
inline constexpr std::int64_t bytes_of_blocks = 2 * std::int64_t{8} * 32 * 64;

/// Blocks [first, last) along the columns, and where those before them have ended: bitmaps and
/// elements of rows are read in turn, so that a kernel goes on from what it has written here.
struct block_slice {
  static constexpr std::int64_t places_of_rows = 32;

  std::int64_t first;
  std::int64_t last;
  std::int64_t* places; ///< so many; not used by the first and only slice
};

/// Blocks of a slice for so many panels of a matrix unit, whose `count` blocks of B do not stay in
/// a second-level cache together: as many as take 1 MB, a multiple of the most at a time.
inline std::int64_t blocks_of_slice(std::int64_t count, std::size_t panels) noexcept {
  constexpr std::int64_t megabyte = std::int64_t{1} << 20;
  const std::int64_t of_block = 2048 * static_cast<std::int64_t>(panels);
  if (count * of_block <= megabyte + megabyte / 4) return count;
  const std::int64_t slices = (count * of_block + megabyte - 1) / megabyte;
  return ((count + slices - 1) / slices + 7) / 8 * 8;
}

/// A panel of B as rows of packed entries, `ld` of them a row: 16 or 32.
struct block_panel {
  const void* data;
  std::int64_t ld;
};

/// Panels that a kernel takes at a time: as many as have their sums in a second-level cache.
inline constexpr std::size_t most_block_panels = 32;

} // namespace tilebit::inline TILEBIT_ABI::kernels
