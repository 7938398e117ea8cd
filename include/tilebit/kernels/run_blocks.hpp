// Products of low-precision rows that are expanded into dense blocks: panels of B, slices of long
// rows, tasks of 32 or 64 rows, and what becomes of their sums.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/packed.hpp"
#include "../formats/dense.hpp"
#include "blocks.hpp"
#include "dense_blocks.hpp"
#include "dispatch.hpp"
#include "dispatch_low_precision.hpp"
#include "packed_panels.hpp"
#include "panel_sink.hpp"
#include "panels.hpp"
#include "parallel.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// C = epilogue(alpha A B + beta C0) by expanding rows into dense blocks: kernel multiplies 32 of
/// them, or 64, and panels of up to 32 columns. Where panels of B for a matrix unit outgrow a
/// second-level cache, all rows are multiplied by a slice of them before the next. Memory: B
/// packed, and for each thread the sums of some panels and 32 KB of blocks or, for dot products, 32
/// rows of A without compression; with slices the sums of all rows.
template <class View, class T, class LayoutB, class Update>
void run_blocks(const execution_policy& policy, blocks_function<View, T>* kernel,
                panel_reader reader, const View& a, const dense_view<const T, LayoutB>& b,
                const Update& out) {
  using P = detail::packed_t<T>;
  using S = accumulator_t<T>;
  constexpr std::int64_t edge = block_edge;
  std::vector<panel_range> cut;
  for (std::int64_t j = 0; j < b.cols(); j += edge) {
    const std::int64_t width = std::min(edge, b.cols() - j);
    cut.push_back({j, width, width > edge / 2 ? 2 : 1});
  }
  const std::span<const panel_range> panels(cut);
  packed_panels<P, T, LayoutB> bs(b, panels, edge / 2, reader);
  const panel_sink<S, Update> sink(out, edge / 2, bs.bytes());
  auto* const store = select(sums_table<S>::rows).function;
  const bool by_unit = reader == panel_reader::tile_unit;
  const std::int64_t count = blocks_along<T>(a.cols());
  const std::int64_t bytes =
      by_unit ? bytes_of_blocks : count * edge * 64 + edge * 4; // and starts of sums
  const work_array<unsigned char> blocks(thread_count(policy) * bytes);
  const bool tall = by_unit && b.cols() <= edge / 2;
  const std::int64_t rows = tall ? 2 * edge : edge;
  const std::int64_t pieces = (a.rows() + rows - 1) / rows;
  const auto slice_of = [&](std::size_t of_panels) {
    return by_unit && !tall ? blocks_of_slice(count, of_panels) : count;
  };
  std::size_t most = 1; // panels whose sums are there together
  bool slices = false;
  for (std::size_t first = 0, last = 0; first < panels.size(); first = last) {
    last = bs.end_of_chunk(first);
    most = std::max(most, std::min(last - first, most_block_panels));
    slices = slices || slice_of(last - first) < count;
  }
  const std::int64_t sums_of_piece = static_cast<std::int64_t>(most) * rows * edge;
  const work_array<S> sums(sums_of_piece * (slices ? pieces : thread_count(policy)));
  const work_array<std::int64_t> places(slices ? pieces * block_slice::places_of_rows : 0);
  const auto tasks = static_cast<int>(std::min<std::int64_t>(pieces, 1024));
  std::vector<block_panel> of_kernel(panels.size());

  const auto store_panels = [&](S* s, std::int64_t row0, std::size_t first, std::size_t last) {
    const std::int64_t row_end = std::min(row0 + rows, sink.rows());
    for (std::size_t p = first; p < last; ++p) {
      if (p + 1 < last) sink.fetch_columns(row0, row_end, panels[p + 1]);
      for (std::int64_t row = row0; row < row_end; row += edge, s += edge * edge) {
        panel_output<S> to = sink.output(panels[p], row);
        if (sink.staged()) {
          to.c = s;
          to.c_ld = edge;
        }
        if (!sink.staged() || !to.is_sum()) store(s, panels[p].width, to);
        if (sink.staged()) sink.store(s, edge, row, std::min(row + edge, row_end), panels[p]);
      }
    }
  };
  for_each_chunk(policy, panels, bs, [&](std::size_t chunk, std::size_t chunk_end) {
    for (std::size_t p = chunk; p < chunk_end; ++p) of_kernel[p] = {bs.data(p), bs.ld(panels[p])};
    const std::int64_t step = std::max<std::int64_t>(slice_of(chunk_end - chunk), 1);
    for (std::int64_t begin = 0; begin == 0 || begin < count; begin += step) {
      const std::int64_t end = std::min(begin + step, count);
      for_each_task(policy, tasks, [&](int task, int thread) {
        for (std::int64_t u = pieces * task / tasks; u < pieces * (task + 1) / tasks; ++u) {
          S* const own = sums.get() + sums_of_piece * (slices ? u : thread);
          const std::int64_t row0 = rows * u;
          const block_slice slice{
              begin, end, slices ? places.get() + block_slice::places_of_rows * u : nullptr};
          for (std::size_t first = chunk; first < chunk_end; first += most_block_panels) {
            const std::size_t last = std::min(first + most_block_panels, chunk_end);
            if (end == count) {
              sink.fetch_columns(row0, std::min(row0 + rows, sink.rows()), panels[first]);
            }
            kernel(a, row0 / expanded_rows<View>, units(a), rows, slice,
                   std::span<const block_panel>(of_kernel).subspan(first, last - first),
                   blocks.get() + thread * bytes, own);
            if (end == count) store_panels(own, row0, first, last);
          }
        }
        if (sink.streams() && end == count) finish_streams();
      });
    }
  });
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
