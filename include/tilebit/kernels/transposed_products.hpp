// Products with the transpose: rows of A spread rows of B over sums of their columns, a panel of
// columns of B at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/numeric.hpp"
#include "dispatch.hpp"
#include "panel_output.hpp"
#include "panel_sink.hpp"
#include "panels.hpp"
#include "parallel.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// n columns as panels, as narrow as it takes that every thread has one. An element of C is the sum
/// of the same products in the same order whatever the panels are.
inline std::vector<panel_range> cut_panels_for(const execution_policy& policy, std::int64_t n,
                                               std::int64_t lanes, std::int64_t widest) {
  while (widest > 1 && (n + widest * lanes - 1) / (widest * lanes) < thread_count(policy)) {
    widest /= 2;
  }
  return cut_panels(n, lanes, widest);
}

/// C = epilogue(alpha A^T B + beta C0), parts of whose rows A comes in. Threads share the panels.
/// Memory: sums of as many rows as A has columns, for a panel of each thread or a few of them.
template <class View, class Panels, class Update>
class transposed_products {
public:
  using T = typename View::scalar_type;

  /// Throws std::bad_alloc.
  transposed_products(const execution_policy& policy, const transposed_kernels<View, T>& kernels,
                      std::span<const panel_range> panels, Panels& b, const Update& out,
                      std::int64_t chunk_bytes)
      : policy_(policy), kernels_(kernels), panels_(panels), b_(b),
        sink_(out, kernels.lanes, b.bytes()), lds_(kernels.lanes * panels.front().vectors),
        at_a_time_(panels_at_a_time(chunk_bytes)), sums_(at_a_time_ * sums_of_panel()) {}

  /// parts(f) calls f(rows of A as a view, their number, the first one) for all parts, once for
  /// each chunk of panels.
  template <class Parts>
  void run(Parts&& parts) noexcept {
    for (std::size_t first = 0, last = 0; first < panels_.size(); first = last) {
      last = std::min(b_.end_of_chunk(first), first + at(at_a_time_));
      b_.prepare(policy_, first, last);
      const auto count = static_cast<int>(last - first);
      const auto panel = [&](int p) { return first + static_cast<std::size_t>(p); };
      for_each_task(policy_, count, [&](int p) {
        std::fill_n(sums_.get() + p * sums_of_panel(), sums_of_panel(), T{});
      });
      parts([&](const View& a, std::int64_t rows, std::int64_t row0) {
        for_each_task(policy_, count, [&](int p) {
          add(a, rows, row0, panel(p), sums_.get() + p * sums_of_panel());
        });
      });
      const int slices = thread_count(policy_) > 1 ? 4 : 1;
      for_each_task(policy_, count * slices, [&](int task) {
        const std::int64_t begin = sink_.rows() * (task % slices) / slices;
        const std::int64_t end = sink_.rows() * (task % slices + 1) / slices;
        T* const sums = sums_.get() + task / slices * sums_of_panel();
        finish(begin, end, panels_[panel(task / slices)], sums);
      });
    }
  }

private:
  /// One for each thread, or as many as fit chunks.
  std::int64_t panels_at_a_time(std::int64_t chunk_bytes) const noexcept {
    const std::int64_t threads = thread_count(policy_);
    const std::int64_t fitting =
        threads * chunk_bytes / (sums_of_panel() * std::int64_t{sizeof(T)});
    return std::min(std::max(threads, fitting), detail::length(panels_));
  }
  std::int64_t sums_of_panel() const noexcept {
    return std::max<std::int64_t>(1, sink_.rows() * lds_);
  }

  void add(const View& a, std::int64_t rows, std::int64_t row0, std::size_t p,
           T* sums) const noexcept {
    const panel_range& panel = panels_[p];
    auto* const kernel = kernels_.add(panel.vectors);
    const std::int64_t ldb = b_.ld(panel);
    const scattered_panel<T> to{b_.data(p) + row0 * ldb, ldb, rows, panel.width, sums, lds_};
    const std::int64_t units = (rows + rows_of_unit<View> - 1) / rows_of_unit<View>;
    if constexpr (requires { a.slabs(); }) {
      for (std::int64_t s = 0; s < a.slabs(); ++s) kernel(a.slab(s), 0, units, to);
    } else {
      kernel(a, 0, units, to);
    }
  }

  /// Stores rows [first, last) of a panel of C.
  void finish(std::int64_t first, std::int64_t last, const panel_range& panel,
              T* sums) const noexcept {
    panel_output<T> to = sink_.output(panel, 0);
    if (sink_.staged()) { // where they stand
      to.c = sums;
      to.c_ld = lds_;
    }
    if (!sink_.staged() || !to.is_sum()) {
      kernels_.finish(panel.vectors)(sums, lds_, first, last, panel.width, to);
      if (to.streams) finish_streams();
    }
    if (sink_.staged()) sink_.store(sums + first * lds_, lds_, first, last, panel);
  }

  const execution_policy& policy_;
  const transposed_kernels<View, T>& kernels_;
  std::span<const panel_range> panels_;
  Panels& b_;
  panel_sink<T, Update> sink_;
  std::int64_t lds_; ///< of sums
  std::int64_t at_a_time_;
  work_array<T> sums_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
