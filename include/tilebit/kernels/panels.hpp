// Panels: B and C cut into columns that fit the registers of a kernel. Panels of B are copied, row
// by row on cache lines, where its rows are read often enough.
//
// Rows of B that begin anywhere make every load touch two cache lines, and rows a power of two
// apart share a few sets of the caches: from the caches, the copy is worth a factor of two.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>
#include <vector>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/isa.hpp"
#include "../core/numeric.hpp"
#include "../formats/dense.hpp"
#include "../formats/optimized.hpp"
#include "cache_lines.hpp"
#include "parallel.hpp"
#include "transposed_copy.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

using detail::at;

/// Bytes before the first cache line that begins in a row of a row-major matrix, or a column of
/// another one, if they are the same for all of them, or 64.
template <class T, class Layout>
std::uintptr_t bytes_before_lines(const dense_view<T, Layout>& a) noexcept {
  if (a.ld() * static_cast<std::int64_t>(sizeof(T)) % 64 != 0) return 64;
  return -reinterpret_cast<std::uintptr_t>(a.data()) % 64;
}

/// Columns [first, first + width), for a kernel of so many vectors.
struct panel_range {
  std::int64_t first;
  std::int64_t width;
  std::int64_t vectors;
};

/// How kernels take columns that are not a power of two vectors: three of them as two and one, or
/// as four that overlap, because a panel costs more than a vector.
enum class panel_ends { apart, overlapping };

/// n columns as panels of at most `widest` vectors. Throws std::bad_alloc.
inline std::vector<panel_range> cut_panels(std::int64_t n, std::int64_t lanes, std::int64_t widest,
                                           panel_ends ends = panel_ends::apart) {
  const std::int64_t overlap = ends == panel_ends::overlapping ? 2 : 1;
  std::vector<panel_range> panels;
  for (std::int64_t j = 0; j < n; j += panels.back().width) {
    const std::int64_t left = n - j;
    std::int64_t vectors = widest;
    while (vectors > 1 && left <= (vectors - (vectors > 2 ? overlap : 1)) * lanes) vectors /= 2;
    panels.push_back({j, std::min(left, vectors * lanes), vectors});
  }
  return panels;
}

/// Columns that a kernel of so many vectors takes at least, whose last two vectors may overlap.
constexpr std::int64_t least_width(std::int64_t vectors, std::int64_t lanes) noexcept {
  return std::max<std::int64_t>(1, vectors - 2) * lanes;
}

/// n columns, a multiple of those of the widest panel, as panels for its kernel alone, so that sums
/// have the same bits. All but the first one, of `head` columns, begin a multiple of `line` columns
/// behind it, and all but the last two are full. Throws std::bad_alloc.
inline std::vector<panel_range> cut_full_panels(std::int64_t n, std::int64_t lanes,
                                                std::int64_t widest, std::int64_t head,
                                                std::int64_t line) {
  const std::int64_t full = widest * lanes;
  const std::int64_t least = least_width(widest, lanes);
  std::vector<panel_range> panels{{0, head, widest}};
  for (std::int64_t j = head; j < n; j += panels.back().width) {
    const std::int64_t left = n - j;
    const bool shared = left > full && left < full + least; // by two panels
    panels.push_back({j, shared ? (left - least) / line * line : std::min(left, full), widest});
  }
  return panels;
}

/// Copies a row of a panel vector by vector as kernels take them: each to a place of its own, on
/// cache lines, also where they overlap. In place where `to` is `from`.
template <class T>
void align_vectors(const T* from, const panel_range& panel, std::int64_t lanes, T* to) noexcept {
  const std::size_t bytes = at(lanes) * sizeof(T);
  if (panel.width < lanes || bytes < 32) { // a single one
    if (to != from) std::copy_n(from, panel.width, to);
    return;
  }
  const bool lines = bytes == 64; // or half lines
  for (std::int64_t j = panel.vectors - 1; j >= 0; --j) {
    const T* const vector = from + std::min(j * lanes, panel.width - lanes);
    if (lines) { // constant sizes, for which no function is called
      std::memmove(to + j * lanes, vector, 64);
    } else {
      std::memmove(to + j * lanes, vector, 32);
    }
  }
}

/// The same for so many rows of a copy, in place.
template <class T>
void align_rows(T* rows, std::int64_t n, const panel_range& panel, std::int64_t lanes) noexcept {
  for (T* row = rows; n > 0; --n, row += panel.vectors * lanes) {
    align_vectors(row, panel, lanes, row);
  }
}

/// Calls f(first, last) for the chunks of panels that bs has at the same time, prepared.
template <class Panels, class F>
void for_each_chunk(const execution_policy& policy, std::span<const panel_range> panels, Panels& bs,
                    F&& f) {
  for (std::size_t first = 0, last = 0; first < panels.size(); first = last) {
    last = bs.end_of_chunk(first);
    bs.prepare(policy, first, last);
    f(first, last);
  }
}

/// Tasks of a product: several for each thread, because threads are not equally fast.
inline std::int64_t tasks_wanted(const execution_policy& policy) noexcept {
  const int threads = thread_count(policy);
  return threads > 1 ? std::int64_t{8} * threads : 1;
}

/// Calls f(part, begin, end, thread) for each of so many parts of the rows and each of some groups
/// of panels [first, last), of as many groups as make the tasks that are wanted.
template <class F>
void for_each_group(const execution_policy& policy, std::int64_t parts, std::size_t first,
                    std::size_t last, F&& f) {
  const auto panels = static_cast<std::int64_t>(last - first);
  const std::int64_t wanted = (tasks_wanted(policy) + parts - 1) / parts;
  const std::int64_t groups = std::clamp<std::int64_t>(wanted, 1, panels);
  for_each_task(policy, static_cast<int>(parts * groups), [&](int task, int thread) {
    const std::int64_t group = task % groups;
    f(task / groups, first + at(panels * group / groups), first + at(panels * (group + 1) / groups),
      thread);
  });
}

/// Bytes of copies after which a chunk of panels ends. Small ones stay in half of a second-level
/// cache until they are read. Large ones are for matrices whose rows are made anew for each chunk,
/// and where long pieces of C are worth more.
inline constexpr std::int64_t small_chunk = std::int64_t{1} << 19;
inline constexpr std::int64_t large_chunk = std::int64_t{8} << 20;

/// Memory for copies of panels, as many at a time as fit a chunk, whole ones.
template <class P>
class panel_copies {
public:
  panel_copies(std::span<const panel_range> panels, std::int64_t lanes, std::int64_t rows,
               std::int64_t chunk_bytes) noexcept
      : panels_(panels), lanes_(lanes), rows_(rows), chunk_bytes_(chunk_bytes) {}

  /// Throws std::bad_alloc.
  void allocate() {
    std::int64_t most = 0; // elements of a row in the panels of a chunk
    for (std::size_t first = 0, last = 0; first < panels_.size(); first = last) {
      last = end_of_chunk(first);
      std::int64_t elements = 0;
      for (std::size_t p = first; p < last; ++p) elements += ld(panels_[p]);
      most = std::max(most, elements);
    }
    memory_ = work_array<P>(most * rows_);
  }

  /// Panels [first, end_of_chunk(first)) are there at the same time.
  std::size_t end_of_chunk(std::size_t first) const noexcept {
    std::int64_t bytes = 0;
    std::size_t last = first;
    do {
      bytes += ld(panels_[last++]) * rows_ * std::int64_t{sizeof(P)};
    } while (last < panels_.size() && bytes < chunk_bytes_);
    return last;
  }
  void start(std::size_t first) noexcept { first_ = first; }

  const panel_range& panel(std::size_t p) const noexcept { return panels_[p]; }
  std::int64_t rows() const noexcept { return rows_; }
  std::int64_t ld(const panel_range& p) const noexcept { return p.vectors * lanes_; }
  P* data(std::size_t p) const noexcept {
    std::int64_t before = 0;
    for (std::size_t q = first_; q < p; ++q) before += ld(panels_[q]);
    return memory_.get() + before * rows_;
  }
  std::int64_t panel_bytes() const noexcept {
    return panels_.empty() ? 0 : ld(panels_.front()) * rows_ * std::int64_t{sizeof(P)};
  }

private:
  std::span<const panel_range> panels_;
  std::int64_t lanes_;
  std::int64_t rows_;
  std::int64_t chunk_bytes_;
  std::size_t first_ = 0;
  work_array<P> memory_;
};

/// How often rows of B are loaded on average where each row of A loads its own.
inline constexpr double rows_read_once = 1;

/// Asks for n elements, from column j on, of the row of B that is copied `ahead` rows after row k:
/// pieces of distant rows are not what the processor fetches ahead by itself.
template <class T>
TILEBIT_ALWAYS_INLINE void fetch_ahead(const dense_view<const T, row_major>& b, std::int64_t k,
                                       std::int64_t ahead, std::int64_t j,
                                       std::int64_t n) noexcept {
  if (k + ahead < b.rows()) fetch_lines(b.data() + (k + ahead) * b.ld() + j, n);
}

/// B as kernels read it: a panel is at data() with rows ld() elements apart.
template <class T, class Layout>
class panels_of_b {
public:
  /// Copies panels, whose ends overlap or not, where rows of B that are loaded `uses` times on
  /// average repay it. Throws std::bad_alloc.
  panels_of_b(const dense_view<const T, Layout>& b, std::span<const panel_range> panels,
              std::int64_t lanes, double uses, std::int64_t chunk_bytes, panel_ends ends)
      : b_(b), panels_(panels), lanes_(lanes), copy_(panels, lanes, b.rows(), chunk_bytes),
        copies_(worth_copying(b, panels, lanes, uses)),
        aligns_(copies_ && ends == panel_ends::overlapping) {
    if (copies_) copy_.allocate();
  }

  /// Are copies repaid by rows of B that are loaded `uses` times on average? Columns cannot be
  /// loaded at all.
  static bool worth_copying(const dense_view<const T, Layout>& b,
                            std::span<const panel_range> panels, std::int64_t lanes,
                            double uses) noexcept {
    const std::int64_t width = panels.empty() ? 0 : panels.front().vectors * lanes;
    return !std::is_same_v<Layout, row_major> ||
           (uses >=
                uses_of_copies(b, b.rows() * width * std::int64_t{sizeof(T)}, panels.size() <= 1) &&
            !single_on_lines(b, panels, width));
  }

  /// Panels [first, end_of_chunk(first)) are there at the same time.
  std::size_t end_of_chunk(std::size_t first) const noexcept {
    return copies_ ? copy_.end_of_chunk(first) : panels_.size();
  }

  void prepare(const execution_policy& policy, std::size_t first, std::size_t last) noexcept {
    if (!copies_) return;
    copy_.start(first);
    const auto slices = static_cast<int>(std::clamp<std::int64_t>(b_.rows() / 64, 1, 256));
    for_each_task(policy, slices, [&](int slice) {
      const std::int64_t k0 = b_.rows() * slice / slices;
      const std::int64_t k1 = b_.rows() * (slice + 1) / slices;
      if constexpr (std::is_same_v<Layout, row_major>) {
        const std::int64_t begin = panels_[first].first;
        const std::int64_t end = panels_[last - 1].first + panels_[last - 1].width;
        for (std::int64_t k = k0; k < k1; ++k) { // whole rows, because B is read in its order
          fetch_ahead(b_, k, 8, begin, end - begin);
          T* to = copy_.data(first);
          for (std::size_t p = first; p < last; ++p) {
            const T* const row = b_.data() + k * b_.ld() + panels_[p].first;
            if (aligns_) {
              align_vectors(row, panels_[p], lanes_, to + k * ld(panels_[p]));
            } else {
              std::copy_n(row, panels_[p].width, to + k * ld(panels_[p]));
            }
            to += b_.rows() * ld(panels_[p]);
          }
        }
      } else {
        for (std::size_t p = first; p < last; ++p) {
          const std::int64_t ldp = ld(panels_[p]);
          transposed_copy(b_.data() + panels_[p].first * b_.ld() + k0, b_.ld(), k1 - k0,
                          panels_[p].width, copy_.data(p) + k0 * ldp, ldp);
          if (aligns_) align_rows(copy_.data(p) + k0 * ldp, k1 - k0, panels_[p], lanes_);
        }
      }
    });
  }

  static constexpr bool in_place = true;      ///< where they are not copied
  static constexpr bool copies_slabs = false; ///< all of B is there for every slab
  const T* prepare_slab(std::size_t p, unit_range, std::int64_t) const noexcept { return data(p); }

  bool copies() const noexcept { return copies_; }
  /// Are rows of panels whole vectors, as align_vectors leaves them?
  bool aligns_vectors() const noexcept { return aligns_; }
  /// Does a panel stay in the second-level cache while A passes by?
  bool stays() const noexcept { return copy_.panel_bytes() <= std::int64_t{1} << 20; }
  std::int64_t row_bytes() const noexcept { return b_.cols() * std::int64_t{sizeof(T)}; }
  std::int64_t bytes() const noexcept { return b_.rows() * row_bytes(); }

  const T* data(std::size_t p) const noexcept {
    return copies_ ? copy_.data(p) : b_.data() + panels_[p].first;
  }
  std::int64_t ld(const panel_range& p) const noexcept { return copies_ ? copy_.ld(p) : b_.ld(); }

private:
  /// How often rows of B have to be loaded to repay a copy (bench/run --spmm; Zen 4, and Granite
  /// Rapids where gathers are fast).
  ///
  /// What a copy in the second-level cache saves are sets that rows share, the more the higher the
  /// power of two that divides their distance, and loads of two lines; short rows on lines that
  /// share few sets have neither. Copies in the third level cost the more, the larger they are, and
  /// those that go to memory and back are read from there as slowly as B itself.
  static double uses_of_copies(const dense_view<const T, Layout>& b, std::int64_t panel_bytes,
                               bool single) noexcept {
    const std::int64_t distance = b.ld() * std::int64_t{sizeof(T)};
    const std::int64_t row_bytes = b.cols() * std::int64_t{sizeof(T)};
    if (row_bytes <= 32 && distance <= 64) { // of which a copy may be 16 times as large
      return std::numeric_limits<double>::infinity();
    }
    const double megabytes = static_cast<double>(panel_bytes) / (1 << 20);
    const bool stays = megabytes <= 1;
    if (megabytes > 4) return 48;
    if (distance % 4096 == 0) return stays ? 4 : 5 * megabytes;
    if (distance % 2048 == 0 || (!on_lines(b) && row_bytes > 512)) {
      return stays ? 6 : std::max(10.0, 5 * megabytes);
    }
    const bool own_sets = on_lines(b) && distance % 1024 != 0 && row_bytes <= 1024;
    if (stays) return own_sets ? 64 : 18;
    const bool loads_across_lines = single && !detail::slow_gathers();
    return std::max(own_sets ? 48.0 : loads_across_lines ? 32.0 : 18.0, 5 * megabytes);
  }

  static bool on_lines(const dense_view<const T, Layout>& b) noexcept {
    return bytes_before_lines(b) == 0;
  }
  /// Rows that are one panel wide and begin on cache lines need no copy.
  static bool single_on_lines(const dense_view<const T, Layout>& b,
                              std::span<const panel_range> panels, std::int64_t width) noexcept {
    return panels.size() <= 1 && on_lines(b) && b.ld() <= 2 * width;
  }

  dense_view<const T, Layout> b_;
  std::span<const panel_range> panels_;
  std::int64_t lanes_;
  panel_copies<T> copy_;
  bool copies_;
  bool aligns_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
