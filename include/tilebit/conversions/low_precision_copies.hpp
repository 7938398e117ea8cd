// The copies of low-precision matrices that products read: packed, windowed or masked rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>

#include "../convert.hpp"
#include "../core/config.hpp"
#include "../core/isa.hpp"
#include "../core/numeric.hpp"
#include "../formats/optimized.hpp"
#include "../formats/views.hpp"
#include "../kernels/cost_model.hpp"
#include "../kernels/dispatch_low_precision.hpp"
#include "../kernels/low_precision_roads.hpp"
#include "../kernels/repacked_rows.hpp"
#include "grouped_rows.hpp"
#include "masks.hpp"
#include "windows.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// The packed copy of a matrix of tiles, or nothing where the level in force has no use for it.
template <class View>
auto packed_rows_of(const View& a, std::int64_t columns) {
  using T = typename View::scalar_type;
  using I = typename View::index_type;
  using P = detail::packed_t<T>;
  detail::packed_arrays<T, I> out;
  if (panel_kernels<grouped_view<const P, I>>(active_isa()) == nullptr) return out;
  const repacked_tile_rows<P, View> from(seq, a);
  out.rows = grouped_rows_of(from, columns);
  const auto* const corrections = from.corrections(0);
  if (corrections != nullptr) out.corrections = {corrections, corrections + 4 * a.tile_rows()};
  return out;
}

/// The copy of a matrix of tiles for products with a vector, windowed or masked, or nothing where
/// the level in force has no kernels for either, or tiles are as fast because most are not there.
/// From memory the bytes count as well, of which masked rows have fewer. Throws std::bad_alloc.
/// O(nnz + pieces of rows) time, and that of building windows where they may pay.
template <class T, class I>
detail::packed_arrays<T, I> rows_for_vectors(const bitmap_view<const T, I>& a) {
  detail::packed_arrays<T, I> out;
  if constexpr (detail::has_windows_v<T>) {
    if (windowed_table<T>::rows.empty() || active_isa() < isa::avx512_bf16) return out;
    const bool in_microcode = detail::slow_gathers();
    using view = windowed_view<T>;
    using masked = masked_view<T>;
    const auto pieces = [](std::int64_t n, std::int64_t size) {
      return static_cast<double>((n + size - 1) / size);
    };
    const double windows = pieces(a.rows(), view::height) * pieces(a.cols(), view::width);
    const double by_tiles = detail::cost_of_expanding<T>(
        static_cast<double>(detail::length(a.bitmaps())), in_microcode);
    const double by_masks = detail::cost_of_masks(pieces(a.rows(), masked::height) *
                                                  masked::height * pieces(a.cols(), masked::width));
    const double most = std::min(by_tiles, 0.9 * by_masks);
    const auto by_windows = [&](double steps, int position_bits) {
      return detail::cost_of_windows(windows, steps, position_bits, in_microcode);
    };
    if (by_windows(0, 8) > most && by_masks >= by_tiles) return out;
    const auto rows = to_csr(a);
    constexpr auto of_step = static_cast<double>(view::height * view::depth); // entries, zeros too
    const double least_steps = static_cast<double>(a.nnz()) / of_step;
    if (by_windows(least_steps, detail::bits_of_positions(rows.view())) <= most) {
      out.windowed = detail::windows_of(rows.view());
      const auto steps = static_cast<double>(out.windowed.step_offsets.back());
      if (by_windows(steps, out.windowed.position_bits) <= most) return out;
      out.windowed = {};
    }
    if (by_masks < by_tiles) out.masked = detail::masks_of(rows.view());
  }
  return out;
}

/// The copy of a matrix of tiles for products with dense matrices: masked rows where a matrix unit
/// multiplies them, else packed entries, or nothing where the level in force has no use for them.
/// Throws as packed_rows_of. O(nnz + pieces of rows) time.
template <class T, class I>
detail::packed_arrays<T, I> rows_for_matrices(const bitmap_view<const T, I>& a,
                                              std::int64_t columns) {
  if constexpr (detail::has_windows_v<T>) {
    if (tile_unit_pays(a, most_dots, active_isa())) {
      detail::packed_arrays<T, I> out;
      const auto rows = to_csr(a);
      out.masked = detail::masks_of(rows.view());
      return out;
    }
  }
  return packed_rows_of(a, columns);
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
