// recommend(a): which plain format multiplies fastest, as predicted; optimize(a): a layout of
// bands, each in the form that is predicted to be fastest.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "convert.hpp"
#include "core/concepts.hpp"
#include "core/isa.hpp"
#include "formats/optimized.hpp"
#include "formats/views.hpp"
#include "kernels/cost_model.hpp"

namespace tilebit {

/// What a matrix is wanted for.
enum class operation { spmv, spmv_transposed, spmm };

/// The formats that recommend compares, and what optimize returns.
enum class format { coo, csr, bitmap, bitmap_grid, optimized };

/// The name of a format: "coo", "csr", "bitmap", "bitmap grid", "optimized".
constexpr std::string_view to_string(format f) noexcept {
  switch (f) {
  case format::coo:
    return "coo";
  case format::csr:
    return "csr";
  case format::bitmap:
    return "bitmap";
  case format::bitmap_grid:
    return "bitmap grid";
  default:
    return "optimized";
  }
}

/// What recommend finds.
struct recommendation {
  format best = format::csr; ///< among the plain formats
  double gain = 1.0;         ///< predicted time of CSR over that of best
  std::string reason;        ///< one sentence with the numbers that decided
};

namespace detail {

inline constexpr std::int64_t band_height = 64;   ///< tile rows that optimize decides for at a time
inline constexpr std::int64_t sort_window = 4096; ///< rows that are sorted by length together
inline constexpr std::int64_t long_row = 128; ///< entries from which a row is a slice of its own

/// Predicted times of one SpMV with rows [first, last) in each layout.
struct predicted_times {
  double coo = 0;
  double csr = 0;
  double bitmap = 0;
  double sliced = 0;
};

template <class O>
predicted_times predict_rows(std::span<const O> row_offsets, std::int64_t first, std::int64_t last,
                             std::int64_t tiles, std::size_t value_bytes, isa level) {
  const spmv_costs cost = costs_of_spmv(value_bytes, level);
  predicted_times t;
  for (std::int64_t i = first; i < last; ++i) {
    const auto n = static_cast<std::int64_t>(row_offsets[at(i) + 1] - row_offsets[at(i)]);
    const auto entries = static_cast<double>(n);
    t.coo += entries * cost.coo_entry + (n > 0 ? cost.coo_row : 0);
    t.csr += n < gathered_row(value_bytes) ? entries * cost.short_entry + cost.short_row
                                           : entries * cost.entry + cost.row;
    t.sliced += n >= long_row ? entries * cost.entry + cost.row
                              : entries * cost.slice_entry + cost.slice_row;
    t.bitmap += entries * cost.tile_entry;
  }
  t.bitmap += static_cast<double>(tiles) * cost.tile +
              static_cast<double>(last - first) / 4 * cost.tile_row;
  return t;
}

/// f(view of A as CSR): A itself where it is CSR already.
template <class A, class F>
auto with_csr(const A& a, F&& f) {
  const auto op = resolve(a);
  if constexpr (requires { op.base.row_offsets(); }) {
    if (op.plain() && !op.transposed) {
      validate_unless_owning(a, op.base);
      return f(op.base);
    }
  }
  const auto csr = to_csr(a);
  return f(csr.view());
}

/// The tiles of some bands; all other tile rows are empty.
template <class T, class I>
bitmap_matrix<T, I> tiles_in_bands(const bitmap_matrix<T, I>& a, std::span<const tile_band> bands) {
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
    to.insert(to.end(), from.begin() + first, from.begin() + last);
  };
  for (const tile_band& band : bands) {
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

/// The steps of a slice of 16 rows whose columns follow each other; none unless they are the most
/// of its steps, because a kernel that has to choose at each one mispredicts.
template <class I>
std::uint64_t runs_of(const I* cols, std::int64_t steps) noexcept {
  std::uint64_t runs = 0;
  for (std::int64_t k = 0; k < std::min<std::int64_t>(steps, 64); ++k) {
    bool follow = true;
    for (std::int64_t r = 1; r < 16; ++r) follow &= cols[16 * k + r] == cols[16 * k + r - 1] + 1;
    runs |= static_cast<std::uint64_t>(follow) << k;
  }
  return 4 * std::popcount(runs) >= 3 * steps ? runs : 0;
}

/// Appends a slice of the given rows, longest first.
template <class T, class I, class O>
void append_slice(const csr_view<const T, I, O>& a, std::span<const std::int64_t> rows,
                  sliced_arrays<T, I>& out) {
  const auto offsets = a.row_offsets();
  const auto length_of = [&](std::int64_t i) {
    return static_cast<std::int64_t>(offsets[at(i) + 1] - offsets[at(i)]);
  };
  for (const std::int64_t i : rows) {
    out.row_order.push_back(static_cast<I>(i));
    out.row_lengths.push_back(static_cast<std::int32_t>(
        std::min<std::int64_t>(length_of(i), std::numeric_limits<std::int32_t>::max())));
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
  const bool full = rows.size() == 16 && length_of(rows.back()) > 0;
  out.slice_runs.push_back(
      full ? runs_of(out.col_indices.data() + out.slice_offsets.back(), length_of(rows.back()))
           : 0);
  out.slice_rows.push_back(length(out.row_order));
  out.slice_offsets.push_back(length(out.values));
}

/// The given rows, in rising order, as slices: sorted by length inside windows, long ones apart.
template <class T, class I, class O>
sliced_arrays<T, I> slices_of(const csr_view<const T, I, O>& a, std::span<const std::int64_t> rows,
                              std::int64_t nnz) {
  sliced_arrays<T, I> out;
  out.values.reserve(at(nnz));
  out.col_indices.reserve(at(nnz));
  out.row_order.reserve(rows.size());
  out.row_lengths.reserve(rows.size());
  const auto offsets = a.row_offsets();
  std::vector<std::int64_t> window;
  for (std::size_t begin = 0; begin < rows.size(); begin += at(sort_window)) {
    // A counting sort by length, falling; stable, so that rows of one length stay neighbours.
    std::array<std::size_t, at(long_row) + 1> next{};
    const std::span<const std::int64_t> here =
        rows.subspan(begin, std::min(at(sort_window), rows.size() - begin));
    const auto key = [&](std::int64_t i) {
      const auto n = static_cast<std::int64_t>(offsets[at(i) + 1] - offsets[at(i)]);
      return at(long_row - std::min(n, long_row));
    };
    for (const std::int64_t i : here) ++next[key(i)];
    const std::size_t long_rows = next[0];
    exclusive_scan_in_place(std::span<std::size_t>(next));
    window.resize(here.size());
    for (const std::int64_t i : here) window[next[key(i)]++] = i;
    for (std::size_t k = 0; k < long_rows; ++k)
      append_slice(a, std::span(window).subspan(k, 1), out);
    for (std::size_t k = long_rows; k < window.size(); k += 16) {
      append_slice(a, std::span(window).subspan(k, std::min<std::size_t>(16, window.size() - k)),
                   out);
    }
  }
  return out;
}

} // namespace detail

/// Which plain format multiplies A fastest on this machine, and by how much over CSR.
///
/// The prediction counts tiles, entries and row ends (kernels/cost_model.hpp) for the instruction
/// set in force. For spmv_transposed and spmm all formats run portable code, and CSR is recommended
/// without looking at the matrix; the reason says so.
/// Throws: as to_csr. Complexity: O(nnz + rows) time and memory.
template <sparse_matrix A>
recommendation recommend(const A& a, operation what = operation::spmv) {
  using T = typename A::scalar_type;
  if (what != operation::spmv) {
    return {format::csr, 1.0, "transposed products and SpMM run portable code in every format"};
  }
  if constexpr (!std::same_as<T, float> && !std::same_as<T, double>) {
    return {format::csr, 1.0, "value types other than float and double run portable code"};
  } else {
    return detail::with_csr(a, [](const auto& csr) -> recommendation {
      const std::int64_t tiles = detail::length(to_bitmap(csr).bitmaps());
      const auto t =
          detail::predict_rows(csr.row_offsets(), 0, csr.rows(), tiles, sizeof(T), active_isa());
      const std::array<std::pair<double, format>, 3> times{
          {{t.csr, format::csr}, {t.bitmap, format::bitmap}, {t.coo, format::coo}}};
      const auto best = *std::ranges::min_element(
          times, {}, [](const std::pair<double, format>& time) { return time.first; });
      const double fill =
          tiles == 0 ? 0.0 : static_cast<double>(csr.nnz()) / static_cast<double>(tiles);
      return {best.second, best.first > 0 ? t.csr / best.first : 1.0,
              detail::message("fill ", fill, ", ", csr.nnz(), " entries in ", csr.rows(),
                              " rows: CSR ", t.csr * 1e-3, " us, bitmap ", t.bitmap * 1e-3,
                              " us, COO ", t.coo * 1e-3, " us, predicted for ",
                              to_string(active_isa()))};
    });
  }
}

/// A laid out for SpMV on this machine: bands of 256 rows each as tiles or as sliced rows,
/// whichever the cost model predicts to be faster.
///
/// Results of multiply differ from those of the plain formats only by the order of additions.
/// Throws: as to_bitmap. Complexity: O(nnz + rows) time; memory of a CSR and a bitmap matrix on the
/// way.
template <sparse_matrix A>
optimized_matrix<typename A::scalar_type, typename A::index_type>
optimize(const A& a, operation what = operation::spmv) {
  using T = typename A::scalar_type;
  using I = typename A::index_type;
  return detail::with_csr(a, [what](const auto& csr) {
    const std::int64_t tile_rows = detail::tiles_along(csr.rows());
    const bitmap_matrix<T, I> tiles = to_bitmap(csr);
    std::vector<tile_band> bands;
    std::vector<std::int64_t> others;
    std::int64_t nnz = 0;
    for (std::int64_t first = 0; first < tile_rows; first += detail::band_height) {
      const std::int64_t last = std::min(first + detail::band_height, tile_rows);
      const std::int64_t last_row = std::min(4 * last, csr.rows());
      const std::int64_t count =
          tiles.tile_row_offsets()[detail::at(last)] - tiles.tile_row_offsets()[detail::at(first)];
      const auto t = detail::predict_rows(csr.row_offsets(), 4 * first, last_row, count, sizeof(T),
                                          active_isa());
      if (what == operation::spmm || t.sliced <= t.bitmap) {
        for (std::int64_t i = 4 * first; i < last_row; ++i) others.push_back(i);
        nnz += static_cast<std::int64_t>(csr.row_offsets()[detail::at(last_row)] -
                                         csr.row_offsets()[detail::at(4 * first)]);
      } else if (!bands.empty() && bands.back().last == first) {
        bands.back().last = last;
      } else {
        bands.push_back({first, last});
      }
    }
    auto in_bands = detail::tiles_in_bands(tiles, std::span<const tile_band>(bands));
    return optimized_matrix<T, I>(
        detail::trusted{}, std::move(in_bands), std::move(bands),
        detail::slices_of(csr, std::span<const std::int64_t>(others), nnz));
  });
}

} // namespace tilebit
