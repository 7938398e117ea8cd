// What becomes of the sums of panels: rows of C that kernels finish by themselves, or memory from
// which C is stored.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "../core/config.hpp"
#include "../core/numeric.hpp"
#include "../formats/dense.hpp"
#include "cache_lines.hpp"
#include "cost_model.hpp"
#include "panel_output.hpp"
#include "panels.hpp"
#include "stream_copy.hpp"
#include "transposed_copy.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

using detail::accumulator_t;
using detail::at;

/// The sum of products of T that a sum of wider numbers is.
template <class T, class S>
accumulator_t<T> narrowed_sum(S s) noexcept {
  if constexpr (std::is_integral_v<accumulator_t<T>> && std::is_floating_point_v<S>) {
    return static_cast<accumulator_t<T>>(static_cast<std::int64_t>(s)); // modulo 2^32
  } else {
    return s;
  }
}

/// C for sums of type S. Those are finished in the kernel where C holds numbers of their type, and
/// stored by it but for columns of C.
template <class S, class Update>
class panel_sink {
public:
  /// For kernels with so many lanes, which read so many bytes of B.
  panel_sink(const Update& out, std::int64_t lanes, std::int64_t bytes_of_b) noexcept
      : out_(out), lanes_(lanes), reads_addend_(out.beta != 0 && !in_place(out)),
        bytes_(bytes_of_b + (reads_addend_ ? 2 : 1) * out.c.rows() * out.c.cols() *
                                static_cast<std::int64_t>(sizeof(S))) {}

  std::int64_t rows() const noexcept { return out_.c.rows(); }
  std::int64_t ld() const noexcept { return out_.c.ld(); }
  /// Of B, C and an addend that is not C.
  std::int64_t bytes() const noexcept { return bytes_; }
  /// Do some panels go past the caches? That saves that C is read before it is written. Where C and
  /// B do not stay in a third-level cache together it pays even if C is read next (1.1 times as
  /// fast with 20 MB, Zen 4); with less it costs that reader more.
  bool streams() const noexcept {
    return !staged() && (out_.beta == 0 || reads_addend_) && bytes_ > detail::far_bytes;
  }
  /// Are rows of C joined, to be stored past the caches although they do not begin on lines? Those
  /// that follow each other in memory are, if they are several panels wide, but not many: 128 and
  /// 256 floats are 1.14 and 1.08 times as fast, 64 and 128 doubles 1.17 and 1.08 times (geometric
  /// means over seven matrices, 0.89 to 1.6, Zen 4).
  bool joins_rows() const noexcept {
    if constexpr (rows_of_c) {
      const std::int64_t row_bytes = out_.c.cols() * std::int64_t{sizeof(S)};
      return streams() && out_.c.ld() == out_.c.cols() && row_bytes > 256 && row_bytes <= 1024 &&
             bytes_before_lines(out_.c) != 0;
    }
    return false;
  }
  /// Stores rows [first, last), which follow each other in `sums`.
  void store_joined(const S* sums, std::int64_t first, std::int64_t last) const noexcept {
    if constexpr (rows_of_c && steps_in_registers) {
      stream_copy(sums, (last - first) * out_.c.cols(), &out_.c(first, 0));
    }
  }
  /// Are rows of C that do not go past the caches, and of an addend, asked for while the sums
  /// before them are added? Stores wait for each other's lines, which come from a third-level cache
  /// or from memory: with this, 256 to 1,024 columns are 1.02 to 1.11 times as fast (geometric
  /// means over eight matrices; up to 1.29, Zen 4), while rows of less than 512 bytes would be 1.02
  /// to 1.06 times as slow.
  bool fetches() const noexcept {
    return bytes_ > detail::far_bytes / 4 && out_.c.cols() * std::int64_t{sizeof(S)} >= 512;
  }
  /// Does the kernel apply factors and the addend? Corrections, which sums of integers have, are
  /// steps of it, behind alpha.
  bool scaled_by_kernel() const noexcept {
    return sums_of_c && (rows_of_c0 || out_.beta == 0) &&
           (!std::is_integral_v<S> || out_.alpha == 1);
  }
  /// And all steps, so that it does all but store into columns of C?
  bool finished_by_kernel() const noexcept { return steps_in_registers && scaled_by_kernel(); }
  /// Do sums have to be stored by store()?
  bool staged() const noexcept { return !rows_of_c || !finished_by_kernel(); }

  /// A panel from row row0 of C on, with corrections of its sums or none; c is nothing where sums
  /// are staged.
  panel_output<S> output(const panel_range& panel, std::int64_t row0,
                         const S* corrections = nullptr) const noexcept {
    panel_output<S> to;
    to.c_ld = out_.c.ld();
    to.rows = out_.c.rows() - row0;
    if (corrections != nullptr) {
      to.step[0] = {panel_step<S>::kind::bias, corrections};
      to.steps = 1;
    }
    if constexpr (sums_of_c) {
      if (scaled_by_kernel()) {
        to.alpha = static_cast<S>(out_.alpha);
        to.beta = out_.beta;
        if (out_.beta != 0) to.c0 = &out_.c0(row0, panel.first);
        to.c0_ld = out_.c0.ld();
      }
    }
    if constexpr (steps_in_registers) {
      if (finished_by_kernel()) {
        const auto own = at(to.steps);
        set_steps(to, out_.epilogue);
        for (std::size_t k = own; k < at(to.steps); ++k) {
          if (to.step[k].values != nullptr) to.step[k].values += row0;
        }
      }
      if (!staged()) {
        to.c = &out_.c(row0, panel.first);
        to.streams = streams() && whole_lines(panel, to.c);
        if (fetches() && reads_addend_) {
          to.fetched = to.c0;
          to.fetched_ld = to.c0_ld;
        } else if (fetches() && !to.streams) {
          to.fetched = to.c;
          to.fetched_ld = to.c_ld;
        }
      }
    }
    return to;
  }

  /// Asks for rows [first, last) of a panel where columns of C are what is stored: lines of many
  /// columns, which often come from a third-level cache.
  TILEBIT_ALWAYS_INLINE void fetch_columns(std::int64_t first, std::int64_t last,
                                           const panel_range& panel) const noexcept {
    if constexpr (!rows_of_c) {
      for (std::int64_t j = 0; j < panel.width; ++j) {
        fetch_lines(&out_.c(first, panel.first + j), last - first);
      }
    }
  }
  /// Stores rows [first, last) of a panel of sums that lie ld elements apart.
  void store(const S* sums, std::int64_t ld, std::int64_t first, std::int64_t last,
             const panel_range& panel) const noexcept {
    if constexpr (steps_in_registers) {
      if (finished_by_kernel()) {
        return transposed_copy(sums, ld, panel.width, last - first, &out_.c(first, panel.first),
                               out_.c.ld());
      }
    }
    if constexpr (sums_of_c && !steps_in_registers) {
      if (scaled_by_kernel()) return store_steps(sums, ld, first, last, panel);
    }
    const auto put = [&](std::int64_t i, std::int64_t j) {
      out_.store(i, panel.first + j,
                 narrowed_sum<typename Update::factor_type>(sums[(i - first) * ld + j]));
    };
    if (rows_of_c) {
      for (std::int64_t i = first; i < last; ++i) {
        for (std::int64_t j = 0; j < panel.width; ++j) put(i, j);
      }
    } else {
      for (std::int64_t j = 0; j < panel.width; ++j) {
        for (std::int64_t i = first; i < last; ++i) put(i, j);
      }
    }
  }

private:
  using LayoutC = typename decltype(std::declval<Update>().c)::layout_type;
  using LayoutC0 = typename decltype(std::declval<Update>().c0)::layout_type;
  static constexpr bool rows_of_c = std::same_as<LayoutC, row_major>;
  static constexpr bool rows_of_c0 = std::same_as<LayoutC0, row_major>;
  static constexpr bool sums_of_c = std::same_as<S, typename Update::result_type>;
  static constexpr bool steps_in_registers =
      sums_of_c && in_registers<S, std::remove_cvref_t<decltype(std::declval<Update>().epilogue)>>;

  /// The same where steps are all that is left to do, of which some are any callables.
  void store_steps(const S* sums, std::int64_t ld, std::int64_t first, std::int64_t last,
                   const panel_range& panel) const noexcept {
    const auto& steps = out_.epilogue;
    if constexpr (rows_of_c) {
      for (std::int64_t i = first; i < last; ++i) {
        const S* const from = sums + (i - first) * ld;
        S* const to = &out_.c(i, panel.first);
        std::int64_t j = 0;
        for (; j + 8 <= panel.width; j += 8) { // a constant count, which g++ -O2 vectorises
          for (std::int64_t k = j; k < j + 8; ++k) to[k] = steps(i, from[k]);
        }
        for (; j < panel.width; ++j) to[j] = steps(i, from[j]);
      }
    } else {
      for (std::int64_t j = 0; j < panel.width; ++j) {
        for (std::int64_t i = first; i < last; ++i) {
          out_.c(i, panel.first + j) = steps(i, sums[(i - first) * ld + j]);
        }
      }
    }
  }

  bool whole_lines(const panel_range& panel, const S* c) const noexcept {
    const auto on_line = [](std::uintptr_t bytes) { return bytes % 64 == 0; };
    return panel.width == panel.vectors * lanes_ && on_line(at(panel.width) * sizeof(S)) &&
           on_line(at(out_.c.ld()) * sizeof(S)) && on_line(reinterpret_cast<std::uintptr_t>(c));
  }

  static bool in_place(const Update& out) noexcept {
    return static_cast<const void*>(out.c0.data()) == static_cast<const void*>(out.c.data());
  }

  const Update& out_;
  std::int64_t lanes_;
  bool reads_addend_; ///< which is not C
  std::int64_t bytes_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
