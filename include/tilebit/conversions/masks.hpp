// Rows of 16-bit and 8-bit types as masked rows (formats/masked.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "../core/numeric.hpp"
#include "../formats/csr.hpp"
#include "../formats/masked.hpp"

namespace tilebit::detail {

/// Rows of A, whose columns rise within a row. O(nnz + rows * pieces) time.
template <class T, class I, class O>
masked_arrays<T> masks_of(const csr_view<const T, I, O>& a) {
  using view = masked_view<T>;
  using bitmap = typename view::bitmap_type;
  masked_arrays<T> out;
  const std::int64_t bands = (a.rows() + view::height - 1) / view::height;
  const std::int64_t pieces = (a.cols() + view::width - 1) / view::width;
  out.elements.reserve(a.values().size());
  out.bitmaps.reserve(at(bands * pieces * view::height));
  out.element_offsets.reserve(at(bands + 1));
  for (std::int64_t b = 0; b < bands; ++b) {
    std::array<std::size_t, view::height> places;
    std::array<std::size_t, view::height> ends;
    for (std::size_t r = 0; r < places.size(); ++r) {
      const std::int64_t row = view::height * b + static_cast<std::int64_t>(r);
      places[r] = static_cast<std::size_t>(a.row_offsets()[at(std::min(row, a.rows()))]);
      ends[r] = static_cast<std::size_t>(a.row_offsets()[at(std::min(row + 1, a.rows()))]);
      if constexpr (std::is_same_v<T, std::int8_t>) {
        std::uint32_t sum = 0;
        for (std::size_t k = places[r]; k < ends[r]; ++k) {
          sum += static_cast<std::uint32_t>(a.values()[k]);
        }
        out.row_sums.push_back(static_cast<std::int32_t>(sum));
      }
    }
    for (std::int64_t c = 0; c < pieces; ++c) {
      for (std::size_t r = 0; r < places.size(); ++r) {
        bitmap bits = 0;
        for (; places[r] < ends[r]; ++places[r]) {
          const std::int64_t bit =
              static_cast<std::int64_t>(a.col_indices()[places[r]]) - view::width * c;
          if (bit >= view::width) break;
          bits |= bitmap{1} << bit;
          out.elements.push_back(a.values()[places[r]]);
        }
        out.bitmaps.push_back(bits);
      }
    }
    out.element_offsets.push_back(length(out.elements));
  }
  return out;
}

} // namespace tilebit::detail
