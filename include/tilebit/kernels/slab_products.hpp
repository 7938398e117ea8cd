// Products of grouped rows that are cut into several slabs of columns with panels of B.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/numeric.hpp"
#include "../formats/optimized.hpp"
#include "blocks.hpp"
#include "dispatch.hpp"
#include "panel_output.hpp"
#include "panel_sink.hpp"
#include "panels.hpp"
#include "parallel.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Products of grouped rows with all panels, stored in C.
///
/// Sums of a step of rows are staged, and all slabs are added to them before the next step: the
/// rows of A stay in the caches for all panels, and the rows of B of a slab for all rows of A.
template <class View, class Panels, class Update>
class slab_products {
public:
  using T = typename View::scalar_type;
  using S = accumulator_t<T>;

  /// Steps have at most so many rows, a multiple of four. Throws std::bad_alloc.
  slab_products(const execution_policy& policy, const spmm_kernels<View, T>& kernels,
                std::span<const panel_range> panels, const Panels& b, const Update& out,
                std::int64_t rows_of_step)
      : policy_(policy), kernels_(kernels), panels_(panels), b_(b),
        sink_(out, kernels.lanes, b.bytes()), step_(rows_of_step / height),
        stage_(thread_count(policy) * rows_of_step * stage_ld()) {}

  /// corrections: of the sums of a's rows, to be added, or nothing.
  void run(const View& a, std::size_t first, std::size_t last,
           const S* corrections = nullptr) noexcept {
    const std::int64_t blocks = a.blocks();
    std::int64_t steps = (blocks + step_ - 1) / step_; // of the same length, but for one block
    if (!Panels::copies_slabs) {                       // shorter ones cost little
      constexpr std::int64_t least = 64 / height;
      steps =
          std::clamp((blocks + least - 1) / least, steps, std::max(steps, tasks_wanted(policy_)));
    }
    const auto run_step = [&](std::int64_t step, std::size_t begin, std::size_t end, int thread) {
      const unit_range units{blocks * step / steps, blocks * (step + 1) / steps};
      for (std::size_t p = begin; p < end; ++p) multiply(a, units, p, corrections, thread);
      if (sink_.streams()) finish_streams();
    };
    for_each_group(policy_, steps, first, last, run_step);
  }

private:
  static constexpr std::int64_t height = View::height;

  std::int64_t stage_ld() const noexcept { return kernels_.lanes * kernels_.widest; }

  /// Slab by slab: the first one starts from the addend, the others from the sums before them, and
  /// the last one takes the steps of the epilogue.
  void multiply(const View& a, unit_range units, std::size_t p, const S* corrections,
                int thread) const noexcept {
    const panel_range& panel = panels_[p];
    auto* const kernel = kernels_.multiply(panel.vectors);
    S* const stage = stage_.get() + thread * step_ * height * stage_ld();
    const panel_output<S> to = sink_.output(panel, 0, corrections);
    panel_output<S> part = to;
    part.first_row = units.first * height;
    part.whole_b = b_.aligns_vectors();
    part.streams = false;
    part.fetched = nullptr;
    part.steps = 0;
    part.c = stage;
    part.c_ld = stage_ld();
    if (to.c0 != nullptr) part.c0 = to.c0 + part.first_row * to.c0_ld;
    for (std::int64_t s = 0; s < a.slabs(); ++s) {
      if (s + 1 == a.slabs()) {
        part.steps = to.steps;
        if (!sink_.staged()) {
          part.c = to.c + part.first_row * to.c_ld;
          part.c_ld = to.c_ld;
          part.streams = to.streams;
          if (to.fetched == to.c) part.fetched = part.c;
          part.fetched_ld = part.c_ld;
        }
      }
      const T* const b = b_.prepare_slab(p, {a.first_column(s), a.first_column(s + 1)}, thread);
      kernel(a.slab(s), units.first, units.last, b, b_.ld(panel), panel.width, part);
      part.beta = S{1};
      part.c0 = stage;
      part.c0_ld = stage_ld();
    }
    if (sink_.staged()) {
      sink_.store(stage, stage_ld(), part.first_row, std::min(units.last * height, sink_.rows()),
                  panel);
    }
  }

  const execution_policy& policy_;
  const spmm_kernels<View, T>& kernels_;
  std::span<const panel_range> panels_;
  const Panels& b_;
  panel_sink<S, Update> sink_;
  std::int64_t step_; ///< blocks
  work_array<S> stage_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
