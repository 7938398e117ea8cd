// Roads of SpMM: rows by panels, tile rows band by band.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/isa.hpp"
#include "../formats/optimized.hpp"
#include "bands.hpp"
#include "dispatch.hpp"
#include "panel_products.hpp"
#include "panels.hpp"
#include "parallel.hpp"
#include "slab_products.hpp"
#include "slabs_of_b.hpp"
#include "tiled_panels.hpp"
#include "transposed_products.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

inline constexpr std::int64_t most_single = 4; ///< columns that SpMV kernels multiply one by one

/// As most_single, for float and double: one where kernels take several columns at once, a few more
/// where rows of A have to be made for those first.
template <class View>
std::int64_t most_by_columns([[maybe_unused]] const View& a, bool transposed) noexcept {
  if constexpr (
      requires { a.tile_cols(); } || requires { a.row_offsets(); }) {
    return transposed ? most_single : 1;
  } else if constexpr (requires { a.sliced(); }) {
    return 8;
  } else {
    return 6;
  }
}

/// The instruction set whose kernels take so many columns: a row of B that fills up to half of an
/// AVX-512 register is loaded into a register of AVX2, which lies on one cache line, and of which
/// three are loaded in the time of two.
template <class T>
isa level_for_columns(isa level, std::int64_t columns) noexcept {
  constexpr std::int64_t half = 32 / std::int64_t{sizeof(T)};
  return columns <= half ? std::min(level, isa::avx2) : level;
}

/// The kernels of an instruction set for a view type, or none.
template <class View>
const auto* panel_kernels(isa level) noexcept {
  const spmm_kernels<View, typename View::scalar_type>* found = nullptr;
  for (const auto& row : spmm_table<View>::rows) {
    if (found == nullptr && row.level <= level) found = row.function;
  }
  return found;
}

/// The same for products with the transpose.
template <class View>
const auto& transposed_kernels_of(isa level) noexcept {
  const auto& rows = spmm_transposed_table<View>::rows;
  return *std::ranges::find_if(rows, [&](const auto& row) { return row.level <= level; })->function;
}

/// The kernels for a matrix: those for pairs of rows, where it is grouped so and there are any.
template <class View>
const auto& kernels_for([[maybe_unused]] const View& a, isa level) noexcept {
#if TILEBIT_X86
  if constexpr (requires { a.in_pairs(); }) {
    using T = typename View::scalar_type;
#ifndef TILEBIT_DISABLE_AVX512
    if (a.in_pairs() && level >= isa::avx512) return pairs_avx512<View, T>;
#endif
    if (a.in_pairs() && level == isa::avx2) return pairs_avx2<View, T>;
  }
#endif
  return *panel_kernels<View>(level);
}

/// Do kernels of CSR put rows of B side by side in a register? Where four or more fit: with two to
/// four floats that is 1.2 to 2.3 times as fast as one by one, with two doubles 1.1 to 1.4 times
/// (Granite Rapids; 1.5 to 2.2 and 1.3 times as fast as columns one by one on Zen 4).
template <class T>
bool side_by_side(isa level, std::int64_t columns) noexcept {
  return level >= (detail::slow_gathers() ? isa::avx512_bf16 : isa::avx512) && columns > 1 &&
         columns <= 16 / std::int64_t{sizeof(T)};
}

/// The kernels for a matrix and so many columns of B.
template <class View>
const auto& kernels_for(const View& a, isa level, std::int64_t columns) noexcept {
  using T = typename View::scalar_type;
#if TILEBIT_X86 && !defined(TILEBIT_DISABLE_AVX512)
  if constexpr (requires { a.row_offsets(); }) {
    if (side_by_side<T>(level, columns)) {
      const bool loads = detail::slow_gathers();
      if constexpr (sizeof(T) == 4) {
        if (columns == 2) {
          return loads ? side_by_side_loads<View, T, 8> : side_by_side_avx512<View, T, 8>;
        }
      }
      return loads ? side_by_side_loads<View, T, 16> : side_by_side_avx512<View, T, 16>;
    }
  }
#endif
  return kernels_for(a, level_for_columns<T>(level, columns));
}

/// How often a row of B is loaded on average.
template <class View>
double uses_of_b(const View& a) noexcept {
  return static_cast<double>(loads_of_b(a)) / static_cast<double>(a.cols());
}
/// How many columns of tiles have entries, expected where those lie at random.
inline double columns_of_tiles(double tiles, double entries) noexcept {
  return 4 * tiles * (1.0 - std::pow(1.0 - entries / (16 * tiles), 4));
}
/// Once for each column of a tile: where chunks load a row again, it is in the first-level cache.
template <class T, class I>
double uses_of_b(const bitmap_view<T, I>& a) noexcept {
  return columns_of_tiles(static_cast<double>(a.bitmaps().size()), static_cast<double>(a.nnz())) /
         static_cast<double>(a.cols());
}

/// Do rows of A that follow each other load the same 256 rows of B? (Rows of tiles load 64 groups.)
template <class View>
bool reuses_loads(const View& a) noexcept {
  constexpr std::size_t places = requires { a.tile_cols(); } ? 64 : 256;
  return share_of_recent_rows<places>(a) > 0.7;
}

/// How often rows of B are loaded that a copy would bring nearer. On processors with fast gathers
/// (Granite Rapids), whose second-level caches are large, none of those that rows of A in meshes
/// share, unless they are loaded many times: read in place they are 1.1 to 1.4 times as fast.
template <class T, class Layout, class View>
double uses_brought_nearer(const View& a, const dense_view<const T, Layout>& b,
                           std::span<const panel_range> panels, std::int64_t lanes) noexcept {
  const double uses = uses_of_b(a);
  const bool in_place = uses < 25 && !detail::slow_gathers() &&
                        panels_of_b<T, Layout>::worth_copying(b, panels, lanes, uses) &&
                        reuses_loads(a);
  return in_place ? 0 : uses;
}

/// Bytes of copies of B at a time: as many as a second-level cache keeps, unless C goes to memory,
/// which long pieces of rows do faster (1.05 to 1.28 times for 33,288 rows, Zen 4), and the
/// rows of a step load B often enough to repay that it comes from the third level.
template <class View>
std::int64_t chunk_bytes_for(const View& a, std::int64_t bytes_of_c) noexcept {
  const std::int64_t step = std::min(units_of_step(a), units(a));
  const double of_step = uses_of_b(a) * static_cast<double>(step) / static_cast<double>(units(a));
  return bytes_of_c > 2 * detail::far_bytes && of_step >= 8 ? large_chunk : small_chunk;
}

/// Does it pay that all panels but two begin on cache lines of C? It does for many panels where C
/// goes past the caches, as whole lines do, unless rows of B are read in place and begin on lines
/// without. With vectors that begin 16 bytes behind a line, as large std::vectors do, 512 and 1,024
/// columns are 1.05 and 1.12 times as fast in float, 1.12 and 1.2 times in double (geometric means
/// over seven matrices, 0.94 to 1.9, Zen 4).
template <class T, class Layout, class Update>
bool lines_pay(const dense_view<const T, Layout>& b, std::span<const panel_range> panels,
               std::int64_t lanes, double uses, const Update& out) noexcept {
  const std::int64_t bytes_of_b = b.rows() * b.cols() * std::int64_t{sizeof(T)};
  if (!panel_sink<T, Update>(out, lanes, bytes_of_b).streams()) return false;
  if constexpr (std::is_same_v<Layout, row_major>) {
    if (!panels_of_b<T, Layout>::worth_copying(b, panels, lanes, uses)) {
      return panels.size() >= 4 && bytes_before_lines(b) != 0;
    }
  }
  return panels.size() >= 8;
}

/// Panels of B and C for such kernels, and how often rows of B are loaded that a copy would bring
/// nearer.
template <class T, class View, class Layout, class Kernels, class Update>
std::pair<std::vector<panel_range>, double>
panels_and_uses(const View& a, const dense_view<const T, Layout>& b, const Kernels& kernels,
                const Update& out) {
  const std::int64_t lanes = kernels.lanes;
  auto panels = cut_panels(b.cols(), lanes, kernels.widest, panel_ends::overlapping);
  const double uses = uses_brought_nearer<T>(a, b, panels, lanes);
  if constexpr (std::is_same_v<typename decltype(Update::c)::layout_type, row_major>) {
    const std::uintptr_t before = bytes_before_lines(out.c);
    if (before % 64 != 0 && before % sizeof(T) == 0 && kernels.widest == 4 &&
        b.cols() % (4 * lanes) == 0 && lines_pay<T>(b, panels, lanes, uses, out)) {
      constexpr std::int64_t line = 64 / std::int64_t{sizeof(T)};
      const auto of_before = static_cast<std::int64_t>(before / sizeof(T));
      const std::int64_t lines = (least_width(4, lanes) - of_before + line - 1) / line;
      panels = cut_full_panels(b.cols(), lanes, 4, of_before + lines * line, line);
    }
  }
  return {std::move(panels), uses};
}

/// Rows of A whose sums of several slabs are staged together.
inline constexpr std::int64_t slab_step = 512;

/// C = epilogue(alpha A B + beta C0) for CSR and grouped rows, all at once.
template <class View, class Panels, class Update>
void run_spmm_by_panels(const execution_policy& policy,
                        const spmm_kernels<View, typename View::scalar_type>& kernels,
                        const View& a, std::span<const panel_range> panels, Panels& bs,
                        const Update& out,
                        const accumulator_t<typename View::scalar_type>* corrections = nullptr) {
  if constexpr (requires { a.slabs(); }) {
    if (a.slabs() > 1) {
      slab_products<View, Panels, Update> products(policy, kernels, panels, bs, out, slab_step);
      return for_each_chunk(policy, panels, bs, [&](std::size_t first, std::size_t last) {
        products.run(a, first, last, corrections);
      });
    }
  }
  panel_products<View, Panels, Update> products(policy, kernels, panels, bs, out);
  for_each_chunk(policy, panels, bs, [&](std::size_t first, std::size_t last) {
    products.run(a, 0, first, last, corrections);
  });
}

/// The same for several slabs that are copied one by one for each step of rows. False where that is
/// not repaid: where copies do not stay in half of a second-level cache, or the rows of a step load
/// a row of B less than 16 times.
///
/// Steps load a row of B a hundred times if they can, within 512 to 2,048 rows: with more their
/// sums leave the second-level cache, with less they pay for copies (bench/run --spmm: 256 rows are
/// 2 to 8% slower; from 512 on most layers do not care, and visium_counts, whose rows of B are
/// loaded rarely, gains 10% with each doubling). With several threads there are four tasks for
/// each.
///
/// Nor are they where panels of AVX2 take two lines of each row of B, and rows are on many pages:
/// copies of several panels at a time read it in longer pieces. (Layers and meshes, 13 matrices,
/// Zen 3: rows of 2 to 8 KB are 1.09 to 1.16 times as fast so, those of 512 bytes 0.97 and 1.0.)
template <class View, class T, class LayoutB, class Update>
bool run_spmm_by_copied_slabs(const execution_policy& policy, const spmm_kernels<View, T>& kernels,
                              const View& a, const dense_view<const T, LayoutB>& b,
                              std::span<const panel_range> panels, const Update& out) {
  constexpr std::int64_t size = sizeof(T);
  if (std::is_same_v<LayoutB, row_major> && kernels.lanes * kernels.widest * size <= 128 &&
      b.ld() * size >= 2048) {
    return false;
  }
  const double uses = uses_of_b(a);
  const double of_row = uses / static_cast<double>(a.rows());
  const double for_copies = std::clamp(96 / of_row, static_cast<double>(slab_step), 2048.0);
  const std::int64_t threads = thread_count(policy);
  auto step = static_cast<std::int64_t>(for_copies);
  if (threads > 1) { // tasks for all of them
    const std::int64_t share = a.rows() * detail::length(panels) / (4 * threads);
    step = std::min(step, std::max<std::int64_t>(64, share));
  }
  const double of_step = of_row * static_cast<double>(std::min(step, a.rows()));
  slabs_of_b<T, LayoutB> bs(b, panels, kernels.lanes, a.first_column(1));
  if (bs.bytes_of_copy() > small_chunk || of_step < 16 ||
      !panels_of_b<T, LayoutB>::worth_copying(b, panels, kernels.lanes, uses)) {
    return false;
  }
  bs.allocate(threads);
  slab_products<View, slabs_of_b<T, LayoutB>, Update> products(policy, kernels, panels, bs, out,
                                                               step / 16 * 16);
  products.run(a, 0, panels.size());
  return true;
}

/// The same for numbers that need no packing.
template <class View, class T, class LayoutB, class Update>
void run_spmm_by_panels(const execution_policy& policy, const View& a,
                        const dense_view<const T, LayoutB>& b, const Update& out, isa level) {
  const auto& kernels = kernels_for(a, level, b.cols());
  const auto [panels, uses] = panels_and_uses<T>(a, b, kernels, out);
  if constexpr (requires { a.slabs(); }) {
    if (a.slabs() > 1 && run_spmm_by_copied_slabs(policy, kernels, a, b, panels, out)) return;
  }
  const std::int64_t bytes_of_c = out.c.rows() * out.c.cols() * std::int64_t{sizeof(T)};
  panels_of_b<T, LayoutB> bs(b, panels, kernels.lanes, uses, chunk_bytes_for(a, bytes_of_c),
                             panel_ends::overlapping);
  run_spmm_by_panels(policy, kernels, a, std::span<const panel_range>(panels), bs, out);
}

/// The same for matrices of tiles, whose tile rows become rows of another form band by band.
template <class Bands, class Source, class Kernels, class Panels, class Update>
void run_spmm_by_bands(const execution_policy& policy, const Kernels& kernels, const Source& from,
                       std::span<const panel_range> panels, Panels& bs, const Update& out) {
  using View = typename Bands::view_type;
  const auto& a = from.matrix();
  Bands bands(policy, from, band_sizes(a));
  panel_products<View, Panels, Update> products(policy, kernels, panels, bs, out);
  const bool one_band = is_one_band(a);
  View view;
  for_each_chunk(policy, panels, bs, [&](std::size_t first, std::size_t last) {
    for (unit_range band{0, 0}; band.first < a.tile_rows(); band.first = band.last) {
      band.last = end_of_band(a, band.first);
      if (first == 0 || !one_band) view = bands.make(policy, band);
      products.run(view, 4 * band.first, first, last, from.corrections(band.first));
    }
  });
}

/// What sorting columns by pattern saves over chunks, per tile: the more, the more panels profit,
/// the more entries there are, and the more others each of them shares its load of B with. Full
/// tiles need no sorting, nearly full ones nearly none.
constexpr double gain_of_grouping(double fill, std::int64_t panels) noexcept {
  return detail::nearly_full(fill) ? std::numeric_limits<double>::infinity()
                                   : static_cast<double>(panels) * fill * fill;
}
/// The gain that repays the sorting (bench/run --spmm, Zen 4, AVX-512, float and double). None does
/// with AVX2, where rows that share loads keep half as many columns as others: even sorted for
/// pairs of rows products have 0.45 to 0.94 of the speed with 32 to 256 columns, and 0.95 to 1.02
/// with 1,024 (geometric means of 15 matrices, Zen 3).
constexpr double least_gain(isa level) noexcept {
  return level >= isa::avx512 ? 340 : std::numeric_limits<double>::infinity();
}
/// Are tile rows of a matrix with so many columns sorted, for so many panels?
constexpr bool sorts_tiles(double fill, std::int64_t panels, std::int64_t cols,
                           isa level) noexcept {
  return gain_of_grouping(fill, panels) >= least_gain(level) || cols > chunk_entry::most_cols;
}

/// Calls f(bands, kernels) for tile rows by grouping or by chunks, whichever multiplies so many
/// columns faster in all; the first argument names the type.
template <class Source, class F>
void with_bands(const Source& from, std::int64_t columns, isa level, F&& f) {
  using T = typename Source::scalar_type;
  using grouped = grouped_view<const T, typename Source::index_type>;
  const auto& chunks = *panel_kernels<row_chunks_view<T>>(level);
  const std::int64_t panel = chunks.lanes * chunks.widest;
  if (sorts_tiles(from.fill(), (columns + panel - 1) / panel, from.cols(), level)) {
    f(std::type_identity<grouped_bands<Source>>(), *panel_kernels<grouped>(level));
  } else {
    f(std::type_identity<chunked_bands<Source>>(), chunks);
  }
}

/// C = epilogue(alpha A B + beta C0) by such bands, for numbers that need no packing.
template <class Source, class T, class LayoutB, class Update>
void run_spmm_by_tile_rows(const execution_policy& policy, const Source& from,
                           const dense_view<const T, LayoutB>& b, const Update& out, isa level) {
  const auto run = [&]<class Bands>(std::type_identity<Bands>, const auto& kernels) {
    const auto [panels, uses] = panels_and_uses<T>(from.matrix(), b, kernels, out);
    panels_of_b<T, LayoutB> bs(b, panels, kernels.lanes, uses,
                               is_one_band(from.matrix()) ? small_chunk : large_chunk,
                               panel_ends::overlapping);
    run_spmm_by_bands<Bands>(policy, kernels, from, std::span<const panel_range>(panels), bs, out);
  };
  with_bands(from, b.cols(), level_for_columns<T>(level, b.cols()), run);
}

/// The kernels for whole tiles and few columns at a level with SIMD.
template <class T, class I>
const auto& tiles_by_columns(isa level) noexcept {
  return *select(tiles_by_columns_table<T, I>::rows, level).function;
}

/// C = epilogue(alpha A B + beta C0) for tiles that stay whole.
template <class T, class I, class LayoutB, class Update>
void run_spmm_by_whole_tiles(const execution_policy& policy,
                             const spmm_kernels<bitmap_view<const T, I>, T>& kernels,
                             const bitmap_view<const T, I>& a,
                             const dense_view<const T, LayoutB>& b, const Update& out) {
  const auto panels = cut_panels(b.cols(), kernels.lanes, kernels.widest, panel_ends::overlapping);
  tiled_panels<T, LayoutB> bs(b, panels, kernels.lanes);
  run_spmm_by_panels(policy, kernels, a, std::span<const panel_range>(panels), bs, out);
}

#if TILEBIT_X86
/// The same with AVX2 for entries one by one, of a matrix of at most 2^30 columns.
template <class T, class I, class LayoutB, class Update>
void run_spmm_by_entries(const execution_policy& policy, const bitmap_view<const T, I>& a,
                         const dense_view<const T, LayoutB>& b, const Update& out) {
  const auto& kernels = entries_avx2<bitmap_view<const T, I>, T>;
  const auto [panels, uses] = panels_and_uses<T>(a, b, kernels, out);
  panels_of_b<T, LayoutB> bs(b, panels, kernels.lanes, uses, small_chunk, panel_ends::overlapping);
  run_spmm_by_panels(policy, kernels, a, std::span<const panel_range>(panels), bs, out);
}
#endif

/// Is a copy of A^T in CSR, made in the call, repaid by stores that it saves? They weigh the more,
/// the more bytes a row of B has: from `least` on, earlier where a panel of sums does not stay in
/// the caches, and never where it does and a panel of B does not.
inline bool worth_transposing(const shape& s, std::int64_t row_bytes, std::int64_t least) noexcept {
  constexpr std::int64_t panel = 256; // bytes of a row
  const std::int64_t sums = panel * s.cols();
  if (sums <= std::int64_t{1} << 20 && panel * s.rows() > std::int64_t{4} << 20) return false;
  return row_bytes >= (sums > std::int64_t{4} << 20 ? 512 : least);
}

/// `least` where each entry is stored for itself, where rows of four share what they read, and
/// where entries of a column share a store (bench/run --spmm --transposed).
inline constexpr std::int64_t least_of_rows = 512;
inline constexpr std::int64_t least_of_blocks = 2048;
inline constexpr std::int64_t never_transposed = std::numeric_limits<std::int64_t>::max();

/// The same for grouped rows: a third of the entries has to share stores.
template <class T, class I>
std::int64_t least_of(const grouped_view<T, I>& a) noexcept {
  return 2 * a.nnz() >= 3 * detail::length(a.col_indices()) ? never_transposed : least_of_blocks;
}

/// least_gain of products with the transpose, where entries of a column share a load and a store,
/// and the gain from which so many do that no copy is faster.
inline constexpr double least_gain_transposed = 50;
inline constexpr double gain_without_copy = 200;

/// Bytes of the sums of panels, and of copies of B, that products with the transpose take at a
/// time.
inline constexpr std::int64_t chunk_of_sums = std::int64_t{1} << 20;

/// C = epilogue(alpha A^T B + beta C0) for CSR and grouped rows.
template <class View, class T, class LayoutB, class Update>
void run_transposed_by_rows(const execution_policy& policy, const View& a,
                            const dense_view<const T, LayoutB>& b, const Update& out, isa level) {
  const auto& kernels = transposed_kernels_of<View>(level);
  const auto panels = cut_panels_for(policy, b.cols(), kernels.lanes, kernels.widest);
  panels_of_b<T, LayoutB> bs(b, panels, kernels.lanes, rows_read_once, chunk_of_sums,
                             panel_ends::apart);
  transposed_products<View, decltype(bs), Update> products(policy, kernels, panels, bs, out,
                                                           chunk_of_sums);
  products.run([&](auto&& add) { add(a, a.rows(), 0); });
}

/// The same for matrices of tiles, band by band.
template <template <class> class Form, class Source, class T, class LayoutB, class Update>
void run_transposed_by_bands(const execution_policy& policy, const Source& from,
                             const dense_view<const T, LayoutB>& b, const Update& out, isa level) {
  using View = typename Form<Source>::view_type;
  const auto& a = from.matrix();
  const auto& kernels = transposed_kernels_of<View>(level);
  const auto panels = cut_panels_for(policy, b.cols(), kernels.lanes, kernels.widest);
  const bool one_band = is_one_band(a);
  const std::int64_t chunk_bytes = one_band ? chunk_of_sums : large_chunk;
  panels_of_b<T, LayoutB> bs(b, panels, kernels.lanes, rows_read_once, chunk_bytes,
                             panel_ends::apart);
  Form<Source> bands(policy, from, band_sizes(a));
  transposed_products<View, decltype(bs), Update> products(policy, kernels, panels, bs, out,
                                                           chunk_bytes);
  View view;
  bool made = false;
  products.run([&](auto&& add) {
    for (unit_range band{0, 0}; band.first < a.tile_rows(); band.first = band.last) {
      band.last = end_of_band(a, band.first);
      if (!made || !one_band) view = bands.make(policy, band);
      made = true;
      add(view, std::min(4 * band.last, a.rows()) - 4 * band.first, 4 * band.first);
    }
  });
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
