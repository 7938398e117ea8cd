// Whether whole tiles multiply a few columns faster than CSR.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "../core/isa.hpp"
#include "../core/numeric.hpp"
#include "../formats/views.hpp"
#include "cost_of_few_columns.hpp"
#include "row_of_tiles.hpp"

namespace tilebit::detail {

/// What decides between these tiles and CSR. O(tiles + rows).
template <class T, class I>
counted_rows count_rows(const bitmap_view<const T, I>& a) noexcept {
  counted_rows counted;
  counted.entries = a.nnz();
  counted.tiles = length(a.bitmaps());
  counted.cols = a.cols();
  for (std::int64_t tr = 0; tr < a.tile_rows(); ++tr) {
    std::array<std::int64_t, 4> lengths{};
    for (std::int64_t k = a.tile_row_offsets()[at(tr)]; k < a.tile_row_offsets()[at(tr) + 1]; ++k) {
      const unsigned bits = a.bitmaps()[at(k)];
      for (std::size_t r = 0; r < 4; ++r) lengths[r] += std::popcount(bits >> (4 * r) & 15U);
    }
    for (const std::int64_t n : lengths) counted.add_row(n);
  }
  return counted;
}

/// Are whole tiles faster than CSR for so few columns, of up to 32 bytes?
template <class T, class I>
bool tiles_pay(const bitmap_view<const T, I>& a, std::int64_t columns) noexcept {
  const isa level = active_isa();
  const double fill = kernels::stored_tile_rows<T, I>(a).fill();
  if (at(columns) * sizeof(T) > 32 || !keeps_tiles(fill, columns, sizeof(T), level)) return false;
  const counted_rows counted = count_rows(a);
  return tiles_times_few(counted, columns, sizeof(T), level) <
         csr_times_few(counted, columns, sizeof(T), level);
}

} // namespace tilebit::detail
