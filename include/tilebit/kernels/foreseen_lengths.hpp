// Whether a processor foresees the lengths of rows, and with them the ends of loops over rows.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "../core/config.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Of more rows processors do not remember the lengths from the last product.
inline constexpr std::int64_t most_remembered_rows = 32768;

/// Are most lengths of the first 128 rows those that followed about the same two lengths before
/// (modulo 256, by the last one and four bits of that in front of it)? Regular meshes and banded
/// matrices repeat themselves, meshes without structure and graphs do not.
template <class O>
bool foresees_lengths(const O* offsets, std::int64_t first, std::int64_t last) noexcept {
  constexpr std::int64_t sample = 128;
  const std::int64_t rows = std::min(sample, last - first);
  std::array<std::uint8_t, 256> next{}; // length after two others
  std::size_t history = 0;
  std::int64_t foreseen = 0;
  for (std::int64_t i = first; i < first + rows; ++i) {
    const auto length = static_cast<std::uint8_t>(offsets[i + 1] - offsets[i]);
    foreseen += next[history] == length ? 1 : 0;
    next[history] = length;
    history = (history << 4 ^ length) & 255;
  }
  return 2 * foreseen >= rows;
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
