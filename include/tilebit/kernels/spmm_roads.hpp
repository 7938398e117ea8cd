// Roads of SpMM: rows by panels, tile rows band by band.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/isa.hpp"
#include "../formats/optimized.hpp"
#include "bands.hpp"
#include "dispatch.hpp"
#include "panel_products.hpp"
#include "panels.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// The kernels of an instruction set for a view type, or none.
template <class View>
const auto* panel_kernels(isa level) noexcept {
  const spmm_kernels<View, typename View::scalar_type>* found = nullptr;
  for (const auto& row : spmm_table<View>::rows) {
    if (found == nullptr && row.level <= level) found = row.function;
  }
  return found;
}

/// Average number of entries in a column of A.
template <class View>
double uses_of_b(const View& a) noexcept {
  return static_cast<double>(a.nnz()) / static_cast<double>(std::max<std::int64_t>(a.cols(), 1));
}

/// C = epilogue(alpha A B + beta C0) for CSR and grouped rows, all at once.
template <class View, class Panels, class Update>
void run_spmm_by_panels(const execution_policy& policy,
                        const spmm_kernels<View, typename View::scalar_type>& kernels,
                        const View& a, std::span<const panel_range> panels, Panels& bs,
                        const Update& out,
                        const accumulator_t<typename View::scalar_type>* corrections = nullptr) {
  bool slabs = false;
  if constexpr (requires { a.slabs(); }) slabs = a.slabs() > 1;
  panel_products<View, Panels, Update> products(policy, kernels, panels, bs, out, slabs);
  for (std::size_t first = 0, last = 0; first < panels.size(); first = last) {
    last = bs.end_of_chunk(first);
    bs.prepare(policy, first, last);
    products.run(a, 0, first, last, corrections);
  }
}

/// The same for numbers that need no packing.
template <class View, class T, class LayoutB, class Update>
void run_spmm_by_panels(const execution_policy& policy, const View& a,
                        const dense_view<const T, LayoutB>& b, const Update& out, isa level) {
  const auto& kernels = *panel_kernels<View>(level);
  const auto panels = cut_panels(b.cols(), kernels.lanes, kernels.widest);
  panels_of_b<T, LayoutB> bs(b, panels, kernels.lanes, uses_of_b(a), small_chunk);
  run_spmm_by_panels(policy, kernels, a, std::span<const panel_range>(panels), bs, out);
}

/// The same for matrices of tiles, whose tile rows become rows of another form band by band.
template <template <class> class Form, class Source, class Kernels, class Panels, class Update>
void run_spmm_by_bands(const execution_policy& policy, const Kernels& kernels, const Source& from,
                       std::span<const panel_range> panels, Panels& bs, const Update& out) {
  using View = typename Form<Source>::view_type;
  const auto& a = from.matrix();
  Form<Source> bands(policy, from, band_sizes(a));
  panel_products<View, Panels, Update> products(policy, kernels, panels, bs, out);
  const bool one_band = is_one_band(a);
  View view;
  for (std::size_t first = 0, last = 0; first < panels.size(); first = last) {
    last = bs.end_of_chunk(first);
    bs.prepare(policy, first, last);
    for (unit_range band{0, 0}; band.first < a.tile_rows(); band.first = band.last) {
      band.last = end_of_band(a, band.first);
      if (first == 0 || !one_band) view = bands.make(policy, band);
      products.run(view, 4 * band.first, first, last, from.corrections(band.first));
    }
  }
}

/// Does sorting columns by pattern, which takes about 30 cycles a tile, cost less than what it
/// saves over chunks? Per tile and panel that grows with the square of the fill: more entries, each
/// of which shares its load of B with more others.
inline bool worth_grouping(double fill, std::size_t panels) noexcept {
  return static_cast<double>(panels) * fill * fill >= 200;
}

/// Tile rows by grouping or by chunks, whichever is faster in all.
template <class Source, class Panels, class Update>
void run_spmm_by_tile_rows(const execution_policy& policy, const Source& from,
                           std::span<const panel_range> panels, Panels& bs, const Update& out,
                           isa level) {
  using T = typename Source::scalar_type;
  using grouped = grouped_view<const T, typename Source::index_type>;
  if (worth_grouping(from.fill(), panels.size())) {
    run_spmm_by_bands<grouped_bands>(policy, *panel_kernels<grouped>(level), from, panels, bs, out);
  } else {
    run_spmm_by_bands<chunked_bands>(policy, *panel_kernels<row_chunks_view<T>>(level), from,
                                     panels, bs, out);
  }
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
