// SpMM of a whole matrix: which kernel, which panels and blocks, by which threads.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "../conversions/row_order.hpp"
#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/numeric.hpp"
#include "../formats/views.hpp"
#include "bands.hpp"
#include "blocks.hpp"
#include "dispatch.hpp"
#include "panel_output.hpp"
#include "panels.hpp"
#include "parallel.hpp"
#include "reference.hpp"
#include "run_spmv.hpp"
#include "sums_apart.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

inline constexpr std::int64_t small_width = 4; ///< columns that are multiplied one by one

/// Rows that a kernel finishes together.
template <class View>
inline constexpr std::int64_t rows_of_unit = 1;
template <class View>
  requires requires { View::height; }
inline constexpr std::int64_t rows_of_unit<View> = View::height;

/// Products of CSR or grouped rows with all panels, stored in C from row `row0` on.
template <class View, class LayoutB, class Update>
class panel_products {
public:
  using T = typename View::scalar_type;

  /// Throws std::bad_alloc.
  panel_products(const execution_policy& policy, const spmm_kernels<View, T>& kernels,
                 std::span<const panel_range> panels, const panels_of_b<T, LayoutB>& b,
                 const Update& out)
      : policy_(policy), kernels_(kernels), panels_(panels), b_(b), out_(out) {
    if (staged()) {
      stage_ = work_array<T>(thread_count(policy) * stage_rows * stage_ld());
    }
  }

  void run(const View& a, std::int64_t row0, std::size_t first, std::size_t last) const noexcept {
    const auto panels = static_cast<int>(last - first);
    if (panels > 1 && !b_.copies() && !b_.stays()) return run_by_rows(a, row0, first, last);
    const std::int64_t wanted =
        thread_count(policy_) > 1 ? std::int64_t{8} * thread_count(policy_) : 1;
    const block_list<View> blocks(
        a,
        static_cast<int>(std::clamp<std::int64_t>((wanted + panels - 1) / panels, 1, most_blocks)),
        cuts::between_units);
    for_each_task(policy_, panels * blocks.count(), [&](int task, int thread) {
      const unit_range range = blocks.units_of(task % blocks.count());
      multiply(a, row0, range, first + static_cast<std::size_t>(task / blocks.count()), thread);
    });
  }

private:
  /// All panels of a few rows before the next rows: where no panel stays in the cache, the rows of
  /// B that neighbouring rows of A share may.
  void run_by_rows(const View& a, std::int64_t row0, std::size_t first,
                   std::size_t last) const noexcept {
    const block_list<View> blocks(a, thread_count(policy_) > 1 ? most_blocks : 1,
                                  cuts::between_units);
    const std::int64_t bytes =
        unit_piece<View>::bytes_before(a, units(a)) / std::max<std::int64_t>(1, units(a));
    // Bytes of A for which about half a megabyte of B is read.
    const std::int64_t rows_of_b = (std::int64_t{1} << 19) / b_.row_bytes();
    const std::int64_t step = std::clamp<std::int64_t>(
        8 * rows_of_b / std::max<std::int64_t>(bytes, 1), 1, std::int64_t{1} << 20);
    for_each_task(policy_, blocks.count(), [&](int task, int thread) {
      const unit_range range = blocks.units_of(task);
      for (std::int64_t u = range.first; u < range.last; u += step) {
        for (std::size_t p = first; p < last; ++p) {
          multiply(a, row0, {u, std::min(u + step, range.last)}, p, thread);
        }
      }
    });
  }

  using LayoutC = typename decltype(std::declval<Update>().c)::layout_type;
  using LayoutC0 = typename decltype(std::declval<Update>().c0)::layout_type;
  static constexpr bool rows_of_c = std::same_as<LayoutC, row_major>;
  static constexpr bool rows_of_c0 = std::same_as<LayoutC0, row_major>;
  static constexpr bool steps_in_registers =
      in_registers<T, std::remove_cvref_t<decltype(std::declval<Update>().epilogue)>>;
  static constexpr std::int64_t height = rows_of_unit<View>;
  static constexpr std::int64_t stage_rows = 16;

  std::int64_t stage_ld() const noexcept { return kernels_.lanes * kernels_.widest; }
  /// Does the kernel do all but store into columns of C?
  bool finished_by_kernel() const noexcept {
    return steps_in_registers && (rows_of_c0 || out_.beta == T{});
  }
  bool staged() const noexcept { return !rows_of_c || !finished_by_kernel(); }

  void multiply(const View& a, std::int64_t row0, unit_range units, std::size_t p,
                int thread) const noexcept {
    const panel_range& panel = panels_[p];
    auto* const kernel = kernels_(panel.vectors);
    const T* const b = b_.data(p);
    const std::int64_t ldb = b_.ld(panel);
    panel_output<T> to{T{1}, T{}, nullptr, 0, nullptr, 0, 0, out_.c.rows() - row0, 0, {}};
    if (finished_by_kernel()) {
      to.alpha = out_.alpha;
      to.beta = out_.beta;
      if (out_.beta != T{}) to.c0 = &out_.c0(row0, panel.first);
      to.c0_ld = out_.c0.ld();
      if constexpr (steps_in_registers) set_steps(to, out_.epilogue);
      for (auto& step : to.step) {
        if (step.values != nullptr) step.values += row0;
      }
    }
    if (!staged()) {
      if (units.first == units.last) return;
      to.c = &out_.c(row0, panel.first);
      to.c_ld = out_.c.ld();
      return kernel(a, units.first, units.last, b, ldb, panel.width, to);
    }
    T* const stage = stage_.get() + thread * stage_rows * stage_ld();
    const T* const c0 = to.c0;
    for (std::int64_t u = units.first; u < units.last; u += stage_rows / height) {
      const std::int64_t end = std::min(u + stage_rows / height, units.last);
      to.first_row = u * height;
      to.c = stage;
      to.c_ld = stage_ld();
      if (c0 != nullptr) to.c0 = c0 + to.first_row * to.c0_ld;
      kernel(a, u, end, b, ldb, panel.width, to);
      store(stage, row0 + u * height, std::min(row0 + end * height, out_.c.rows()), panel);
    }
  }

  /// Stores rows [first, last) of a panel.
  void store(const T* stage, std::int64_t first, std::int64_t last,
             const panel_range& panel) const noexcept {
    const std::int64_t ld = stage_ld();
    if (finished_by_kernel()) {
      transposed_copy(stage, ld, panel.width, last - first, &out_.c(first, panel.first),
                      out_.c.ld());
    } else if (rows_of_c) {
      for (std::int64_t i = first; i < last; ++i) {
        for (std::int64_t j = 0; j < panel.width; ++j) {
          out_.store(i, panel.first + j, stage[(i - first) * ld + j]);
        }
      }
    } else {
      for (std::int64_t j = 0; j < panel.width; ++j) {
        for (std::int64_t i = first; i < last; ++i) {
          out_.store(i, panel.first + j, stage[(i - first) * ld + j]);
        }
      }
    }
  }

  const execution_policy& policy_;
  const spmm_kernels<View, T>& kernels_;
  std::span<const panel_range> panels_;
  const panels_of_b<T, LayoutB>& b_;
  const Update& out_;
  work_array<T> stage_;
};

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
template <class View, class T, class LayoutB, class Update>
void run_spmm_by_panels(const execution_policy& policy, const spmm_kernels<View, T>& kernels,
                        const View& a, const dense_view<const T, LayoutB>& b, const Update& out) {
  const auto panels = cut_panels(b.cols(), kernels.lanes, kernels.widest);
  panels_of_b<T, LayoutB> bs(b, panels, kernels.lanes, uses_of_b(a));
  const panel_products<View, LayoutB, Update> products(policy, kernels, panels, bs, out);
  for (std::size_t first = 0, last = 0; first < panels.size(); first = last) {
    last = bs.end_of_chunk(first);
    bs.prepare(policy, first, last);
    products.run(a, 0, first, last);
  }
}

/// The same for bitmap matrices, whose tile rows become rows of another form band by band.
template <class Form, class LayoutB, class Update>
void run_spmm_by_bands(
    const execution_policy& policy,
    const spmm_kernels<typename Form::view_type, typename Form::scalar_type>& kernels,
    const bitmap_view<const typename Form::scalar_type, typename Form::index_type>& a,
    const dense_view<const typename Form::scalar_type, LayoutB>& b, const Update& out) {
  using View = typename Form::view_type;
  const auto panels = cut_panels(b.cols(), kernels.lanes, kernels.widest);
  Form bands(policy, a);
  panels_of_b bs(b, std::span<const panel_range>(panels), kernels.lanes, uses_of_b(a));
  const panel_products<View, LayoutB, Update> products(policy, kernels, panels, bs, out);
  const bool one_band = end_of_band(a, 0) == a.tile_rows();
  View view;
  for (std::size_t first = 0, last = 0; first < panels.size(); first = last) {
    last = bs.end_of_chunk(first);
    bs.prepare(policy, first, last);
    for (unit_range band{0, 0}; band.first < a.tile_rows(); band.first = band.last) {
      band.last = end_of_band(a, band.first);
      if (first == 0 || !one_band) view = bands.make(policy, band);
      products.run(view, 4 * band.first, first, last);
    }
  }
}

/// Does sorting columns by pattern, which takes about 30 cycles a tile, cost less than what it
/// saves over chunks? Per tile and panel that grows with the square of the fill: more entries, each
/// of which shares its load of B with more others.
template <class T, class I>
bool worth_grouping(const bitmap_view<const T, I>& a, std::int64_t panels) noexcept {
  const double fill = static_cast<double>(a.nnz()) /
                      static_cast<double>(std::max<std::size_t>(a.bitmaps().size(), 1));
  return static_cast<double>(panels) * fill * fill >= 200;
}

/// The same for few columns: each of them as an SpMV.
template <bool MayBeTransposed, class Operand, class T, class LayoutB, class Update>
void run_spmm_by_columns(const execution_policy& policy, const Operand& op,
                         const dense_view<const T, LayoutB>& b, const Update& out) {
  const bool contiguous = b.row_stride() == 1;
  const auto x = work_array<T>(contiguous ? 0 : b.rows());
  const auto sums = work_array<T>(out.c.rows() * b.cols());
  for (std::int64_t j = 0; j < b.cols(); ++j) {
    const T* const column = b.data() + j * b.col_stride();
    for (std::int64_t k = 0; !contiguous && k < b.rows(); ++k) {
      x.get()[k] = column[k * b.row_stride()];
    }
    const vector_update<T> to{T{1}, T{}, nullptr, sums.get() + j * out.c.rows()};
    run_spmv<MayBeTransposed>(policy, op, contiguous ? column : x.get(), to);
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

/// C = epilogue(alpha op(A) B + beta C0) for checked operands. Throws std::bad_alloc before C is
/// written.
template <bool MayBeTransposed, class Operand, class B, class Update>
void run_spmm(const execution_policy& policy, const Operand& op, const B& b, const Update& out) {
  using View = std::remove_cvref_t<decltype(op.base)>;
  using T = typename View::scalar_type;
  using I = typename View::index_type;
  if (b.cols() == 0 || out.c.rows() == 0) return;
  if (op.base.nnz() == 0) return store_everywhere(out);
  if constexpr (std::same_as<T, float> || std::same_as<T, double>) {
    using rows = csr_view<const T, I, std::int64_t>;
    using grouped = grouped_view<const T, I>;
    using chunks = row_chunks_view<T>;
    const isa level = active_isa(); // read once: another thread may change it
    // Columns of B are copied into rows, which few entries are not worth.
    const bool few = b.row_stride() == 1 && b.cols() > 1 && op.base.nnz() < b.rows();
    if (panel_kernels<rows>(level) != nullptr && !few) {
      if constexpr (requires { op.base.grouped(); }) {
        if (!op.transposed && op.base.grouped().blocks() > 0) {
          return run_spmm_by_panels(policy, *panel_kernels<grouped>(level), op.base.grouped(), b,
                                    out);
        }
      }
      if (b.cols() <= small_width) return run_spmm_by_columns<MayBeTransposed>(policy, op, b, out);
      if constexpr (requires { op.base.row_offsets(); }) {
        if (!op.transposed) {
          return run_spmm_by_panels(policy, *panel_kernels<View>(level), op.base, b, out);
        }
      }
      if constexpr (requires { op.base.tile_cols(); }) {
        if (!op.transposed && std::in_range<std::int32_t>(op.base.cols())) {
          const auto& wide = *panel_kernels<grouped>(level);
          if (worth_grouping(op.base, 1 + (b.cols() - 1) / (wide.lanes * wide.widest))) {
            return run_spmm_by_bands<grouped_bands<T, I>>(policy, wide, op.base, b, out);
          }
          return run_spmm_by_bands<chunked_bands<T, I>>(policy, *panel_kernels<chunks>(level),
                                                        op.base, b, out);
        }
      }
      const auto ordered = detail::row_order<std::int64_t>(op.base, op.transposed);
      return run_spmm_by_panels(policy, *panel_kernels<rows>(level),
                                rows(ordered.values, ordered.row_offsets, ordered.col_indices,
                                     shape(op.rows(), op.cols())),
                                b, out);
    }
  }
  if constexpr (detail::is_complex_v<T>) {
    if (op.conjugated) return run_portable_spmm<true>(policy, op, b, out);
  }
  run_portable_spmm<false>(policy, op, b, out);
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
