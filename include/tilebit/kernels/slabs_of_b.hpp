// Slabs of B: of each panel the rows that one slab of grouped rows (formats/grouped.hpp) reads,
// copied right before that.
//
// A copy of a whole panel of a wide matrix has left the second-level cache, for the third one, by
// the time that it is read. That of a slab has not, and the next one takes its place: 1.0 to 1.3
// times as fast on pruned layers of 512 to 4,608 columns (bench/run --spmm, Zen 4). But each step
// of rows of A copies B anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "../core/config.hpp"
#include "../formats/dense.hpp"
#include "../formats/optimized.hpp"
#include "panels.hpp"
#include "transposed_copy.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// B for slab_products.
template <class T, class Layout>
class slabs_of_b {
public:
  /// Copies have at most `most_rows` rows.
  slabs_of_b(const dense_view<const T, Layout>& b, std::span<const panel_range> panels,
             std::int64_t lanes, std::int64_t most_rows) noexcept
      : b_(b), panels_(panels), lanes_(lanes),
        of_thread_(panels.empty() ? 0 : most_rows * ld(panels.front())) {}

  /// One copy for each thread. Throws std::bad_alloc.
  void allocate(std::int64_t threads) { memory_ = work_array<T>(threads * of_thread_); }
  std::int64_t bytes_of_copy() const noexcept { return of_thread_ * std::int64_t{sizeof(T)}; }

  static constexpr bool copies_slabs = true;
  static constexpr bool aligns_vectors() noexcept { return true; }
  std::int64_t bytes() const noexcept { return b_.rows() * b_.cols() * std::int64_t{sizeof(T)}; }
  std::int64_t ld(const panel_range& p) const noexcept { return p.vectors * lanes_; }

  /// Copies some rows of panel p, and returns where row 0 would be: row k is at ld() * k, where
  /// only those rows may be read.
  const T* prepare_slab(std::size_t p, unit_range rows, std::int64_t thread) const noexcept {
    const panel_range& panel = panels_[p];
    T* const to = memory_.get() + thread * of_thread_;
    if constexpr (std::is_same_v<Layout, row_major>) {
      for (std::int64_t k = rows.first; k < rows.last; ++k) {
        fetch_ahead(b_, k, 16, panel.first, panel.width); // of the next slab, too
        align_vectors(b_.data() + k * b_.ld() + panel.first, panel, lanes_,
                      to + (k - rows.first) * ld(panel));
      }
    } else {
      transposed_copy(b_.data() + panel.first * b_.ld() + rows.first, b_.ld(),
                      rows.last - rows.first, panel.width, to, ld(panel));
      align_rows(to, rows.last - rows.first, panel, lanes_);
    }
    const auto before = static_cast<std::uintptr_t>(rows.first * ld(panel)) * sizeof(T);
    return reinterpret_cast<const T*>(reinterpret_cast<std::uintptr_t>(to) - before);
  }

private:
  dense_view<const T, Layout> b_;
  std::span<const panel_range> panels_;
  std::int64_t lanes_;
  std::int64_t of_thread_; ///< elements
  work_array<T> memory_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
