// Sixteen rows of CSR side by side: what makes windowed and masked rows of them has in common.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "../core/numeric.hpp"
#include "../formats/csr.hpp"

namespace tilebit::detail {

/// For sixteen rows, where each of them is: the entry after those that have been taken.
using row_places = std::array<std::size_t, 16>;

/// Where the rows of a block from `first` on begin; those behind the matrix are empty.
template <class T, class I, class O>
row_places places_of(const csr_view<const T, I, O>& a, std::int64_t first) noexcept {
  row_places places;
  for (std::size_t r = 0; r < places.size(); ++r) {
    const std::int64_t row = std::min(first + static_cast<std::int64_t>(r), a.rows());
    places[r] = static_cast<std::size_t>(a.row_offsets()[at(row)]);
  }
  return places;
}

/// Appends the sums of the values of rows from `places` to `ends`, modulo 2^32.
template <class T, class I, class O>
void append_row_sums(const csr_view<const T, I, O>& a, const row_places& places,
                     const row_places& ends, array_of<std::int32_t>& sums) {
  for (std::size_t r = 0; r < places.size(); ++r) {
    std::uint32_t sum = 0;
    for (std::size_t k = places[r]; k < ends[r]; ++k) {
      sum += static_cast<std::uint32_t>(a.values()[k]);
    }
    sums.push_back(static_cast<std::int32_t>(sum));
  }
}

} // namespace tilebit::detail
