// Rows of 16-bit and 8-bit types as windowed rows (formats/windowed.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include "../core/numeric.hpp"
#include "../formats/csr.hpp"
#include "../formats/windowed.hpp"

namespace tilebit::detail {

/// For sixteen rows, where each of them is: the entry after those that have been taken.
using row_places = std::array<std::size_t, windowed_view<std::int8_t>::height>;

/// Where the rows of a block from `first` on begin; those behind the matrix are empty.
template <class T, class I, class O>
row_places places_of(const csr_view<const T, I, O>& a, std::int64_t first) noexcept {
  row_places places;
  for (std::size_t r = 0; r < places.size(); ++r) {
    const std::int64_t row = std::min(first + static_cast<std::int64_t>(r), a.rows());
    places[r] = static_cast<std::size_t>(a.row_offsets()[at(row)]);
  }
  return places;
}

/// Appends the window of the columns from `begin` on and moves the places of the rows behind it.
/// ends: where the rows end.
template <class T, class I, class O>
void append_window(const csr_view<const T, I, O>& a, std::int64_t begin, row_places& places,
                   const row_places& ends, windowed_arrays<T>& out) {
  constexpr std::size_t depth = windowed_view<T>::depth;
  constexpr std::size_t of_step = std::tuple_size_v<row_places> * depth;
  const row_places from = places;
  std::size_t most = 0;
  for (std::size_t r = 0; r < places.size(); ++r) {
    std::size_t& k = places[r];
    const std::int64_t end = begin + windowed_view<T>::width;
    while (k < ends[r] && static_cast<std::int64_t>(a.col_indices()[k]) < end) ++k;
    most = std::max(most, k - from[r]);
  }
  const std::size_t steps = (most + depth - 1) / depth;
  const std::size_t before = out.values.size();
  out.steps_of_window.push_back(static_cast<std::uint8_t>(steps));
  out.values.resize(before + steps * of_step, T{});
  out.positions.resize(before + steps * of_step, std::uint8_t{0});
  for (std::size_t r = 0; r < places.size(); ++r) {
    for (std::size_t e = 0; e < places[r] - from[r]; ++e) {
      const std::size_t to = before + e / depth * of_step + r * depth + e % depth;
      const auto column = static_cast<std::int64_t>(a.col_indices()[from[r] + e]);
      out.values[to] = a.values()[from[r] + e];
      out.positions[to] = static_cast<std::uint8_t>(column - begin);
    }
  }
}

/// All rows. O(nnz + rows * windows) time.
template <class T, class I, class O>
windowed_arrays<T> windows_of(const csr_view<const T, I, O>& a) {
  using view = windowed_view<T>;
  windowed_arrays<T> out;
  for (std::int64_t first = 0; first < a.rows(); first += view::height) {
    row_places places = places_of(a, first);
    const row_places ends = places_of(a, first + 1);
    if constexpr (std::is_same_v<T, std::int8_t>) {
      for (std::size_t r = 0; r < places.size(); ++r) {
        std::uint32_t sum = 0;
        for (std::size_t k = places[r]; k < ends[r]; ++k) {
          sum += static_cast<std::uint32_t>(a.values()[k]);
        }
        out.row_sums.push_back(static_cast<std::int32_t>(sum));
      }
    }
    for (std::int64_t begin = 0; begin < a.cols(); begin += view::width) {
      append_window(a, begin, places, ends, out);
    }
    out.step_offsets.push_back(length(out.values) / (view::height * view::depth));
  }
  return out;
}

} // namespace tilebit::detail
