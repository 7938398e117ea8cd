// Few columns of B for products that multiply whole tiles (spmm_tiles.inc.hpp): in blocks of four
// rows, one for each tile column, the columns of a panel one after the other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/shape.hpp"
#include "../formats/dense.hpp"
#include "panels.hpp"
#include "parallel.hpp"
#include "transposed_copy.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// B for panel_products: element (4 k + r, j) of panel p is at data(p)[(k ld() + j) 4 + r]. Columns
/// that fill up a panel, and rows that fill up the last block, are 0.
template <class T, class Layout>
class tiled_panels {
public:
  /// Throws std::bad_alloc.
  tiled_panels(const dense_view<const T, Layout>& b, std::span<const panel_range> panels,
               std::int64_t lanes)
      : b_(b), panels_(panels), lanes_(lanes), blocks_(detail::tiles_along(b.rows())) {
    std::int64_t columns = 0;
    for (const panel_range& panel : panels) columns += ld(panel);
    memory_ = work_array<T>(4 * blocks_ * columns);
  }

  static constexpr bool in_place = false; ///< rows of B never are where B has them
  std::size_t end_of_chunk(std::size_t) const noexcept { return panels_.size(); }

  void prepare(const execution_policy& policy, std::size_t first, std::size_t last) noexcept {
    const auto slices = static_cast<int>(std::clamp<std::int64_t>(blocks_ / 64, 1, 256));
    for_each_task(policy, slices, [&](int slice) {
      const std::int64_t begin = blocks_ * slice / slices;
      const std::int64_t end = blocks_ * (slice + 1) / slices;
      for (std::size_t p = first; p < last; ++p) {
        const panel_range& panel = panels_[p];
        for (std::int64_t k = begin; k < end; ++k) fill(k, panel, to(p) + 4 * ld(panel) * k);
      }
    });
  }

  static constexpr bool aligns_vectors() noexcept { return false; }
  std::int64_t bytes() const noexcept { return b_.rows() * b_.cols() * std::int64_t{sizeof(T)}; }
  const T* data(std::size_t p) const noexcept { return to(p); }
  std::int64_t ld(const panel_range& p) const noexcept { return p.vectors * lanes_; }

private:
  T* to(std::size_t p) const noexcept { // all panels before the last one are as wide as the first
    return memory_.get() + 4 * blocks_ * ld(panels_.front()) * static_cast<std::int64_t>(p);
  }

  /// Block k of a panel.
  void fill(std::int64_t k, const panel_range& panel, T* to) const noexcept {
    const std::int64_t rows = std::min<std::int64_t>(4, b_.rows() - 4 * k);
    if (rows < 4 || panel.width < ld(panel)) std::fill_n(to, 4 * ld(panel), T{});
    const T* const from = &b_(4 * k, panel.first);
    if constexpr (std::is_same_v<Layout, row_major>) {
      transpose_squares(from, b_.ld(), panel.width, rows, to, 4);
    } else {
      for (std::int64_t j = 0; j < panel.width; ++j) {
        std::copy_n(from + j * b_.ld(), rows, to + 4 * j);
      }
    }
  }

  dense_view<const T, Layout> b_;
  std::span<const panel_range> panels_;
  std::int64_t lanes_;
  std::int64_t blocks_;
  work_array<T> memory_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
