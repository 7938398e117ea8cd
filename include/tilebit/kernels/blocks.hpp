// Blocks: a matrix cut into pieces of about the same number of stored bytes, at places that depend
// on the matrix alone, so that results do not depend on who computes which block.
//
// A unit is what a kernel counts in: a row of CSR, a tile row of bitmap, a slice. Cuts lie between
// units, but a unit of many entries is cut inside: each piece of it is handed to the same kernels
// as a matrix of one unit, and the pieces' sums are added in order.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "../core/config.hpp"
#include "../core/numeric.hpp"
#include "../core/packed.hpp"
#include "../formats/bitmap.hpp"
#include "../formats/bitmap_grid.hpp"
#include "../formats/csr.hpp"
#include "../formats/diagonals.hpp"
#include "../formats/grouped.hpp"
#include "../formats/masked.hpp"
#include "../formats/optimized.hpp"
#include "../formats/sliced.hpp"
#include "../formats/views.hpp"
#include "row_chunks.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

using detail::at;

inline constexpr int most_blocks = 128;
inline constexpr std::int64_t block_bytes = 256 * 1024; ///< of a block, or more in large matrices

/// Units that kernels count in: rows, tile rows, slices, entries.
template <class T, class I, class O>
std::int64_t units(const csr_view<T, I, O>& a) noexcept {
  return a.rows();
}
template <class T, class I>
std::int64_t units(const bitmap_view<T, I>& a) noexcept {
  return a.tile_rows();
}
template <class T, class I>
std::int64_t units(const bitmap_grid_view<T, I>& a) noexcept {
  return a.tile_rows();
}
template <class T, class I>
std::int64_t units(const sliced_view<T, I>& a) noexcept {
  return a.slices();
}
template <class T, class I>
std::int64_t units(const diagonal_view<T, I>& a) noexcept {
  return a.slices();
}
template <class T, class I>
std::int64_t units(const grouped_view<T, I>& a) noexcept {
  return a.blocks();
}
template <class T>
std::int64_t units(const row_chunks_view<T>& a) noexcept {
  return a.tile_rows();
}
template <class T>
std::int64_t units(const windowed_view<T>& a) noexcept {
  return a.blocks();
}
template <class T>
std::int64_t units(const masked_view<T>& a) noexcept {
  return a.bands();
}
template <class T, class I>
std::int64_t units(const coo_view<T, I>& a) noexcept {
  return a.nnz();
}

/// All units of a matrix as a band; no band where there are none.
class every_unit {
public:
  template <class View>
  explicit every_unit(const View& a) noexcept : range_{0, units(a)} {}
  std::span<const unit_range> bands() const noexcept {
    return {&range_, range_.last > 0 ? std::size_t{1} : std::size_t{0}};
  }

private:
  unit_range range_;
};

/// Calls f(part, bands) for the parts of a matrix and the ranges of units that belong to it: all of
/// a plain format, the bands and the slices of an optimized one, but not its COO.
template <class View, class F>
void for_each_part(const View& a, F&& f) {
  if constexpr (requires { a.tile_bands(); }) {
    f(a.tiles(), a.tile_bands());
    f(a.diagonals(), a.diagonal_bands());
    for_each_part(a.sliced(), f);
    for_each_part(a.grouped(), f);
    for_each_part(a.csr(), f);
    if constexpr (detail::is_packed_v<typename View::scalar_type>) for_each_part(a.grid(), f);
  } else {
    const every_unit everything(a);
    f(a, everything.bands());
  }
}

/// Calls f(begin, end) for what the bands have in common with units [first, last).
template <class F>
void for_each_overlap(std::span<const unit_range> bands, std::int64_t first, std::int64_t last,
                      F&& f) {
  auto band = std::partition_point(bands.begin(), bands.end(),
                                   [first](const unit_range& b) { return b.last <= first; });
  for (; band != bands.end() && band->first < last; ++band) {
    f(std::max(first, band->first), std::min(last, band->last));
  }
}

/// Entries [first, last) of unit u, as a matrix of that unit alone; entries(a, u) is how many there
/// are to divide, column(a, u, k) the column, or tile column, of one of them.
template <class View>
struct unit_piece;

template <class T, class I, class O>
struct unit_piece<csr_view<const T, I, O>> {
  std::array<O, 2> offsets;
  csr_view<const T, I, O> view;

  unit_piece(const csr_view<const T, I, O>& a, std::int64_t u, std::int64_t first,
             std::int64_t last)
      : offsets{O{0}, static_cast<O>(last - first)} {
    const std::size_t from = at(static_cast<std::int64_t>(a.row_offsets()[at(u)]) + first);
    view = {a.values().subspan(from, at(last - first)), offsets,
            a.col_indices().subspan(from, at(last - first)), shape(1, a.cols())};
  }
  static std::int64_t column(const csr_view<const T, I, O>& a, std::int64_t u,
                             std::int64_t k) noexcept {
    return static_cast<std::int64_t>(
        a.col_indices()[at(static_cast<std::int64_t>(a.row_offsets()[at(u)]) + k)]);
  }
  static std::int64_t entries(const csr_view<const T, I, O>& a, std::int64_t u) noexcept {
    return static_cast<std::int64_t>(a.row_offsets()[at(u) + 1] - a.row_offsets()[at(u)]);
  }
  static std::int64_t bytes_before(const csr_view<const T, I, O>& a, std::int64_t u) noexcept {
    return static_cast<std::int64_t>(a.row_offsets()[at(u)]) * std::int64_t{sizeof(T) + sizeof(I)} +
           u * std::int64_t{sizeof(O)};
  }
};

template <class T, class I>
struct unit_piece<bitmap_view<const T, I>> {
  std::array<std::int64_t, 2> tile_row_offsets;
  std::array<std::int64_t, 2> element_offsets;
  bitmap_view<const T, I> view;

  /// Its elements are [first_element, last_element) of the matrix.
  unit_piece(const bitmap_view<const T, I>& a, std::int64_t u, std::int64_t first,
             std::int64_t last, std::int64_t first_element, std::int64_t last_element)
      : tile_row_offsets{0, last - first}, element_offsets{0, last_element - first_element},
        view(a.elements().subspan(at(first_element), at(element_offsets[1])),
             bitmaps(a, u, first, last),
             a.tile_cols().subspan(at(a.tile_row_offsets()[at(u)] + first), at(last - first)),
             tile_row_offsets, element_offsets,
             shape(std::min<std::int64_t>(4, a.rows() - 4 * u), a.cols())) {}
  static std::span<const std::uint16_t> bitmaps(const bitmap_view<const T, I>& a, std::int64_t u,
                                                std::int64_t first, std::int64_t last) noexcept {
    return a.bitmaps().subspan(at(a.tile_row_offsets()[at(u)] + first), at(last - first));
  }
  static std::int64_t column(const bitmap_view<const T, I>& a, std::int64_t u,
                             std::int64_t k) noexcept {
    return static_cast<std::int64_t>(a.tile_cols()[at(a.tile_row_offsets()[at(u)] + k)]);
  }
  static std::int64_t entries(const bitmap_view<const T, I>& a, std::int64_t u) noexcept {
    return a.tile_row_offsets()[at(u) + 1] - a.tile_row_offsets()[at(u)];
  }
  static std::int64_t bytes_before(const bitmap_view<const T, I>& a, std::int64_t u) noexcept {
    return a.element_offsets()[at(u)] * std::int64_t{sizeof(T)} +
           a.tile_row_offsets()[at(u)] * std::int64_t{sizeof(I) + sizeof(std::uint16_t)} +
           u * std::int64_t{2 * sizeof(std::int64_t)};
  }
};

template <class T, class I>
struct unit_piece<sliced_view<const T, I>> {
  static constexpr I row = 0;
  static constexpr std::array<std::int64_t, 2> slice_rows{0, 1};
  std::array<std::int64_t, 2> slice_offsets;
  sliced_view<const T, I> view;

  unit_piece(const sliced_view<const T, I>& a, std::int64_t u, std::int64_t first,
             std::int64_t last)
      : slice_offsets{0, last - first} {
    const std::size_t from = at(a.slice_offsets()[at(u)] + first);
    const std::size_t n = at(last - first);
    const auto lengths = a.row_lengths().subspan(at(a.slice_rows()[at(u)]), 1);
    const std::span<const I> order(&row, 1);
    const shape s(1, a.cols());
    if (a.narrow()) {
      view = {a.values().subspan(from, n),
              a.narrow_columns().subspan(from, n),
              a.column_bases().subspan(at(u), 1),
              slice_offsets,
              slice_rows,
              order,
              lengths,
              s};
    } else {
      view = {a.values().subspan(from, n),
              a.col_indices().subspan(from, n),
              slice_offsets,
              slice_rows,
              order,
              lengths,
              s};
    }
  }
  static std::int64_t column(const sliced_view<const T, I>& a, std::int64_t u,
                             std::int64_t k) noexcept {
    return a.column(u, a.slice_offsets()[at(u)] + k);
  }
  /// Slices of several rows are never cut: they are short, or there are several of them.
  static std::int64_t entries(const sliced_view<const T, I>& a, std::int64_t u) noexcept {
    const bool one_row = a.slice_rows()[at(u) + 1] - a.slice_rows()[at(u)] == 1;
    return one_row ? a.slice_offsets()[at(u) + 1] - a.slice_offsets()[at(u)] : 0;
  }
  static std::int64_t bytes_before(const sliced_view<const T, I>& a, std::int64_t u) noexcept {
    const std::int64_t column = a.narrow() ? sizeof(std::uint16_t) : sizeof(I);
    return a.slice_offsets()[at(u)] * (std::int64_t{sizeof(T)} + column) +
           a.slice_rows()[at(u)] * std::int64_t{sizeof(I) + sizeof(std::int32_t)};
  }
};

/// Tile rows of a grid are never cut: a piece of one would be a grid of fewer columns.
template <class T, class I>
struct unit_piece<bitmap_grid_view<const T, I>> {
  static std::int64_t entries(const bitmap_grid_view<const T, I>&, std::int64_t) noexcept {
    return 0;
  }
  static std::int64_t bytes_before(const bitmap_grid_view<const T, I>& a, std::int64_t u) noexcept {
    return a.element_offsets()[at(u)] * std::int64_t{sizeof(T)} +
           u * (a.tiles_per_row() * std::int64_t{sizeof(std::uint16_t)} +
                std::int64_t{sizeof(std::int64_t)});
  }
};

/// Slices of diagonals are short: they are never cut.
template <class T, class I>
struct unit_piece<diagonal_view<const T, I>> {
  static std::int64_t entries(const diagonal_view<const T, I>&, std::int64_t) noexcept { return 0; }
  static std::int64_t bytes_before(const diagonal_view<const T, I>& a, std::int64_t u) noexcept {
    return a.slice_offsets()[at(u)] *
           std::int64_t{16 * sizeof(T) + sizeof(I) + sizeof(std::uint16_t)};
  }
};

/// Grouped rows, windowed and masked ones and chunks are not cut inside rows.
template <class T, class I>
struct unit_piece<grouped_view<const T, I>> {
  static std::int64_t entries(const grouped_view<const T, I>&, std::int64_t) noexcept { return 0; }
  static std::int64_t bytes_before(const grouped_view<const T, I>& a, std::int64_t u) noexcept {
    std::int64_t bytes = 76 * u * a.slabs();
    for (std::int64_t s = 0; s < a.slabs(); ++s) {
      const std::size_t first = at(s * a.blocks());
      const auto since = [&](std::span<const std::int64_t> offsets) {
        return offsets[first + at(u)] - offsets[first];
      };
      bytes += since(a.value_offsets()) * std::int64_t{sizeof(T)} +
               since(a.column_offsets()) * std::int64_t{sizeof(I)};
    }
    return bytes;
  }
};

template <class T>
struct unit_piece<windowed_view<const T>> {
  static std::int64_t entries(const windowed_view<const T>&, std::int64_t) noexcept { return 0; }
  static std::int64_t bytes_before(const windowed_view<const T>& a, std::int64_t u) noexcept {
    constexpr std::int64_t of_step = 16 * windowed_view<T>::depth;
    const std::int64_t bits = std::int64_t{8 * sizeof(T)} + a.position_bits();
    return a.step_offsets()[at(u)] * of_step * bits / 8 + u * a.strips();
  }
};

template <class T>
struct unit_piece<masked_view<const T>> {
  static std::int64_t entries(const masked_view<const T>&, std::int64_t) noexcept { return 0; }
  static std::int64_t bytes_before(const masked_view<const T>& a, std::int64_t u) noexcept {
    using view = masked_view<const T>;
    return a.element_offsets()[at(u)] * std::int64_t{sizeof(T)} +
           u * a.pieces() * view::height * std::int64_t{sizeof(typename view::bitmap_type)};
  }
};

template <class T>
struct unit_piece<row_chunks_view<T>> {
  static std::int64_t entries(const row_chunks_view<T>&, std::int64_t) noexcept { return 0; }
  static std::int64_t bytes_before(const row_chunks_view<T>& a, std::int64_t u) noexcept {
    return a.entry_offsets()[u] * std::int64_t{sizeof(T) + sizeof(chunk_entry)} +
           a.chunk_offsets()[u] * std::int64_t{sizeof(std::uint32_t)};
  }
};

/// A cut between two entries: `passed` entries of the unit lie before.
struct cut_position {
  std::int64_t unit;
  std::int64_t passed;
};

/// May a cut lie inside a unit?
enum class cuts { anywhere, between_units };

template <class View>
std::int64_t bytes_of_units(const View& a) noexcept {
  return unit_piece<View>::bytes_before(a, units(a));
}

/// How many blocks a matrix is cut into, if nothing else decides.
template <class View>
int block_count(const View& a) noexcept {
  return static_cast<int>(
      std::clamp<std::int64_t>(bytes_of_units(a) / block_bytes, 1, most_blocks));
}

/// The blocks of a matrix of rows, tile rows or slices.
template <class View>
class block_list {
public:
  using piece = unit_piece<View>;

  explicit block_list(const View& a, cuts allowed = cuts::anywhere) noexcept
      : block_list(a, block_count(a), allowed) {}
  /// count: most_blocks at most.
  block_list(const View& a, int count, cuts allowed = cuts::anywhere) noexcept
      : a_(a), bytes_(bytes_of_units(a)), count_(count) {
    TILEBIT_ASSERT(count <= most_blocks);
    std::fill_n(cuts_.begin(), count, cut_position{0, 0});
    cuts_[at(count)] = {units(a), 0};
    if (units(a) == 0) return;
    std::int64_t unit = 0;
    for (int p = 1; p < count; ++p) {
      const std::int64_t target = bytes_ / count * p;
      unit = unit_of_byte(target, unit);
      cuts_[at(p)] = cut_near(target, unit, allowed);
    }
  }

  int count() const noexcept { return count_; }
  const View& matrix() const noexcept { return a_; }

  /// Calls whole(first, last) for the whole units of a block and part(u, first, last) for entries
  /// [first, last) of a unit that is cut; a part ends its unit when last is entries(u).
  template <class Whole, class Part>
  void visit(int block, Whole&& whole, Part&& part) const {
    const cut_position& from = cut(block);
    const cut_position& to = cut(block + 1);
    if (from.unit == to.unit) {
      if (from.passed < to.passed) part(from.unit, from.passed, to.passed);
      return;
    }
    if (from.passed > 0) part(from.unit, from.passed, piece::entries(a_, from.unit));
    const std::int64_t first = from.unit + (from.passed > 0 ? 1 : 0);
    if (first < to.unit) whole(first, to.unit);
    if (to.passed > 0) part(to.unit, std::int64_t{0}, to.passed);
  }

  /// The column where a block begins inside a unit, tile columns for tiles; otherwise 0.
  std::int64_t first_column(int block) const noexcept {
    if constexpr (requires { &piece::view; }) {
      const cut_position& from = cut(block);
      if (from.passed > 0) return piece::column(a_, from.unit, from.passed);
    }
    return 0;
  }
  /// The units of a block whose cuts lie between units.
  unit_range units_of(int block) const noexcept { return {cut(block).unit, cut(block + 1).unit}; }

  /// Where block p begins, or the last block ends.
  const cut_position& cut(int p) const noexcept { return cuts_[at(p)]; }

private:
  std::int64_t bytes_before(std::int64_t u) const noexcept { return piece::bytes_before(a_, u); }

  /// The last unit, not in front of unit `low`, that begins at byte `target` or before. The search
  /// begins where it would be if all units behind low were as long as each other: in the middle of
  /// all it would read lines from far away for each of its steps.
  std::int64_t unit_of_byte(std::int64_t target, std::int64_t low) const noexcept {
    std::int64_t high = units(a_);
    const std::int64_t before = bytes_before(low);
    std::int64_t guess = low;
    if (bytes_ > before) {
      const double share =
          static_cast<double>(target - before) / static_cast<double>(bytes_ - before);
      guess += static_cast<std::int64_t>(share * static_cast<double>(high - low));
    }
    if (guess > low && guess < high) {
      const bool behind = bytes_before(guess) <= target;
      (behind ? low : high) = guess;
      for (std::int64_t step = 1; high - low > step; step *= 2) {
        const std::int64_t next = behind ? low + step : high - step;
        const bool below = bytes_before(next) <= target;
        (below ? low : high) = next;
        if (below != behind) break;
      }
    }
    while (high - low > 1) {
      const std::int64_t middle = low + (high - low) / 2;
      (bytes_before(middle) <= target ? low : high) = middle;
    }
    return low;
  }

  /// The cut for byte `target`, which lies in unit u.
  cut_position cut_near(std::int64_t target, std::int64_t u, cuts allowed) const noexcept {
    const std::int64_t before = target - bytes_before(u);
    const std::int64_t bytes = bytes_before(u + 1) - bytes_before(u);
    const std::int64_t entries = piece::entries(a_, u);
    if (allowed == cuts::anywhere && 2 * bytes > bytes_ / count_ && entries > 1) {
      const auto passed = static_cast<std::int64_t>(
          static_cast<double>(entries) * static_cast<double>(before) / static_cast<double>(bytes));
      return {u, std::min(passed, entries - 1)};
    }
    return {2 * before < bytes ? u : u + 1, 0};
  }

  const View& a_;
  std::int64_t bytes_;
  int count_;
  std::array<cut_position, most_blocks + 1> cuts_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
