// Rows of 16-bit and 8-bit types as masked rows (formats/masked.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "../core/numeric.hpp"
#include "../formats/csr.hpp"
#include "../formats/masked.hpp"
#include "row_places.hpp"

namespace tilebit::detail {

/// Rows of A, whose columns rise within a row. O(nnz + rows * pieces) time.
template <class T, class I, class O>
masked_arrays<T> masks_of(const csr_view<const T, I, O>& a) {
  using view = masked_view<T>;
  using bitmap = typename view::bitmap_type;
  masked_arrays<T> out;
  const std::int64_t bands = (a.rows() + view::height - 1) / view::height;
  const std::int64_t pieces = out.view(shape(a.rows(), a.cols())).pieces();
  out.elements.reserve(a.values().size());
  out.bitmaps.reserve(at(bands * pieces * view::height));
  out.element_offsets.reserve(at(bands + 1));
  for (std::int64_t b = 0; b < bands; ++b) {
    row_places places = places_of(a, view::height * b);
    const row_places ends = places_of(a, view::height * b + 1);
    if constexpr (std::is_same_v<T, std::int8_t>) append_row_sums(a, places, ends, out.row_sums);
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
