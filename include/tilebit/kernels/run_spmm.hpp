// SpMM of a whole matrix: which road.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "../conversions/row_order.hpp"
#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/isa.hpp"
#include "../core/numeric.hpp"
#include "../formats/views.hpp"
#include "blocks.hpp"
#include "cost_of_few_columns.hpp"
#include "low_precision_roads.hpp"
#include "parallel.hpp"
#include "reference.hpp"
#include "row_of_tiles.hpp"
#include "run_spmv.hpp"
#include "spmm_roads.hpp"
#include "sums_apart.hpp"
#include "transposed_copy.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// C = epilogue(alpha op(A) B + beta C0) for few columns of B: each of them as an SpMV.
template <bool MayBeTransposed, class Operand, class T, class LayoutB, class Update>
void run_spmm_by_columns(const execution_policy& policy, const Operand& op,
                         const dense_view<const T, LayoutB>& b, const Update& out) {
  constexpr bool in_rows = std::same_as<LayoutB, row_major>;
  const auto columns = work_array<T>(in_rows ? b.rows() * b.cols() : 0);
  if (in_rows) transposed_copy(b.data(), b.ld(), b.cols(), b.rows(), columns.get(), b.rows());
  const auto sums = work_array<T>(out.c.rows() * b.cols());
  for (std::int64_t j = 0; j < b.cols(); ++j) {
    const vector_update<T> to{T{1}, T{}, nullptr, sums.get() + j * out.c.rows()};
    run_spmv<MayBeTransposed>(policy, op,
                              in_rows ? columns.get() + j * b.rows() : b.data() + j * b.ld(), to);
  }
  for (std::int64_t i = 0; i < out.c.rows(); ++i) {
    for (std::int64_t j = 0; j < b.cols(); ++j) out.store(i, j, sums.get()[i + j * out.c.rows()]);
  }
}

/// C = epilogue(alpha op(A) B + beta C0) by portable code.
template <bool Conjugate, class Operand, class B, class Update>
void run_portable_spmm(const execution_policy& policy, const Operand& op, const B& b,
                       const Update& out) {
  const auto& a = op.base;
  constexpr bool apart = detail::sums_apart_v<typename Operand::scalar_type>;
  constexpr bool by_entries = requires { a.row_indices(); };
  if constexpr (apart) {
    if (op.transposed) return spmm_apart<true>(a, b, out);
  } else {
    if (op.transposed) return spmm_scatter<Conjugate, true>(a, b, out);
  }
  if constexpr (by_entries && apart) {
    return spmm_apart<false>(a, b, out);
  } else if constexpr (by_entries) {
    return spmm_scatter<Conjugate, false>(a, b, out);
  } else {
    for_each_part(a, [&](const auto& part, std::span<const unit_range> bands) {
      const block_list blocks(part, cuts::between_units);
      for_each_task(policy, blocks.count(), [&](int block) {
        const unit_range range = blocks.units_of(block);
        for_each_overlap(bands, range.first, range.last,
                         [&](std::int64_t first, std::int64_t last) {
                           spmm<Conjugate>(part, first, last, b, out);
                         });
      });
    });
  }
}

/// Is it a matrix in grouped rows?
template <class View>
bool in_grouped_rows(const View& a) noexcept {
  if constexpr (requires { a.grouped(); }) return a.grouped().blocks() > 0;
  return false;
}

/// Is it a bitmap matrix?
template <class T, class I>
bool in_whole_tiles(const optimized_view<T, I>& a) noexcept {
  const auto bands = a.tile_bands();
  return bands.size() == 1 && bands[0] == unit_range{0, units(a.tiles())};
}

/// The road without a copy of A for products with its transpose; false where there is none or the
/// copy is faster.
template <class View, class T, class LayoutB, class Update>
bool run_transposed_spmm(const execution_policy& policy, const View& a,
                         const dense_view<const T, LayoutB>& b, const Update& out, isa level) {
  const auto worth_copying = [&](std::int64_t least) {
    return worth_transposing(shape(a.rows(), a.cols()), b.cols() * std::int64_t{sizeof(T)}, least);
  };
  if constexpr (requires { a.grouped(); }) {
    if (!in_grouped_rows(a)) return false;
    const auto& rows = a.grouped();
    if (worth_copying(least_of(rows))) return false;
    run_transposed_by_rows(policy, rows, b, out, level);
  } else if constexpr (requires { a.row_offsets(); }) {
    if (worth_copying(least_of_rows)) return false;
    run_transposed_by_rows(policy, a, b, out, level);
  } else if constexpr (requires { a.tile_cols(); }) {
    const stored_tile_rows<T, typename View::index_type> tiles(a);
    if (!std::in_range<std::int32_t>(a.cols())) return false;
    constexpr std::int64_t panel = 256 / std::int64_t{sizeof(T)};
    const double gain = gain_of_grouping(tiles.fill(), (b.cols() + panel - 1) / panel);
    if (gain < gain_without_copy && worth_copying(least_of_blocks)) return false;
    if (gain >= least_gain_transposed || a.cols() > chunk_entry::most_cols) {
      run_transposed_by_bands<grouped_bands>(policy, tiles, b, out, level);
    } else {
      run_transposed_by_bands<chunked_bands>(policy, tiles, b, out, level);
    }
  } else {
    return false;
  }
  return true;
}

/// C = epilogue(alpha op(A) B + beta C0) for checked operands. Throws std::bad_alloc before C is
/// written.
template <bool MayBeTransposed, class Operand, class B, class Update>
void run_spmm(const execution_policy& policy, const Operand& op, const B& b, const Update& out) {
  using View = std::remove_cvref_t<decltype(op.base)>;
  using T = typename View::scalar_type;
  using I = typename View::index_type;
  if (b.cols() == 0 || out.c.rows() == 0) return;
  if (op.base.nnz() == 0) return store_everywhere(out);
  [[maybe_unused]] const auto run_as = [&]<class Part>(const Part& part) {
    const detail::operand<Part> all{part, op.alpha, op.transposed, op.conjugated};
    run_spmm<MayBeTransposed>(policy, all, b, out);
  };
  if constexpr (requires { op.base.coo(); }) {
    if (op.base.coo().rows() > 0) return run_as(op.base.coo());
  }
  if constexpr (std::same_as<T, float> || std::same_as<T, double>) {
    using rows = csr_view<const T, I, std::int64_t>;
    if constexpr (requires { op.base.csr(); }) {
      if (op.base.csr().rows() > 0) return run_as(op.base.csr());
      if (in_whole_tiles(op.base)) return run_as(op.base.tiles());
    }
    const isa level = active_isa(); // read once: another thread may change it
    // Columns of B are copied into rows, which few entries are not worth.
    const bool few = b.row_stride() == 1 && b.cols() > 1 && op.base.nnz() < b.rows();
    if (panel_kernels<rows>(level) != nullptr && !few) {
      if (b.cols() <= most_by_columns(op.base, op.transposed) && !in_grouped_rows(op.base)) {
        return run_spmm_by_columns<MayBeTransposed>(policy, op, b, out);
      }
      if (!op.transposed) {
        if constexpr (requires { op.base.grouped(); }) {
          if (in_grouped_rows(op.base)) {
            return run_spmm_by_panels(policy, op.base.grouped(), b, out, level);
          }
        } else if constexpr (requires { op.base.row_offsets(); }) {
          return run_spmm_by_panels(policy, op.base, b, out, level);
        } else if constexpr (requires { op.base.tile_cols(); }) {
          const stored_tile_rows<T, I> tiles(op.base);
          if (detail::keeps_tiles(tiles.fill(), b.cols(), sizeof(T), level)) {
            return run_spmm_by_whole_tiles(policy, tiles_by_columns<T, I>(level), op.base, b, out);
          }
#if TILEBIT_X86
          if (detail::takes_entries(tiles.fill(), b.cols(), sizeof(T), level) &&
              op.base.cols() <= std::int64_t{1} << 30) {
            return run_spmm_by_entries(policy, op.base, b, out);
          }
#endif
          if (std::in_range<std::int32_t>(op.base.cols())) {
            return run_spmm_by_tile_rows(policy, tiles, b, out, level);
          }
        }
      } else if constexpr (MayBeTransposed) {
        if (run_transposed_spmm(policy, op.base, b, out, level)) return;
      }
      const auto ordered = detail::row_order<std::int64_t>(op.base, op.transposed);
      return run_spmm_by_panels(policy,
                                rows(ordered.values, ordered.row_offsets, ordered.col_indices,
                                     shape(op.rows(), op.cols())),
                                b, out, level);
    }
  }
  if constexpr (detail::is_packed_v<T>) {
    const isa level = active_isa();
    if (low_precision_road(op, level) && (b.cols() > most_single || !scattered(op))) {
      return run_low_precision(policy, op, b, out, level);
    }
  }
  if constexpr (detail::is_complex_v<T>) {
    if (op.conjugated) return run_portable_spmm<true>(policy, op, b, out);
  }
  run_portable_spmm<false>(policy, op, b, out);
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
