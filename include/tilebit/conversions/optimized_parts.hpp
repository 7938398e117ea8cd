// The parts of an optimized matrix from CSR and bitmap: tiles of some bands, diagonals of others,
// slices of the other rows.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "../core/array_of.hpp"
#include "../core/numeric.hpp"
#include "../core/shape.hpp"
#include "../formats/bitmap.hpp"
#include "../formats/coo_order.hpp"
#include "../formats/csr.hpp"
#include "../formats/diagonals.hpp"
#include "../formats/optimized.hpp"
#include "../formats/sliced.hpp"

namespace tilebit::detail {

inline constexpr std::int64_t sort_window = 512; ///< rows that are sorted by length together
inline constexpr std::int64_t long_row = 2048;   ///< entries; shorter rows are sorted by counting
inline constexpr std::int64_t least_run = 16;    ///< empty rows that are a slice of their own

/// Is a row, of n of all entries, a slice of its own because slices of 16 such rows, which threads
/// do not share, would be too few?
constexpr bool stands_alone(std::int64_t n, std::int64_t nnz) noexcept {
  return n >= long_row && 8 * 16 * n > nnz;
}

/// Where the tile rows end that optimize decides for together, of which the first is `first`:
/// slices, up to 64 tile rows, or one tile row of a slice with so many entries that each of them
/// is worth a decision.
template <class T, class I, class O>
std::int64_t end_of_band(const csr_view<const T, I, O>& a, std::int64_t first) noexcept {
  constexpr std::int64_t many = 65536;
  constexpr std::int64_t of_slice = 4;
  const std::int64_t tile_rows = tiles_along(a.rows());
  const auto entries_before = [&](std::int64_t tile_row) {
    return static_cast<std::int64_t>(a.row_offsets()[at(std::min(4 * tile_row, a.rows()))]);
  };
  const auto crowded = [&](std::int64_t tile_row) {
    const std::int64_t slice = tile_row / of_slice * of_slice;
    return entries_before(slice + of_slice) - entries_before(slice) >= many;
  };
  if (crowded(first)) return first + 1;
  const std::int64_t most = std::min(first + 64, tile_rows);
  std::int64_t last = first + of_slice;
  while (last < most && !crowded(last)) last += of_slice;
  return std::min(last, tile_rows);
}

/// The tiles of some bands; all other tile rows are empty.
template <class T, class I>
bitmap_matrix<T, I> tiles_in_bands(bitmap_matrix<T, I>&& a, std::span<const unit_range> bands) {
  if (bands.size() == 1 && bands[0] == unit_range{0, a.tile_rows()}) return std::move(a);
  bitmap_arrays<T, I> out;
  out.tile_row_offsets.assign(at(a.tile_rows()) + 1, 0);
  out.element_offsets.assign(at(a.tile_rows()) + 1, 0);
  std::int64_t next = 0; // first tile row whose offsets are not yet known
  const auto fill_to = [&](std::int64_t row) {
    for (; next <= row; ++next) {
      out.tile_row_offsets[at(next)] = length(out.bitmaps);
      out.element_offsets[at(next)] = length(out.elements);
    }
  };
  const auto append = [](auto& to, const auto& from, std::int64_t first, std::int64_t last) {
    to.append(from.begin() + first, from.begin() + last);
  };
  std::int64_t tiles = 0;
  std::int64_t elements = 0;
  for (const unit_range& band : bands) {
    tiles += a.tile_row_offsets()[at(band.last)] - a.tile_row_offsets()[at(band.first)];
    elements += a.element_offsets()[at(band.last)] - a.element_offsets()[at(band.first)];
  }
  out.bitmaps.reserve(at(tiles));
  out.tile_cols.reserve(at(tiles));
  out.elements.reserve(at(elements));
  for (const unit_range& band : bands) {
    fill_to(band.first);
    const std::int64_t tile = a.tile_row_offsets()[at(band.first)];
    const std::int64_t element = a.element_offsets()[at(band.first)];
    for (; next <= band.last; ++next) {
      out.tile_row_offsets[at(next)] = length(out.bitmaps) + a.tile_row_offsets()[at(next)] - tile;
      out.element_offsets[at(next)] =
          length(out.elements) + a.element_offsets()[at(next)] - element;
    }
    append(out.bitmaps, a.bitmaps(), tile, a.tile_row_offsets()[at(band.last)]);
    append(out.tile_cols, a.tile_cols(), tile, a.tile_row_offsets()[at(band.last)]);
    append(out.elements, a.elements(), element, a.element_offsets()[at(band.last)]);
  }
  fill_to(a.tile_rows());
  return {trusted{}, std::move(out), shape(a.rows(), a.cols())};
}

/// Appends a slice of the given rows, longest first.
template <class T, class I, class O>
void append_slice(const csr_view<const T, I, O>& a, std::span<const std::int64_t> rows,
                  sliced_arrays<T, I>& out) {
  const auto offsets = a.row_offsets();
  const auto length_of = [&](std::int64_t i) {
    return static_cast<std::int64_t>(offsets[at(i) + 1] - offsets[at(i)]);
  };
  const std::int64_t least = rows.size() == 1 ? 1 : 0; // an empty row is a run of one
  for (const std::int64_t i : rows) {
    out.row_order.push_back(static_cast<I>(i));
    out.row_lengths.push_back(static_cast<std::int32_t>(
        std::clamp<std::int64_t>(length_of(i), least, std::numeric_limits<std::int32_t>::max())));
  }
  std::size_t active = rows.size();
  for (std::int64_t step = 0; step < length_of(rows.front()); ++step) {
    while (length_of(rows[active - 1]) <= step) --active;
    for (std::size_t r = 0; r < active; ++r) {
      const std::size_t k = at(offsets[at(rows[r])]) + at(step);
      out.values.push_back(a.values()[k]);
      out.col_indices.push_back(a.col_indices()[k]);
    }
  }
  out.slice_rows.push_back(length(out.row_order));
  out.slice_offsets.push_back(length(out.values));
}

/// Appends the slice that stands for empty rows [first, last).
template <class T, class I>
void append_empty_rows(std::int64_t first, std::int64_t last, sliced_arrays<T, I>& out) {
  out.row_order.push_back(static_cast<I>(first));
  out.row_lengths.push_back(static_cast<std::int32_t>(last - first));
  out.slice_rows.push_back(length(out.row_order));
  out.slice_offsets.push_back(length(out.values));
}

/// Makes columns narrow where no slice is too wide for that. O(nnz) time, up to the first that is.
template <class T, class I>
void make_columns_narrow(sliced_arrays<T, I>& a) {
  constexpr std::int64_t most = std::numeric_limits<std::uint16_t>::max();
  array_of<I> bases;
  bases.reserve(a.slice_rows.size() - 1);
  for (std::size_t s = 0; s + 1 < a.slice_offsets.size(); ++s) {
    const auto columns =
        std::span<const I>(a.col_indices)
            .subspan(at(a.slice_offsets[s]), at(a.slice_offsets[s + 1] - a.slice_offsets[s]));
    const auto [least, largest] = std::minmax_element(columns.begin(), columns.end());
    if (columns.empty()) {
      bases.push_back(I{0});
      continue;
    }
    if (static_cast<std::int64_t>(*largest - *least) > most) return;
    bases.push_back(*least);
  }
  a.narrow_columns.reserve(a.col_indices.size());
  for (std::size_t s = 0; s + 1 < a.slice_offsets.size(); ++s) {
    for (std::int64_t k = a.slice_offsets[s]; k < a.slice_offsets[s + 1]; ++k) {
      a.narrow_columns.push_back(static_cast<std::uint16_t>(a.col_indices[at(k)] - bases[s]));
    }
  }
  a.column_bases = std::move(bases);
  a.col_indices = array_of<I>();
}

/// The given rows, in rising order, as slices: sorted by length inside windows. Long rows whose
/// neighbours are much shorter are slices of their own; others of about the same length go through
/// x in step, which keeps it in the first-level cache: up to twice as fast (random rows of 3,000
/// entries, Zen 4). 16 empty rows and more that follow each other are one slice.
template <class T, class I, class O>
sliced_arrays<T, I> slices_of(const csr_view<const T, I, O>& a, std::span<const std::int64_t> rows,
                              std::int64_t nnz) {
  constexpr std::int64_t short_row = 128; // shorter ones are never alone
  sliced_arrays<T, I> out;
  out.values.reserve(at(nnz));
  out.col_indices.reserve(at(nnz));
  out.row_order.reserve(rows.size());
  out.row_lengths.reserve(rows.size());
  const auto length_of = [&](std::int64_t i) {
    return static_cast<std::int64_t>(a.row_offsets()[at(i) + 1] - a.row_offsets()[at(i)]);
  };
  std::vector<std::int64_t> window;
  std::vector<std::int64_t> named;
  for (std::size_t begin = 0; begin < rows.size(); begin += at(sort_window)) {
    const std::span<const std::int64_t> all =
        rows.subspan(begin, std::min(at(sort_window), rows.size() - begin));
    named.clear();
    for (std::size_t k = 0; k < all.size();) {
      std::size_t end = k;
      while (end < all.size() && length_of(all[end]) == 0 && at(all[end] - all[k]) == end - k)
        ++end;
      if (end - k >= at(least_run)) {
        append_empty_rows(all[k], all[k] + static_cast<std::int64_t>(end - k), out);
      } else {
        end = std::max(end, k + 1);
        named.insert(named.end(), all.begin() + static_cast<std::ptrdiff_t>(k),
                     all.begin() + static_cast<std::ptrdiff_t>(end));
      }
      k = end;
    }
    // A counting sort by length, falling; stable, so that rows of one length stay neighbours.
    std::array<std::size_t, at(long_row) + 1> next{};
    const auto key = [&](std::int64_t i) {
      return at(long_row - std::min(length_of(i), long_row));
    };
    for (const std::int64_t i : named) ++next[key(i)];
    exclusive_scan_in_place(std::span<std::size_t>(next));
    window.resize(named.size());
    for (const std::int64_t i : named) window[next[key(i)]++] = i;
    const auto longest_end = window.begin() + static_cast<std::ptrdiff_t>(next[0]); // of one key
    std::sort(window.begin(), longest_end, [&](std::int64_t i, std::int64_t j) {
      return std::pair(length_of(j), i) < std::pair(length_of(i), j);
    });
    for (std::size_t k = 0; k < window.size();) {
      const std::size_t sixteen = std::min<std::size_t>(16, window.size() - k);
      const std::int64_t longest = length_of(window[k]);
      const std::int64_t shortest = length_of(window[k + sixteen - 1]);
      const bool alone =
          stands_alone(longest, a.nnz()) || (longest >= short_row && 4 * shortest < 3 * longest);
      const std::size_t taken = alone ? 1 : sixteen;
      append_slice(a, std::span(window).subspan(k, taken), out);
      k += taken;
    }
  }
  make_columns_narrow(out);
  return out;
}

/// Calls f(first_col, mask, positions) for the pieces of diagonals of slice s, by rising first_col;
/// positions[r] is where the entry of row r stands in a. Stops when f returns false.
template <class T, class I, class O, class F>
void for_each_diagonal(const csr_view<const T, I, O>& a, std::int64_t s, F&& f) {
  constexpr std::int64_t none = std::numeric_limits<std::int64_t>::max();
  const std::int64_t rows = std::min<std::int64_t>(16, a.rows() - 16 * s);
  std::array<std::int64_t, 16> position{};
  std::array<std::int64_t, 16> end{};
  std::array<std::int64_t, 16> first_col; // of the diagonal that the row's next entry is on
  first_col.fill(none);
  const auto look = [&](std::int64_t r) {
    first_col[at(r)] = position[at(r)] == end[at(r)]
                           ? none
                           : static_cast<std::int64_t>(a.col_indices()[at(position[at(r)])]) - r;
  };
  for (std::int64_t r = 0; r < rows; ++r) {
    position[at(r)] = static_cast<std::int64_t>(a.row_offsets()[at(16 * s + r)]);
    end[at(r)] = static_cast<std::int64_t>(a.row_offsets()[at(16 * s + r) + 1]);
    look(r);
  }
  for (;;) {
    std::int64_t least = none;
    for (const std::int64_t col : first_col) least = std::min(least, col);
    if (least == none) return;
    unsigned mask = 0;
    for (std::size_t r = 0; r < 16; ++r) mask |= static_cast<unsigned>(first_col[r] == least) << r;
    if (!f(least, mask, position)) return;
    for (unsigned left = mask; left != 0; left &= left - 1) {
      const std::int64_t r = std::countr_zero(left);
      ++position[at(r)];
      look(r);
    }
  }
}

/// Pieces of diagonals of slice s; once it is clear that they are short, as many as entries.
template <class T, class I, class O>
std::int64_t count_diagonals(const csr_view<const T, I, O>& a, std::int64_t s) {
  constexpr std::int64_t enough = 6; // pieces looked at before that is decided
  const std::int64_t last_row = std::min<std::int64_t>(16 * s + 16, a.rows());
  std::int64_t pieces = 0;
  std::int64_t entries = 0;
  bool scattered = false;
  for_each_diagonal(a, s, [&](std::int64_t, unsigned mask, const auto&) {
    ++pieces;
    entries += std::popcount(mask);
    scattered = pieces >= enough && entries < 3 * pieces;
    return !scattered;
  });
  return scattered ? static_cast<std::int64_t>(a.row_offsets()[at(last_row)] -
                                               a.row_offsets()[at(16 * s)])
                   : pieces;
}

/// The same for slices [first, last). Where the first ones are scattered, the others count as such
/// without a look: most matrices have no diagonals.
template <class T, class I, class O>
std::int64_t count_diagonals(const csr_view<const T, I, O>& a, std::int64_t first,
                             std::int64_t last) {
  constexpr std::int64_t enough = 3; // slices
  const auto entries = [&](std::int64_t from, std::int64_t to) {
    const auto offsets = a.row_offsets();
    return static_cast<std::int64_t>(offsets[at(std::min(16 * to, a.rows()))] -
                                     offsets[at(16 * from)]);
  };
  std::int64_t pieces = 0;
  for (std::int64_t s = first; s < last; ++s) {
    if (s == first + enough && 3 * pieces > entries(first, s)) return pieces + entries(s, last);
    pieces += count_diagonals(a, s);
  }
  return pieces;
}

/// The diagonals of some bands of slices; all other slices are empty.
template <class T, class I, class O>
diagonal_arrays<T, I> diagonals_in_bands(const csr_view<const T, I, O>& a,
                                         std::span<const unit_range> bands) {
  diagonal_arrays<T, I> out;
  if (bands.empty()) return out;
  const auto fill_to = [&](std::int64_t slices) {
    out.slice_offsets.resize(at(slices) + 1, length(out.masks));
  };
  for (const unit_range& band : bands) {
    fill_to(band.first);
    for (std::int64_t s = band.first; s < band.last; ++s) {
      for_each_diagonal(a, s, [&](std::int64_t col, unsigned mask, const auto& position) {
        out.first_cols.push_back(static_cast<std::make_signed_t<I>>(col));
        out.masks.push_back(static_cast<std::uint16_t>(mask));
        for (std::size_t r = 0; r < 16; ++r) {
          const bool stored = (mask >> r & 1U) != 0;
          out.values.push_back(stored ? a.values()[at(position[r])] : T{});
        }
        out.nnz += std::popcount(mask);
        return true;
      });
      fill_to(s + 1);
    }
  }
  out.values.shrink_to_fit();
  out.masks.shrink_to_fit();
  out.first_cols.shrink_to_fit();
  out.slice_offsets.shrink_to_fit();
  return out;
}

} // namespace tilebit::detail
