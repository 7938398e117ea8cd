// Rows of float, 16-bit and 8-bit types as windowed rows (formats/windowed.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>

#include "../core/numeric.hpp"
#include "../formats/csr.hpp"
#include "../formats/windowed.hpp"
#include "row_places.hpp"

namespace tilebit::detail {

/// A column for each of sixteen rows.
using row_columns = std::array<std::int64_t, std::tuple_size_v<row_places>>;

/// Sixteen rows on their way through the columns.
struct rows_under_way {
  static constexpr std::int64_t none = std::numeric_limits<std::int64_t>::max();

  row_places places; ///< the entry after those that have been taken
  row_places ends;
  row_columns next;            ///< its column, or none
  std::int64_t nearest = none; ///< the least of these
  row_columns at_column{};     ///< for distances, that of the last entry or bridge

  template <class T, class I, class O>
  rows_under_way(const csr_view<const T, I, O>& a, std::int64_t first)
      : places(places_of(a, first)), ends(places_of(a, first + 1)) {
    for (std::size_t r = 0; r < next.size(); ++r) {
      look(a, r);
      nearest = std::min(nearest, next[r]);
    }
  }
  /// The value of the next entry of a row, which is taken.
  template <class T, class I, class O>
  T take(const csr_view<const T, I, O>& a, std::size_t r) noexcept {
    const T value = a.values()[places[r]++];
    look(a, r);
    return value;
  }
  /// How many rows have an entry left before column `end`.
  std::ptrdiff_t before(std::int64_t end) const noexcept {
    std::ptrdiff_t rows = 0;
    for (const std::int64_t column : next) rows += column < end;
    return rows;
  }
  std::int64_t entries() const noexcept {
    return static_cast<std::int64_t>(ends.back() - places.front());
  }

private:
  template <class T, class I, class O>
  void look(const csr_view<const T, I, O>& a, std::size_t r) noexcept {
    next[r] = places[r] < ends[r] ? static_cast<std::int64_t>(a.col_indices()[places[r]]) : none;
  }
};

/// The longest distance that half a byte names.
inline constexpr std::int64_t longest_gap = 15;

/// 4 where distances, with the zeros that bridge long ones, are a tenth fewer bytes than columns
/// under the window, else 8. Where entries lie at random that is from 15 to 20% of them on. O(nnz).
template <class T, class I, class O>
int bits_of_positions(const csr_view<const T, I, O>& a) noexcept {
  std::int64_t bridges = 0;
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    std::int64_t before = 0;
    for (auto k = a.row_offsets()[at(i)]; k < a.row_offsets()[at(i + 1)]; ++k) {
      const auto column = static_cast<std::int64_t>(a.col_indices()[static_cast<std::size_t>(k)]);
      bridges += std::max<std::int64_t>(column - before - 1, 0) / longest_gap;
      before = column;
    }
  }
  constexpr std::int64_t bits = 8 * sizeof(T);
  return 10 * (a.nnz() + bridges) * (bits + 4) <= 9 * a.nnz() * (bits + 8) ? 4 : 8;
}

/// Appends a step under the window that begins with strip i: of each row the next entries that it
/// covers, which are taken, and of distances bridges to its end where there are none.
template <class T, class I, class O>
void append_step(const csr_view<const T, I, O>& a, std::int64_t i, rows_under_way& rows,
                 windowed_arrays<T>& out) {
  using view = windowed_view<T>;
  const std::int64_t begin = view::strip * i;
  const std::int64_t last = begin + view::width - 1;
  const bool gaps = out.position_bits == 4;
  std::size_t to = out.values.size();
  out.values.resize(to + std::tuple_size_v<row_places> * view::depth, T{});
  out.positions.resize(gaps ? out.values.size() / 2 : out.values.size(),
                       static_cast<std::uint8_t>(gaps ? 0 : begin % view::width));
  rows.nearest = rows.none;
  for (std::size_t r = 0; r < rows.next.size(); ++r, to += view::depth) {
    for (std::size_t d = 0; d < view::depth && rows.next[r] != rows.none; ++d) {
      const std::int64_t column = rows.next[r];
      if (!gaps) {
        if (column > last) break;
        out.positions[to + d] = static_cast<std::uint8_t>(column % view::width | view::stored);
        out.values[to + d] = rows.take(a, r);
        continue;
      }
      const std::int64_t gap = std::min(std::min(column, last) - rows.at_column[r], longest_gap);
      rows.at_column[r] += gap;
      std::uint8_t& two = out.positions[(to + d) / 2];
      two = static_cast<std::uint8_t>(two | gap << (d % 2 == 0 ? 0 : 4));
      if (rows.at_column[r] == column) out.values[to + d] = rows.take(a, r);
    }
    rows.nearest = std::min(rows.nearest, rows.next[r]);
  }
}

/// Appends the steps of a block. False where a strip has too many: all rows bridge a long distance
/// before it.
///
/// Most strips get the average number of steps, although fewer would do for some, as long as half
/// of the rows have entries for them: loops of equal length are predicted by the processor.
template <class T, class I, class O>
bool append_block(const csr_view<const T, I, O>& a, rows_under_way rows, std::int64_t strips,
                  windowed_arrays<T>& out) {
  using view = windowed_view<T>;
  const std::int64_t filled = std::max<std::int64_t>(1, (a.cols() + view::strip - 1) / view::strip);
  const std::int64_t word_columns = view::height * view::depth * filled;
  const std::int64_t usual = (rows.entries() + word_columns / 2) / word_columns;
  for (std::int64_t i = 0; i < strips; ++i) {
    const std::int64_t begin = view::strip * i;
    std::int64_t steps = 0;
    while (rows.nearest < begin + view::strip ||
           (steps < usual && rows.before(begin + view::width) >= view::height / 2)) {
      if (steps == std::numeric_limits<std::uint8_t>::max()) return false;
      append_step(a, i, rows, out);
      ++steps;
    }
    out.steps_of_strip.push_back(static_cast<std::uint8_t>(steps));
  }
  return true;
}

/// All rows, with positions of so many bits; fewer blocks where these do not do.
template <class T, class I, class O>
windowed_arrays<T> windows_of(const csr_view<const T, I, O>& a, int position_bits) {
  using view = windowed_view<T>;
  windowed_arrays<T> out;
  out.position_bits = position_bits;
  const std::int64_t strips = out.view(shape(a.rows(), a.cols())).strips();
  for (std::int64_t first = 0; first < a.rows(); first += view::height) {
    const rows_under_way rows(a, first);
    if constexpr (std::is_same_v<T, std::int8_t>) {
      append_row_sums(a, rows.places, rows.ends, out.row_sums);
    }
    if (!append_block(a, rows, strips, out)) break;
    out.step_offsets.push_back(length(out.values) / (view::height * view::depth));
  }
  return out;
}

/// All rows. O(nnz + rows * strips) time.
template <class T, class I, class O>
windowed_arrays<T> windows_of(const csr_view<const T, I, O>& a) {
  const int bits = windowed_view<T>::depth == 1 ? 8 : bits_of_positions(a);
  windowed_arrays<T> out = windows_of(a, bits);
  const std::int64_t blocks = out.view(shape(a.rows(), a.cols())).blocks();
  if (bits < 8 && blocks * windowed_view<T>::height < a.rows()) return windows_of(a, 8);
  return out;
}

/// Steps that all rows take, as those of a few blocks tell. O(nnz of these + strips).
template <class T, class I, class O>
double expected_steps(const csr_view<const T, I, O>& a) {
  using view = windowed_view<T>;
  windowed_arrays<T> out;
  const std::int64_t blocks = (a.rows() + view::height - 1) / view::height;
  const std::int64_t strips = out.view(shape(a.rows(), a.cols())).strips();
  const std::int64_t samples = std::min<std::int64_t>(4, blocks);
  std::int64_t entries = 0;
  for (std::int64_t k = 0; k < samples; ++k) {
    const rows_under_way rows(a, view::height * (blocks * k / samples));
    entries += rows.entries();
    append_block(a, rows, strips, out);
  }
  const auto steps = static_cast<double>(out.values.size()) / (view::height * view::depth);
  return entries == 0 ? 0.0 : steps / static_cast<double>(entries) * static_cast<double>(a.nnz());
}

} // namespace tilebit::detail
