// Products of rows with panels of B.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/numeric.hpp"
#include "blocks.hpp"
#include "cost_model.hpp"
#include "dispatch.hpp"
#include "panel_output.hpp"
#include "panel_sink.hpp"
#include "panels.hpp"
#include "parallel.hpp"
#include "rows_ahead.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Bytes of a unit on average.
template <class View>
std::int64_t bytes_of_unit(const View& a) noexcept {
  return unit_piece<View>::bytes_before(a, units(a)) / std::max<std::int64_t>(1, units(a));
}

/// Units after which the next panel is taken: rows of A that stay in a cache until the last panel
/// has seen them, and so few that the pieces of a row of C are written soon after each other.
/// Wide C that lies in memory is written up to twice as fast so.
template <class View>
std::int64_t units_of_step(const View& a) noexcept {
  constexpr std::int64_t height = rows_of_unit<View>;
  return std::clamp<std::int64_t>((std::int64_t{1} << 17) / (bytes_of_unit(a) + 1), 16 / height,
                                  256 / height);
}

/// Products of CSR or grouped rows with all panels, stored in C from row `row0` on.
///
/// Sums that the kernel does not store into C are staged 16 rows at a time. Grouped rows have one
/// slab: those of several are multiplied by slab_products.
template <class View, class Panels, class Update>
class panel_products {
public:
  using T = typename View::scalar_type;
  using S = accumulator_t<T>;

  /// Throws std::bad_alloc.
  panel_products(const execution_policy& policy, const spmm_kernels<View, T>& kernels,
                 std::span<const panel_range> panels, const Panels& b, const Update& out)
      : policy_(policy), kernels_(kernels), panels_(panels), b_(b),
        sink_(out, kernels.lanes, b.bytes()) {
    if (sink_.staged() || sink_.joins_rows()) {
      stage_ = work_array<S>(thread_count(policy) * stage_rows * stage_ld());
    }
  }

  /// corrections: of the sums of a's rows, to be added, or nothing.
  void run(const View& a, std::int64_t row0, std::size_t first, std::size_t last,
           const S* corrections = nullptr) noexcept {
    corrections_ = corrections;
    if constexpr (Panels::in_place) {
      const bool several = last - first > 1;
      const bool near = b_.stays() && (detail::slow_gathers() || !several);
      if (!b_.copies() && !near && (several || may_leave_caches())) {
        return run_by_rows(a, row0, first, last);
      }
    }
    const auto parts = static_cast<int>(std::clamp<std::int64_t>(
        units(a) * height / 64, 1, std::min<std::int64_t>(tasks_wanted(policy_), most_blocks)));
    const block_list<View> blocks(a, parts, cuts::between_units);
    const auto run_part = [&](std::int64_t part, std::size_t begin, std::size_t end, int thread) {
      const unit_range range = blocks.units_of(static_cast<int>(part));
      const std::int64_t step = end - begin > 1 ? units_of_step(a) : range.last - range.first;
      multiply_in_steps(a, row0, range, begin, end, thread, step);
      if (sink_.streams()) finish_streams();
    };
    for_each_group(policy_, parts, first, last, run_part);
  }

private:
  /// Do B and C lie in memory? And may they, because others have a share of a third-level cache?
  bool leaves_caches() const noexcept { return sink_.bytes() > detail::far_bytes / 4 * 5; }
  bool may_leave_caches() const noexcept { return sink_.bytes() > detail::far_bytes / 8 * 5; }

  /// Do kernels ask for the row of B of each entry ahead? For several panels that may leave the
  /// caches, or a single one that does. Where rows of A name the same rows of B again and again
  /// that is all: lists are faster for several panels in memory, and nothing for one in a cache.
  ///
  /// Processors with fast gathers (Granite Rapids) find most rows by themselves: kernels ask where
  /// rows of A are so short that there is little else to do while lines arrive, and rows of B so
  /// long that they are loaded in several pieces, but not longer.
  bool fetches_rows(const View& a, bool several) const noexcept {
    if (!may_leave_caches()) return false;
    if (detail::slow_gathers()) return several != leaves_caches() || scatters_loads(a);
    return several && leaves_caches() && b_.row_bytes() > 512 && b_.row_bytes() <= 1024 &&
           loads_of_row(a) < 6;
  }

  /// Are rows of B many panels of AVX2 long? A few rows of A then pass all of them before the next,
  /// and the processor finds the pieces by itself: 1.1 to 2.4 times as fast as rows that are asked
  /// for, from about 4,000 bytes on (Zen 3; 0.85 to 1.6 times at 2,048 and 3,072).
  bool reads_long_rows() const noexcept {
    return detail::slow_gathers() && panel_bytes() <= 128 && b_.row_bytes() > 3072;
  }
  std::int64_t panel_bytes() const noexcept {
    return kernels_.lanes * kernels_.widest * std::int64_t{sizeof(T)};
  }

  /// Are they listed? For several panels in memory; on processors with fast gathers only short rows
  /// of A and longer rows of B than those that kernels ask for (the others are 1.1 to 1.3 times as
  /// fast without).
  bool lists_rows(const View& a, bool several) const noexcept {
    if constexpr (requires { a.tile_cols(); }) return false; // which stand for four rows each
    if (!several || !leaves_caches()) return false;
    return detail::slow_gathers() || (b_.row_bytes() > 1024 && loads_of_row(a) < 8);
  }

  /// All panels of a few rows before the next rows: where no panel stays in the cache, the rows of
  /// B that neighbouring rows of A share may, and B is read in long pieces.
  void run_by_rows(const View& a, std::int64_t row0, std::size_t first,
                   std::size_t last) const noexcept {
    const block_list<View> blocks(a, thread_count(policy_) > 1 ? most_blocks : 1,
                                  cuts::between_units);
    const bool several = last - first > 1;
    const bool asks = !several || !reads_long_rows();
    const bool fetched = asks && fetches_rows(a, several);
    const bool listed = asks && !fetched && lists_rows(a, several);
    const std::int64_t step = several && !fetched ? rows_of_step() : rows_of_long_step;
    for_each_task(policy_, blocks.count(), [&](int task, int thread) {
      const unit_range range = blocks.units_of(task);
      if (listed) {
        multiply_listed(a, row0, range, first, last, thread);
      } else {
        multiply_in_steps(a, row0, range, first, last, thread, step / height, fetched);
      }
      if (sink_.streams()) finish_streams();
    });
  }

  /// Several panels, while rows of B that are needed some units later are fetched: a few at a time
  /// between products, because a processor waits where it has asked for more lines than it keeps
  /// track of. Sums that are staged are multiplied as many rows at a time as are stored together.
  void multiply_listed(const View& a, std::int64_t row0, unit_range range, std::size_t first,
                       std::size_t last, int thread) const noexcept {
    const std::int64_t lead = units_to_fetch(a);
    const bool joined = joins_rows(first, last);
    const std::int64_t together = sink_.staged() || joined ? stage_rows / height : 1;
    rows_ahead rows;
    std::int64_t fetched = range.first; // rows of B for the units before it
    for (std::int64_t u = range.first, next = u; u < range.last; u = next) {
      fetched = rows.collect(a, {fetched, range.last}, most_rows_to_fetch / height);
      next = fetched == range.last
                 ? fetched
                 : std::max(u, range.first + (fetched - lead - range.first) / together * together);
      for (std::int64_t v = u; v < next;) {
        const unit_range now{v, joined ? std::min(v + together, next) : next};
        for (std::size_t p = first; p < last; ++p) {
          const panel_range& panel = panels_[p];
          if (v == u) rows.fetch(b_.data(p), b_.ld(panel), panel.width);
          multiply(a, row0, now, p, thread, joined);
        }
        if (joined) store_joined(row0, now, thread);
        v = now.last;
      }
    }
  }

  /// Rows whose panels follow each other closely enough for the processor to find the pieces of a
  /// row of B in sequence. Those with fast gathers do not, and take as many as share rows of B.
  std::int64_t rows_of_step() const noexcept {
    if (reads_long_rows()) return std::max<std::int64_t>(2, height);
    return detail::slow_gathers() ? std::max<std::int64_t>(4, 8192 / b_.row_bytes()) : 32;
  }

  /// Units that about a quarter of a megabyte of B is fetched for, 4 to 32 rows: they and what is
  /// read meanwhile have to stay in a second-level cache.
  std::int64_t units_to_fetch(const View& a) const noexcept {
    constexpr std::int64_t entry = sizeof(T) + sizeof(std::int32_t);
    const std::int64_t entries = bytes_of_unit(a) / entry + 1;
    const std::int64_t rows_of_b = (std::int64_t{1} << 18) / b_.row_bytes();
    return std::clamp<std::int64_t>(rows_of_b / entries, 4 / height, most_rows_to_fetch / height);
  }

  void multiply_in_steps(const View& a, std::int64_t row0, unit_range range, std::size_t first,
                         std::size_t last, int thread, std::int64_t step,
                         bool fetches_b = false) const noexcept {
    const bool joined = joins_rows(first, last);
    if (joined) step = std::min(step, stage_rows / height);
    for (std::int64_t u = range.first; u < range.last; u += step) {
      const unit_range now{u, std::min(u + step, range.last)};
      for (std::size_t p = first; p < last; ++p) {
        multiply(a, row0, now, p, thread, joined, fetches_b);
      }
      if (joined) store_joined(row0, now, thread);
    }
  }

  void store_joined(std::int64_t row0, unit_range units, int thread) const noexcept {
    sink_.store_joined(stage_of(thread), row0 + units.first * height,
                       std::min(row0 + units.last * height, sink_.rows()));
  }
  /// Are these panels all that there are, and rows of C joined? Not where copies of B are read
  /// panel by panel, by many rows (0.8 of the speed).
  bool joins_rows(std::size_t first, std::size_t last) const noexcept {
    if constexpr (Panels::in_place) {
      return first == 0 && last == panels_.size() && !b_.copies() && sink_.joins_rows();
    }
    return false;
  }
  static constexpr std::int64_t height = rows_of_unit<View>;
  static constexpr std::int64_t stage_rows = 16;
  static constexpr std::int64_t most_rows_to_fetch = 32; ///< rows of A whose rows of B are listed
  static constexpr std::int64_t rows_of_long_step = 256; ///< where kernels fetch rows of B

  S* stage_of(int thread) const noexcept { return stage_.get() + thread * stage_rows * stage_ld(); }
  std::int64_t stage_ld() const noexcept {
    return sink_.joins_rows() ? sink_.ld() : kernels_.lanes * kernels_.widest;
  }

  /// Joined: into the stage, of at most 16 rows.
  void multiply(const View& a, std::int64_t row0, unit_range units, std::size_t p, int thread,
                bool joined, bool fetches_b = false) const noexcept {
    if (units.first == units.last) return;
    const panel_range& panel = panels_[p];
    auto* const kernel = kernels_.multiply(panel.vectors);
    const T* const b = b_.data(p);
    const std::int64_t ldb = b_.ld(panel);
    panel_output<S> to = sink_.output(panel, row0, corrections_);
    to.fetches_b = fetches_b;
    to.whole_b = b_.aligns_vectors();
    if (joined) {
      to.streams = false;
      to.first_row = units.first * height;
      to.c = stage_of(thread) + panel.first;
      if (to.c0 != nullptr) to.c0 += to.first_row * to.c0_ld;
      to.fetched = nullptr;
    }
    if (!sink_.staged()) return kernel(a, units.first, units.last, b, ldb, panel.width, to);
    S* const stage = stage_of(thread);
    const S* const c0 = to.c0;
    for (std::int64_t u = units.first; u < units.last; u += stage_rows / height) {
      const std::int64_t end = std::min(u + stage_rows / height, units.last);
      to.first_row = u * height;
      to.c = stage;
      to.c_ld = stage_ld();
      if (c0 != nullptr) to.c0 = c0 + to.first_row * to.c0_ld;
      kernel(a, u, end, b, ldb, panel.width, to);
      sink_.store(stage, stage_ld(), row0 + to.first_row,
                  std::min(row0 + end * height, sink_.rows()), panel);
    }
  }

  const execution_policy& policy_;
  const spmm_kernels<View, T>& kernels_;
  std::span<const panel_range> panels_;
  const Panels& b_;
  panel_sink<S, Update> sink_;
  const S* corrections_ = nullptr;
  work_array<S> stage_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
