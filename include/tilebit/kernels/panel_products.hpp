// Products of rows with panels of B.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
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
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// The columns of a unit, once for each row of B that a kernel loads.
template <class T, class I, class O>
std::span<const I> columns_of(const csr_view<const T, I, O>& a, std::int64_t i) noexcept {
  const auto first = static_cast<std::size_t>(a.row_offsets()[at(i)]);
  return a.col_indices().subspan(first,
                                 static_cast<std::size_t>(a.row_offsets()[at(i + 1)]) - first);
}
template <class T, class I>
std::span<const I> columns_of(const grouped_view<const T, I>& a, std::int64_t k) noexcept {
  const auto counts = a.pattern_counts().subspan(at(15 * k), 15);
  const auto n = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
  return a.col_indices().subspan(at(a.column_offsets()[at(k)]), n);
}
template <class T>
std::span<const std::uint32_t> columns_of(const row_chunks_view<T>& a, std::int64_t k) noexcept {
  const std::int64_t first = a.entry_offsets()[k];
  return {a.cols() + first, at(a.entry_offsets()[k + 1] - first)};
}

/// Asks for what is needed next of a row of B. Inlined as what calls it is, because g++ drops calls
/// of functions that do nothing but prefetch.
template <class T>
TILEBIT_ALWAYS_INLINE void fetch_row(const T* row, std::int64_t width) noexcept {
  constexpr std::int64_t line = 64 / std::int64_t{sizeof(T)};
  for (std::int64_t j = 0; j < width; j += line) TILEBIT_PREFETCH_L2(row + j);
}

/// The same for all rows at b that units of A will read.
template <class View, class T>
TILEBIT_ALWAYS_INLINE void fetch_rows(const View& a, unit_range units, const T* b, std::int64_t ldb,
                                      std::int64_t width) noexcept {
  for (std::int64_t u = units.first; u < units.last; ++u) {
    for (const auto column : columns_of(a, u)) {
      fetch_row(b + static_cast<std::int64_t>(column) * ldb, width);
    }
  }
}

/// Rows of B that units of A will read, but for those that were named a little earlier: worth a
/// list where several panels of them are fetched.
class rows_ahead {
public:
  template <class View>
  void collect(const View& a, unit_range units) noexcept {
    count_ = 0;
    for (std::int64_t u = units.first; u < units.last; ++u) {
      for (const auto column : columns_of(a, u)) {
        const auto row = static_cast<std::int64_t>(column);
        std::int64_t& seen = seen_[at(row) % seen_.size()];
        if (seen == row || count_ == rows_.size()) continue;
        seen = row;
        rows_[count_++] = row;
      }
    }
  }

  template <class T>
  TILEBIT_ALWAYS_INLINE void fetch(const T* b, std::int64_t ldb,
                                   std::int64_t width) const noexcept {
    for (std::size_t k = 0; k < count_; ++k) fetch_row(b + rows_[k] * ldb, width);
  }

private:
  std::array<std::int64_t, 256> seen_ = filled();
  std::array<std::int64_t, 1024> rows_;
  std::size_t count_ = 0;

  static std::array<std::int64_t, 256> filled() noexcept {
    std::array<std::int64_t, 256> none;
    none.fill(-1);
    return none;
  }
};

/// Products of CSR or grouped rows with all panels, stored in C from row `row0` on.
///
/// Sums that the kernel does not store into C are staged 16 rows at a time. Sums of several slabs
/// of columns are staged for 512 rows, which all slabs are added to before the next rows.
template <class View, class Panels, class Update>
class panel_products {
public:
  using T = typename View::scalar_type;
  using S = accumulator_t<T>;

  /// Throws std::bad_alloc.
  panel_products(const execution_policy& policy, const spmm_kernels<View, T>& kernels,
                 std::span<const panel_range> panels, const Panels& b, const Update& out,
                 bool slabs = false)
      : policy_(policy), kernels_(kernels), panels_(panels), b_(b),
        sink_(out, kernels.lanes, b.bytes()), stage_rows_(slabs ? 512 : 16) {
    if (sink_.staged() || slabs) {
      stage_ = work_array<S>(thread_count(policy) * stage_rows_ * stage_ld());
    }
  }

  /// corrections: of the sums of a's rows, to be added, or nothing.
  void run(const View& a, std::int64_t row0, std::size_t first, std::size_t last,
           const S* corrections = nullptr) noexcept {
    corrections_ = corrections;
    const auto panels = static_cast<int>(last - first);
    if (!b_.copies() && !b_.stays() && (panels > 1 || leaves_caches())) {
      return run_by_rows(a, row0, first, last);
    }
    const std::int64_t wanted =
        thread_count(policy_) > 1 ? std::int64_t{8} * thread_count(policy_) : 1;
    const block_list<View> blocks(
        a,
        static_cast<int>(std::clamp<std::int64_t>((wanted + panels - 1) / panels, 1, most_blocks)),
        cuts::between_units);
    for_each_task(policy_, panels * blocks.count(), [&](int task, int thread) {
      const unit_range range = blocks.units_of(task % blocks.count());
      multiply(a, row0, range, first + static_cast<std::size_t>(task / blocks.count()), thread);
      if (sink_.streams()) finish_streams();
    });
  }

private:
  /// Do B and C lie in memory?
  bool leaves_caches() const noexcept { return sink_.bytes() > detail::far_bytes / 2 * 3; }

  /// All panels of a few rows before the next rows: where no panel stays in the cache, the rows of
  /// B that neighbouring rows of A share may, and B is read in long pieces.
  void run_by_rows(const View& a, std::int64_t row0, std::size_t first,
                   std::size_t last) const noexcept {
    const block_list<View> blocks(a, thread_count(policy_) > 1 ? most_blocks : 1,
                                  cuts::between_units);
    const bool several = last - first > 1;
    bool ahead = leaves_caches();
    if constexpr (requires { a.slabs(); }) ahead = ahead && a.slabs() == 1;
    const std::int64_t step = ahead ? units_to_fetch(a) : rows_of_step() / height;
    for_each_task(policy_, blocks.count(), [&](int task, int thread) {
      const unit_range range = blocks.units_of(task);
      rows_ahead rows;
      for (std::int64_t u = range.first; u < range.last; u += step) {
        const std::int64_t next = std::min(u + step, range.last);
        const unit_range after{next, std::min(next + step, range.last)};
        if (ahead && several) rows.collect(a, after);
        for (std::size_t p = first; p < last; ++p) {
          const panel_range& panel = panels_[p];
          if (ahead && several) rows.fetch(b_.data(p), b_.ld(panel), panel.width);
          if (ahead && !several) fetch_rows(a, after, b_.data(p), b_.ld(panel), panel.width);
          multiply(a, row0, {u, next}, p, thread);
        }
      }
      if (sink_.streams()) finish_streams();
    });
  }

  /// Rows whose panels follow each other closely enough for the processor to find the pieces of a
  /// row of B in sequence.
  std::int64_t rows_of_step() const noexcept {
    return std::max<std::int64_t>(4, 8192 / b_.row_bytes());
  }

  /// Units that about a quarter of a megabyte of B is fetched for, 4 to 32 rows: half of a
  /// second-level cache has to hold those of this step and of the next.
  std::int64_t units_to_fetch(const View& a) const noexcept {
    constexpr std::int64_t entry = sizeof(T) + sizeof(std::int32_t);
    const std::int64_t n = std::max<std::int64_t>(1, units(a));
    const std::int64_t entries = unit_piece<View>::bytes_before(a, units(a)) / entry / n + 1;
    const std::int64_t rows_of_b = (std::int64_t{1} << 18) / b_.row_bytes();
    return std::clamp<std::int64_t>(rows_of_b / entries, 4 / height, 32 / height);
  }

  static constexpr std::int64_t height = rows_of_unit<View>;

  std::int64_t stage_ld() const noexcept { return kernels_.lanes * kernels_.widest; }

  void multiply(const View& a, std::int64_t row0, unit_range units, std::size_t p,
                int thread) const noexcept {
    const panel_range& panel = panels_[p];
    auto* const kernel = kernels_(panel.vectors);
    const T* const b = b_.data(p);
    const std::int64_t ldb = b_.ld(panel);
    panel_output<S> to = sink_.output(panel, row0, corrections_);
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
    if (!sink_.staged()) return kernel(a, units.first, units.last, b, ldb, panel.width, to);
    const S* const c0 = to.c0;
    for (std::int64_t u = units.first; u < units.last; u += stage_rows_ / height) {
      const std::int64_t end = std::min(u + stage_rows_ / height, units.last);
      to.first_row = u * height;
      to.c = stage;
      to.c_ld = stage_ld();
      if (c0 != nullptr) to.c0 = c0 + to.first_row * to.c0_ld;
      kernel(a, u, end, b, ldb, panel.width, to);
      store(stage, row0, u, end, panel);
    }
  }

  /// Stores the staged sums of units [first, last).
  void store(const S* stage, std::int64_t row0, std::int64_t first, std::int64_t last,
             const panel_range& panel) const noexcept {
    sink_.store(stage, stage_ld(), row0 + first * height,
                std::min(row0 + last * height, sink_.rows()), panel);
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
          if (!sink_.staged()) {
            part.c = to.c + part.first_row * to.c_ld;
            part.c_ld = to.c_ld;
            part.streams = to.streams;
          }
        }
        add(s, u, end, part);
        part.beta = S{1};
        part.c0 = stage;
        part.c0_ld = stage_ld();
      }
      if (sink_.staged()) store(stage, row0, u, end, panel);
    }
  }

  const execution_policy& policy_;
  const spmm_kernels<View, T>& kernels_;
  std::span<const panel_range> panels_;
  const Panels& b_;
  panel_sink<S, Update> sink_;
  std::int64_t stage_rows_;
  const S* corrections_ = nullptr;
  work_array<S> stage_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
