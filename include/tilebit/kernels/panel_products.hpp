// Products of rows with panels of B, and what becomes of their sums.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/numeric.hpp"
#include "blocks.hpp"
#include "cost_model.hpp"
#include "dispatch.hpp"
#include "panel_output.hpp"
#include "panels.hpp"
#include "parallel.hpp"
#include "transposed_copy.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// The sum of products of T that a sum of wider numbers is.
template <class T, class S>
accumulator_t<T> narrowed_sum(S s) noexcept {
  if constexpr (std::is_integral_v<accumulator_t<T>> && std::is_floating_point_v<S>) {
    return static_cast<accumulator_t<T>>(static_cast<std::int64_t>(s)); // modulo 2^32
  } else {
    return s;
  }
}

/// Rows that a kernel finishes together.
template <class View>
inline constexpr std::int64_t rows_of_unit = 1;
template <class View>
  requires requires { View::height; }
inline constexpr std::int64_t rows_of_unit<View> = View::height;

/// Products of CSR or grouped rows with all panels, stored in C from row `row0` on.
///
/// Sums are finished in the kernel where C holds numbers of their type; otherwise, and where
/// columns of C are written, 16 rows at a time are staged. Sums of several slabs of columns are
/// staged for 512 rows, which all slabs are added to before the next rows.
template <class View, class Panels, class Update>
class panel_products {
public:
  using T = typename View::scalar_type;
  using S = accumulator_t<T>;

  /// Throws std::bad_alloc.
  panel_products(const execution_policy& policy, const spmm_kernels<View, T>& kernels,
                 std::span<const panel_range> panels, const Panels& b, const Update& out,
                 bool slabs = false)
      : policy_(policy), kernels_(kernels), panels_(panels), b_(b), out_(out),
        stage_rows_(slabs ? 512 : 16), streams_(may_stream()) {
    if (staged() || slabs) {
      stage_ = work_array<S>(thread_count(policy) * stage_rows_ * stage_ld());
    }
  }

  /// corrections: of the sums of a's rows, to be added, or nothing.
  void run(const View& a, std::int64_t row0, std::size_t first, std::size_t last,
           const S* corrections = nullptr) noexcept {
    corrections_ = corrections;
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
      if (streams_) finish_streams();
    });
  }

private:
  /// All panels of a few rows before the next rows: where no panel stays in the cache, the rows of
  /// B that neighbouring rows of A share may, and B is read in long pieces.
  void run_by_rows(const View& a, std::int64_t row0, std::size_t first,
                   std::size_t last) const noexcept {
    const block_list<View> blocks(a, thread_count(policy_) > 1 ? most_blocks : 1,
                                  cuts::between_units);
    const std::int64_t rows = std::max<std::int64_t>(4, 8192 / b_.row_bytes());
    const std::int64_t step = rows / height;
    for_each_task(policy_, blocks.count(), [&](int task, int thread) {
      const unit_range range = blocks.units_of(task);
      for (std::int64_t u = range.first; u < range.last; u += step) {
        for (std::size_t p = first; p < last; ++p) {
          multiply(a, row0, {u, std::min(u + step, range.last)}, p, thread);
        }
      }
      if (streams_) finish_streams();
    });
  }

  using LayoutC = typename decltype(std::declval<Update>().c)::layout_type;
  using LayoutC0 = typename decltype(std::declval<Update>().c0)::layout_type;
  static constexpr bool rows_of_c = std::same_as<LayoutC, row_major>;
  static constexpr bool rows_of_c0 = std::same_as<LayoutC0, row_major>;
  static constexpr bool steps_in_registers =
      std::same_as<S, typename Update::result_type> &&
      in_registers<S, std::remove_cvref_t<decltype(std::declval<Update>().epilogue)>>;
  static constexpr std::int64_t height = rows_of_unit<View>;

  std::int64_t stage_ld() const noexcept { return kernels_.lanes * kernels_.widest; }
  /// Does the kernel do all but store into columns of C? Corrections, which sums of integers have,
  /// are steps of it, behind alpha.
  bool finished_by_kernel() const noexcept {
    return steps_in_registers && (rows_of_c0 || out_.beta == 0) &&
           (!std::is_integral_v<S> || out_.alpha == 1);
  }
  bool staged() const noexcept { return !rows_of_c || !finished_by_kernel(); }

  /// Stores past the caches save that C is read before it is written. Where C and B do not stay in
  /// a third-level cache together that pays even if C is read next (1.1 times as fast with 20 MB,
  /// Zen 4); with less it costs that reader more.
  bool may_stream() const noexcept {
    const std::int64_t bytes_of_c =
        out_.c.rows() * out_.c.cols() * static_cast<std::int64_t>(sizeof(S));
    return !staged() && out_.beta == 0 && b_.bytes() + bytes_of_c > detail::far_bytes;
  }
  bool streams(const panel_range& panel, const S* c) const noexcept {
    const auto on_line = [](std::uintptr_t bytes) { return bytes % 64 == 0; };
    return streams_ && panel.width == panel.vectors * kernels_.lanes &&
           on_line(at(panel.width) * sizeof(S)) && on_line(at(out_.c.ld()) * sizeof(S)) &&
           on_line(reinterpret_cast<std::uintptr_t>(c));
  }

  void multiply(const View& a, std::int64_t row0, unit_range units, std::size_t p,
                int thread) const noexcept {
    const panel_range& panel = panels_[p];
    auto* const kernel = kernels_(panel.vectors);
    const T* const b = b_.data(p);
    const std::int64_t ldb = b_.ld(panel);
    panel_output<S> to{S{1}, S{}, nullptr, 0, nullptr, 0, 0, out_.c.rows() - row0, false, 0, {}};
    if (corrections_ != nullptr) {
      to.step[0] = {panel_step<S>::kind::bias, corrections_};
      to.steps = 1;
    }
    if constexpr (steps_in_registers) {
      if (finished_by_kernel()) {
        to.alpha = static_cast<S>(out_.alpha);
        to.beta = out_.beta;
        if (out_.beta != 0) to.c0 = &out_.c0(row0, panel.first);
        to.c0_ld = out_.c0.ld();
        const auto own = at(to.steps);
        set_steps(to, out_.epilogue);
        for (std::size_t k = own; k < to.step.size(); ++k) {
          if (to.step[k].values != nullptr) to.step[k].values += row0;
        }
      }
      if (!staged()) {
        to.c = &out_.c(row0, panel.first);
        to.streams = streams(panel, to.c);
      }
    }
    if (units.first == units.last) return;
    S* const stage = stage_.get() + thread * stage_rows_ * stage_ld();
    if constexpr (requires { a.slabs(); }) {
      if (a.slabs() > 1) {
        const auto add = [&](std::int64_t slab, std::int64_t first, std::int64_t last,
                             const panel_output<S>& part) {
          kernel(a.slab(slab), first, last, b, ldb, panel.width, part);
        };
        return add_slabs(a.slabs(), row0, units, panel, to, stage, add);
      }
    }
    if (!staged()) {
      to.c_ld = out_.c.ld();
      return kernel(a, units.first, units.last, b, ldb, panel.width, to);
    }
    const S* const c0 = to.c0;
    for (std::int64_t u = units.first; u < units.last; u += stage_rows_ / height) {
      const std::int64_t end = std::min(u + stage_rows_ / height, units.last);
      to.first_row = u * height;
      to.c = stage;
      to.c_ld = stage_ld();
      if (c0 != nullptr) to.c0 = c0 + to.first_row * to.c0_ld;
      kernel(a, u, end, b, ldb, panel.width, to);
      store(stage, row0 + u * height, std::min(row0 + end * height, out_.c.rows()), panel);
    }
  }

  /// add(slab, first, last, part) multiplies one slab. The first one starts from the addend, the
  /// others from the sums before them, and the last one takes the steps.
  template <class F>
  void add_slabs(std::int64_t slabs, std::int64_t row0, unit_range units, const panel_range& panel,
                 const panel_output<S>& to, S* stage, F&& add) const noexcept {
    const std::int64_t step = stage_rows_ / height;
    for (std::int64_t u = units.first; u < units.last; u += step) {
      const std::int64_t end = std::min(u + step, units.last);
      panel_output<S> part = to;
      part.first_row = u * height;
      part.streams = false;
      part.steps = 0;
      part.c = stage;
      part.c_ld = stage_ld();
      if (to.c0 != nullptr) part.c0 = to.c0 + part.first_row * to.c0_ld;
      for (std::int64_t s = 0; s < slabs; ++s) {
        if (s + 1 == slabs) {
          part.steps = to.steps;
          if (!staged()) {
            part.c = to.c + part.first_row * out_.c.ld();
            part.c_ld = out_.c.ld();
            part.streams = to.streams;
          }
        }
        add(s, u, end, part);
        part.beta = S{1};
        part.c0 = stage;
        part.c0_ld = stage_ld();
      }
      if (staged()) {
        store(stage, row0 + u * height, std::min(row0 + end * height, out_.c.rows()), panel);
      }
    }
  }

  /// Stores rows [first, last) of a panel.
  void store(const S* stage, std::int64_t first, std::int64_t last,
             const panel_range& panel) const noexcept {
    const std::int64_t ld = stage_ld();
    if constexpr (steps_in_registers) {
      if (finished_by_kernel()) {
        return transposed_copy(stage, ld, panel.width, last - first, &out_.c(first, panel.first),
                               out_.c.ld());
      }
    }
    if (rows_of_c) {
      for (std::int64_t i = first; i < last; ++i) {
        for (std::int64_t j = 0; j < panel.width; ++j) {
          out_.store(i, panel.first + j,
                     narrowed_sum<typename Update::factor_type>(stage[(i - first) * ld + j]));
        }
      }
    } else {
      for (std::int64_t j = 0; j < panel.width; ++j) {
        for (std::int64_t i = first; i < last; ++i) {
          out_.store(i, panel.first + j,
                     narrowed_sum<typename Update::factor_type>(stage[(i - first) * ld + j]));
        }
      }
    }
  }

  const execution_policy& policy_;
  const spmm_kernels<View, T>& kernels_;
  std::span<const panel_range> panels_;
  const Panels& b_;
  const Update& out_;
  std::int64_t stage_rows_;
  bool streams_; ///< some panels
  const S* corrections_ = nullptr;
  work_array<S> stage_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
