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

/// The share of the first 128 rows whose lengths are those that followed about the same two lengths
/// before (modulo 256, by the last one and four bits of that in front of it). Regular meshes and
/// banded matrices repeat themselves, meshes without structure and graphs do not.
template <class O>
double foreseen_lengths(const O* offsets, std::int64_t first, std::int64_t last) noexcept {
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
  return rows == 0 ? 1.0 : static_cast<double>(foreseen) / static_cast<double>(rows);
}

/// Are most rows as long as their neighbours, and have n entries where bit n of `lengths` is set?
/// As eight fours of rows tell: asking each row costs more where few are.
template <class O>
bool mostly_alike(const O* offsets, std::int64_t first, std::int64_t last,
                  std::uint32_t lengths) noexcept {
  constexpr std::int64_t samples = 8;
  std::int64_t alike = 0;
  for (std::int64_t s = 0; s < samples && last - first >= 4 * samples; ++s) {
    const O* const four = offsets + first + (last - first - 4) * s / samples;
    const O n = four[1] - four[0];
    const bool same = four[2] - four[1] == n && four[3] - four[2] == n && four[4] - four[3] == n;
    alike += same && n < 32 && (lengths >> n & 1U) != 0 ? 1 : 0;
  }
  return 2 * alike > samples;
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
