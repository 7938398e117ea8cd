// Products of 16-bit and 8-bit matrices that add into their result in no order of rows (COO, and
// the transpose of any format): summed on the side in float or in 32 bits, so that each element is
// rounded once.
//
// One thread does it all; results do not depend on the policy.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../core/config.hpp"
#include "../core/numeric.hpp"
#include "../formats/dense.hpp"
#include "../formats/views.hpp"
#include "blocks.hpp"
#include "reference.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Calls f(to, from, value) for all entries: to is the row of the product, from that of the
/// operand.
template <bool Transposed, class View, class F>
void for_each_term(const View& a, F&& f) {
  for_each_part(a, [&](const auto& part, std::span<const unit_range> bands) {
    for (const unit_range& band : bands) {
      for_each_entry<false>(part, band.first, band.last,
                            [&](std::int64_t i, std::int64_t j, const auto& v) {
                              f(Transposed ? j : i, Transposed ? i : j, v);
                            });
    }
  });
}

/// sums += op(A) x.
template <bool Transposed, class View, class T>
void spmv_apart(const View& a, const T* x, accumulator_t<T>* sums) noexcept {
  for_each_term<Transposed>(a, [&](std::int64_t i, std::int64_t j, const T& v) {
    sums[i] = detail::multiply_add<T>(sums[i], v, x[j]);
  });
}

/// C = epilogue(alpha op(A) B + beta C0), 32 columns at a time. Allocates 4 bytes for each
/// element of these before C is written.
template <bool Transposed, class View, class T, class LayoutB, class Update>
void spmm_apart(const View& a, const dense_view<const T, LayoutB>& b, const Update& out) {
  const std::int64_t rows = out.c.rows();
  const std::int64_t cols = out.c.cols();
  std::vector<accumulator_t<T>> sums(at(rows) * at(std::min(cols, panel_width)));
  for (std::int64_t j0 = 0; j0 < cols; j0 += panel_width) {
    const std::int64_t width = std::min(cols - j0, panel_width);
    std::fill(sums.begin(), sums.end(), accumulator_t<T>{});
    for_each_term<Transposed>(a, [&](std::int64_t i, std::int64_t k, const T& v) {
      add_scaled_row(sums.data() + i * width, v,
                     b.data() + k * b.row_stride() + j0 * b.col_stride(), b.col_stride(), width);
    });
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t p = 0; p < width; ++p) out.store(i, j0 + p, sums[at(i * width + p)]);
    }
  }
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
