// Rows of 16-bit and 8-bit types as windowed rows (formats/windowed.hpp).
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

/// For sixteen rows, the columns of the last entries that have been taken.
using row_columns = std::array<std::int64_t, std::tuple_size_v<row_places>>;

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

/// How many rows have an entry left before column `end`.
template <class T, class I, class O>
std::ptrdiff_t rows_before(const csr_view<const T, I, O>& a, std::int64_t end,
                           const row_places& places, const row_places& ends) noexcept {
  std::ptrdiff_t rows = 0;
  for (std::size_t r = 0; r < places.size(); ++r) {
    rows += places[r] < ends[r] && static_cast<std::int64_t>(a.col_indices()[places[r]]) < end;
  }
  return rows;
}

/// Appends a step under the window that begins with strip i: of each row the next entries that it
/// covers, and of distances bridges to its end where there are none. Moves the places of the rows
/// behind them, and the columns of the last ones to theirs.
template <class T, class I, class O>
void append_step(const csr_view<const T, I, O>& a, std::int64_t i, row_places& places,
                 const row_places& ends, row_columns& at_column, windowed_arrays<T>& out) {
  using view = windowed_view<T>;
  const std::int64_t begin = view::strip * i;
  const bool gaps = out.position_bits == 4;
  std::size_t to = out.values.size();
  out.values.resize(to + std::tuple_size_v<row_places> * view::depth, T{});
  out.positions.resize(gaps ? out.values.size() / 2 : out.values.size(),
                       static_cast<std::uint8_t>(gaps ? 0 : begin % view::width));
  for (std::size_t r = 0; r < places.size(); ++r, to += view::depth) {
    for (std::size_t d = 0; d < view::depth && places[r] < ends[r]; ++d) {
      const auto column = static_cast<std::int64_t>(a.col_indices()[places[r]]);
      const std::int64_t end = begin + view::width - 1;
      if (!gaps) {
        if (column > end) break;
        out.positions[to + d] = static_cast<std::uint8_t>(column % view::width);
        out.values[to + d] = a.values()[places[r]++];
        continue;
      }
      const std::int64_t gap = std::min(std::min(column, end) - at_column[r], longest_gap);
      at_column[r] += gap;
      std::uint8_t& two = out.positions[(to + d) / 2];
      two = static_cast<std::uint8_t>(two | gap << (d % 2 == 0 ? 0 : 4));
      if (at_column[r] == column) out.values[to + d] = a.values()[places[r]++];
    }
  }
}

/// Appends the steps of a block whose rows begin at `places`. False where a strip has too many: all
/// rows bridge a long distance before it.
///
/// Most strips get the average number of steps, although fewer would do for some, as long as half
/// of the rows have entries for them: loops of equal length are predicted by the processor.
template <class T, class I, class O>
bool append_block(const csr_view<const T, I, O>& a, row_places places, const row_places& ends,
                  std::int64_t strips, windowed_arrays<T>& out) {
  using view = windowed_view<T>;
  const auto entries = static_cast<std::int64_t>(ends.back() - places.front());
  const std::int64_t filled = std::max<std::int64_t>(1, (a.cols() + view::strip - 1) / view::strip);
  const std::int64_t word_columns = view::height * view::depth * filled;
  const std::int64_t usual = (entries + word_columns / 2) / word_columns;
  row_columns at_column{};
  for (std::int64_t i = 0; i < strips; ++i) {
    const std::int64_t begin = view::strip * i;
    std::int64_t steps = 0;
    while (
        rows_before(a, begin + view::strip, places, ends) > 0 ||
        (steps < usual && rows_before(a, begin + view::width, places, ends) >= view::height / 2)) {
      if (steps == std::numeric_limits<std::uint8_t>::max()) return false;
      append_step(a, i, places, ends, at_column, out);
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
    const row_places places = places_of(a, first);
    const row_places ends = places_of(a, first + 1);
    if constexpr (std::is_same_v<T, std::int8_t>) append_row_sums(a, places, ends, out.row_sums);
    if (!append_block(a, places, ends, strips, out)) break;
    out.step_offsets.push_back(length(out.values) / (view::height * view::depth));
  }
  return out;
}

/// All rows. O(nnz + rows * strips) time.
template <class T, class I, class O>
windowed_arrays<T> windows_of(const csr_view<const T, I, O>& a) {
  const int bits = bits_of_positions(a);
  windowed_arrays<T> out = windows_of(a, bits);
  const std::int64_t blocks = out.view(shape(a.rows(), a.cols())).blocks();
  if (bits < 8 && blocks * windowed_view<T>::height < a.rows()) return windows_of(a, 8);
  return out;
}

} // namespace tilebit::detail
