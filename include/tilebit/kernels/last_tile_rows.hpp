// The last tile rows of a bitmap matrix, for SpMV kernels that read sixteen elements from a tile's
// first one on: behind the last tiles there may be nothing to read.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "../core/config.hpp"
#include "../core/numeric.hpp"
#include "../core/shape.hpp"
#include "../formats/bitmap.hpp"
#include "reference.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// The last tiles of a matrix, which may not be added where they lie, copied: the fewest that have
/// 16 elements, or all. Each tile has an element at least, so that there is room.
template <class T>
struct last_tiles {
  T elements[48] = {};            ///< 31 at most, and those behind that are read with them
  std::uint16_t bitmaps[16] = {}; ///< 16 at most
  std::int64_t first_element;     ///< of the matrix, that is copied

  template <class I>
  last_tiles(const bitmap_view<const T, I>& a, std::int64_t first) noexcept {
    const auto tiles = a.bitmaps().subspan(at(first));
    const std::int64_t n = detail::count_bits(tiles);
    TILEBIT_ASSERT(tiles.size() <= 16 && n <= 31 && n <= a.nnz());
    first_element = a.nnz() - n;
    std::copy(tiles.begin(), tiles.end(), bitmaps);
    std::copy_n(a.elements().data() + first_element, n, elements);
  }
};

/// The kernel of tile rows that are added as they are.
template <class T, class I>
using tile_rows_kernel = void(const bitmap_view<const T, I>&, std::int64_t first, std::int64_t last,
                              const T* x, const vector_update<T>&) noexcept;

/// Tile rows [first, last), of which the tiles from to_add on are copied before they are added; all
/// end behind to_add.
/// Both parts of a row are matrices for the kernel, so that one function serves the kernels of all
/// instruction sets: programs compile what they run for an instant only once.
template <class T, class I>
void multiply_last_tile_rows(tile_rows_kernel<T, I>* kernel, const bitmap_view<const T, I>& a,
                             std::int64_t first, std::int64_t last, std::int64_t to_add, const T* x,
                             const vector_update<T>& out) noexcept {
  const last_tiles<T> copies(a, to_add);
  for (std::int64_t tr = first; tr < last; ++tr) {
    const std::int64_t rows = std::min<std::int64_t>(4, a.rows() - 4 * tr);
    const std::int64_t begin = a.tile_row_offsets()[at(tr)];
    const std::int64_t end = a.tile_row_offsets()[at(tr) + 1];
    const std::int64_t middle = std::clamp(to_add, begin, end);
    const std::int64_t first_element = a.element_offsets()[at(tr)];
    const std::int64_t end_element = a.element_offsets()[at(tr) + 1];
    const std::int64_t middle_element =
        std::clamp(copies.first_element, first_element, end_element);
    T sums[2][4] = {};
    const auto add = [&](const T* elements, std::int64_t nnz, const std::uint16_t* bitmaps,
                         std::int64_t k, std::int64_t n, T* to) {
      const std::int64_t tile_offsets[2] = {0, n};
      const std::int64_t element_offsets[2] = {0, nnz};
      const bitmap_view<const T, I> part(std::span(elements, at(nnz)), std::span(bitmaps, at(n)),
                                         a.tile_cols().subspan(at(k), at(n)), tile_offsets,
                                         element_offsets, shape(rows, a.cols()));
      kernel(part, 0, 1, x, {T{1}, T{}, nullptr, to});
    };
    if (begin < middle) {
      add(a.elements().data() + first_element, middle_element - first_element,
          a.bitmaps().data() + begin, begin, middle - begin, sums[0]);
    }
    if (middle < end) {
      add(copies.elements + (middle_element - copies.first_element), end_element - middle_element,
          copies.bitmaps + (middle - to_add), middle, end - middle, sums[1]);
    }
    for (std::int64_t i = 4 * tr, r = 0; r < rows; ++i, ++r) { // rounded as kernels do
      const T p = out.alpha * (sums[0][r] + sums[1][r]);
      out.z[i] = out.beta == T{} ? p : std::fma(out.beta, out.y[i], p);
    }
  }
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
