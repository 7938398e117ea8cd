// recommend(a): which plain format multiplies fastest, as predicted; and the predictions, which
// optimize decides by, too.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "conversions/optimized_parts.hpp"
#include "convert.hpp"
#include "core/concepts.hpp"
#include "core/isa.hpp"
#include "kernels/cost_model.hpp"
#include "kernels/cost_of_few_columns.hpp"
#include "kernels/spmm_roads.hpp"

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

/// Numbers for each layout: predicted times of one SpMV, or bytes.
struct per_layout {
  double coo = 0;
  double csr = 0;
  double bitmap = 0;
  double sliced = 0;
  double diagonals = 0;
};

/// What predictions count besides the lengths of rows.
struct counted_pieces {
  std::int64_t entries = 0;
  std::int64_t rows = 0;
  std::int64_t tiles = 0;
  std::int64_t diagonals = 0;
};

/// Bytes that rows with these pieces take, of a matrix with so many columns: slices have 16-bit
/// ones at least where these reach all of them.
template <class T, class I>
per_layout bytes_of_layouts(const counted_pieces& counted, std::int64_t cols) {
  constexpr double value = sizeof(T);
  constexpr double index = sizeof(I);
  const double column = cols <= 65536 ? sizeof(std::uint16_t) : index;
  constexpr double offset = sizeof(std::int64_t);
  constexpr double map = sizeof(std::uint16_t);
  const auto entries = static_cast<double>(counted.entries);
  const auto rows = static_cast<double>(counted.rows);
  return {.coo = entries * (value + 2 * index),
          .csr = entries * (value + index) + rows * offset,
          .bitmap = entries * value + static_cast<double>(counted.tiles) * (map + index) +
                    rows / 4 * 2 * offset,
          .sliced = entries * (value + column) + rows * (index + sizeof(std::int32_t)),
          .diagonals = static_cast<double>(counted.diagonals) * (16 * value + map + index)};
}

/// How many cache lines of x row i reads from beyond the first-level cache: those that it needs, if
/// it needs more than stay there from one row to the next.
template <class T, class I, class O>
std::int64_t far_lines(const csr_view<const T, I, O>& a, std::int64_t i) noexcept {
  constexpr std::int64_t in_line = 64 / sizeof(T);
  const auto cols = a.col_indices().subspan(
      at(a.row_offsets()[at(i)]), at(a.row_offsets()[at(i) + 1] - a.row_offsets()[at(i)]));
  if (length(cols) < near_lines) return 0;
  std::int64_t lines = 1;
  for (std::size_t k = 1; k < cols.size(); ++k) {
    lines += static_cast<std::int64_t>(cols[k]) / in_line !=
                     static_cast<std::int64_t>(cols[k - 1]) / in_line
                 ? 1
                 : 0;
  }
  return lines < near_lines ? 0 : lines;
}

/// Predicted times of one SpMV with rows [first, last) of A in each layout. None is faster than its
/// bytes are read, from where all bytes of the matrix fit.
template <class T, class I, class O>
per_layout predict_rows(const csr_view<const T, I, O>& a, std::int64_t first, std::int64_t last,
                        const counted_pieces& counted, const per_layout& bytes_of_all, isa level) {
  const spmv_costs& cost = costs_of_spmv(sizeof(T), level, slow_gathers());
  const auto row_offsets = a.row_offsets();
  const std::int64_t nnz = a.nnz();
  constexpr int enough = 4; // rows of one length, after which the next one's is foreseen
  per_layout t;
  std::int64_t before = -1;
  std::int64_t alike = 0;
  std::int64_t not_named = 0;
  for (std::int64_t i = first; i < last; ++i) {
    const auto n = static_cast<std::int64_t>(row_offsets[at(i) + 1] - row_offsets[at(i)]);
    const auto entries = static_cast<double>(n);
    alike = n == before ? alike + 1 : 0;
    before = n;
    const double of_row = alike < enough || n > 2 ? 1.0 : cost.foreseen;
    const double far = static_cast<double>(far_lines(a, i)) * far_line(sizeof(T));
    const double as_long_row = entries * cost.entry + cost.row + far;
    t.coo += entries * cost.coo_entry + (n > 0 ? cost.coo_row : 0) + far;
    t.csr += n < cost.long_row ? entries * cost.short_entry + of_row * cost.short_row : as_long_row;
    if (n == 0 && alike >= least_run) { // what a run costs is counted for its first rows
      ++not_named;
      continue;
    }
    t.sliced += stands_alone(n, nnz) ? as_long_row : entries * cost.slice_entry + cost.slice_row;
  }
  const auto entries = static_cast<double>(counted.entries);
  const auto rows = static_cast<double>(counted.rows);
  t.coo += rows * sizeof(T) * cleared_byte;
  t.sliced += static_cast<double>(not_named) * sizeof(T) * cleared_byte;
  t.bitmap = entries * cost.tile_entry + static_cast<double>(counted.tiles) * cost.tile +
             rows / 4 * cost.tile_row;
  t.diagonals = entries * cost.diagonal_entry +
                static_cast<double>(counted.diagonals) * cost.diagonal + rows * cost.diagonal_row;
  per_layout bytes = bytes_of_layouts<T, I>(counted, a.cols());
  bytes.sliced -= static_cast<double>(not_named) * (sizeof(I) + sizeof(std::int32_t));
  const auto limit = [&cost](double& time, double here, double all) {
    time = std::max(time, here * least_time_of_byte(all, cost));
  };
  limit(t.coo, bytes.coo, bytes_of_all.coo);
  limit(t.csr, bytes.csr, bytes_of_all.csr);
  limit(t.bitmap, bytes.bitmap, bytes_of_all.bitmap);
  limit(t.sliced, bytes.sliced, bytes_of_all.sliced);
  limit(t.diagonals, bytes.diagonals, bytes_of_all.sliced); // about what all would take with them
  return t;
}

/// Tiles that A has as a bitmap matrix. O(nnz + rows) time, one index for each tile column.
template <class T, class I, class O>
std::int64_t count_tiles(const csr_view<T, I, O>& a) {
  std::vector<std::int64_t> last_seen(at(tiles_along(a.cols())), -1); // tile row, of each column
  std::int64_t tiles = 0;
  for (std::int64_t i = 0; i < a.rows(); ++i) {
    for (auto k = a.row_offsets()[at(i)]; k < a.row_offsets()[at(i) + 1]; ++k) {
      std::int64_t& seen = last_seen[at(a.col_indices()[at(k)]) / 4];
      tiles += seen != i / 4 ? 1 : 0;
      seen = i / 4;
    }
  }
  return tiles;
}

inline void require_columns(std::int64_t columns, const char* who) {
  if (columns < 1) {
    throw_message<std::invalid_argument>({who, ": B cannot have ", columns, " columns"});
  }
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

/// recommend for products with so many columns: rows of four share what they load of B, which pays
/// where it comes from farther than the first-level cache between two rows of A, and taking tiles
/// apart costs the less, the more columns follow. For few columns tiles stay whole.
inline recommendation recommend_for_spmm(const counted_rows& counted, const shape& s,
                                         std::int64_t columns, std::size_t value_bytes, isa level) {
  const auto entries = static_cast<double>(counted.entries);
  const auto all_tiles = static_cast<double>(counted.tiles);
  if (all_tiles == 0) return {format::csr, 1.0, "no entries"};
  const double fill = entries / all_tiles;
  if (level == isa::scalar) {
    return {format::csr, 1.0, "taking tiles apart is not repaid at level scalar"};
  }
  const bool whole = keeps_tiles(fill, columns, value_bytes, level);
  const bool listed = !whole && takes_entries(fill, columns, value_bytes, level);
  const spmm_costs& cost = level >= isa::avx512 ? avx512_spmm : avx2_spmm;
  const double in_row = all_tiles / counted.tile_rows();
  const double row_bytes = static_cast<double>(columns) * static_cast<double>(value_bytes);
  const double pieces = std::ceil(row_bytes / 32) / 8; // of 256 bytes, the last in half lines
  const double rows_loaded = kernels::columns_of_tiles(all_tiles, entries);

  const bool far = in_row >= far_tiles;
  const bool in_memory =
      (static_cast<double>(s.rows()) + static_cast<double>(s.cols())) * row_bytes >
          static_cast<double>(far_bytes) &&
      entries < least_copied * static_cast<double>(s.cols());
  const double of_row = in_memory ? cost.row_of_memory : far ? cost.far_row : 0.0;
  const double least = whole ? csr_times_few(counted, columns, value_bytes, level)
                             : entries * entry_of_few(columns, value_bytes, level);
  const double csr =
      std::max(least, pieces * (entries * cost.entry + (far ? entries : rows_loaded) * of_row));

  const auto panels = static_cast<std::int64_t>(std::ceil(row_bytes / 256));
  const bool grouped = kernels::sorts_tiles(fill, panels, s.cols(), level);
  const double of_tile = nearly_full(fill) ? 0.0 : grouped ? cost.grouping_tile : cost.tile;
  const double by_tile_rows =
      pieces *
          (grouped ? entries * cost.grouped_entry + rows_loaded * (cost.grouped_row + of_row)
                   : entries * cost.entry + rows_loaded * of_row + all_tiles * cost.chunk_of_tile) +
      all_tiles * of_tile;
  const double bitmap = whole    ? tiles_times_few(counted, columns, value_bytes, level)
                        : listed ? all_tiles * listed_tile(fill, columns, value_bytes, level)
                                 : by_tile_rows;
  return {bitmap < csr ? format::bitmap : format::csr, std::max(1.0, csr / bitmap),
          message({"fill ", fill, ", ", in_row, " tiles in a row of tiles: CSR ", csr * 1e-3,
                   " us, bitmap ", bitmap * 1e-3, " us for ", columns, " columns, predicted for ",
                   to_string(level)})};
}

/// recommend for 16-bit and 8-bit types: the format of which a product reads the fewest bytes.
template <class T, class I>
recommendation recommend_by_bytes(std::int64_t nnz, std::int64_t tiles, const shape& s, isa level) {
  if (level == isa::scalar) {
    return {format::csr, 1.0, "low-precision types run portable code at level scalar"};
  }
  constexpr double index = sizeof(I);
  constexpr double map = sizeof(std::uint16_t);
  const auto of_tiles = static_cast<double>(nnz) * sizeof(T);
  const auto all =
      static_cast<double>(tiles_along(s.rows())) * static_cast<double>(tiles_along(s.cols()));
  const double csr = of_tiles + static_cast<double>(nnz) * index;
  const double bitmap = of_tiles + static_cast<double>(tiles) * (map + index);
  const double grid = of_tiles + all * map;
  const double least = std::min({csr, bitmap, grid});
  return {least == csr    ? format::csr
          : least == grid ? format::bitmap_grid
                          : format::bitmap,
          least > 0 ? csr / least : 1.0,
          message({"KB that a product reads: CSR ", csr * 1e-3, ", bitmap ", bitmap * 1e-3,
                   ", bitmap grid ", grid * 1e-3})};
}

} // namespace detail

/// Which plain format multiplies A fastest on this machine, and by how much over CSR.
///
/// The prediction counts tiles, entries and row ends (kernels/cost_model.hpp) for the instruction
/// set in force; for spmm it is that of a single call with `columns` columns of B. optimize is the
/// better answer where the same matrix is multiplied several times. For 16-bit and 8-bit types it
/// compares the bytes that a product reads, whatever `columns` is. Throws: as to_csr;
/// std::invalid_argument for less than one column. Complexity: O(nnz + rows) time; memory of one
/// number for four columns, and of a CSR matrix where A is none.
template <sparse_matrix A>
recommendation recommend(const A& a, operation what = operation::spmv, std::int64_t columns = 128) {
  detail::require_columns(columns, "recommend");
  using T = typename A::scalar_type;
  if constexpr (detail::is_packed_v<T>) {
    const auto b = to_bitmap(a);
    return detail::recommend_by_bytes<T, typename A::index_type>(
        b.nnz(), detail::length(b.bitmaps()), shape(a.rows(), a.cols()), active_isa());
  } else if constexpr (!std::same_as<T, float> && !std::same_as<T, double>) {
    return {format::csr, 1.0,
            "value types other than float, double and low-precision ones run portable code"};
  } else {
    return detail::with_csr(a, [what, columns](const auto& csr) -> recommendation {
      const std::int64_t tiles = detail::count_tiles(csr);
      if (what == operation::spmm && columns > 1) {
        detail::counted_rows counted;
        counted.entries = csr.nnz();
        counted.tiles = tiles;
        counted.cols = csr.cols();
        for (std::int64_t i = 0; i < csr.rows(); ++i) {
          counted.add_row(static_cast<std::int64_t>(csr.row_offsets()[detail::at(i) + 1] -
                                                    csr.row_offsets()[detail::at(i)]));
        }
        return detail::recommend_for_spmm(counted, shape(csr.rows(), csr.cols()), columns,
                                          sizeof(T), active_isa());
      }
      const detail::counted_pieces counted{csr.nnz(), csr.rows(), tiles, 0};
      const auto bytes = detail::bytes_of_layouts<T, typename A::index_type>(counted, csr.cols());
      auto t = detail::predict_rows(csr, 0, csr.rows(), counted, bytes, active_isa());
      if (what == operation::spmv_transposed) {
        const auto factors = detail::factors_of_transposed(sizeof(T), detail::slow_gathers());
        t.coo *= factors.coo;
        t.csr *= factors.csr;
        t.bitmap *= factors.bitmap;
      }
      const std::array<std::pair<double, format>, 3> times{
          {{t.csr, format::csr}, {t.bitmap, format::bitmap}, {t.coo, format::coo}}};
      const auto best = *std::ranges::min_element(
          times, {}, [](const std::pair<double, format>& time) { return time.first; });
      const double fill =
          tiles == 0 ? 0.0 : static_cast<double>(csr.nnz()) / static_cast<double>(tiles);
      return {best.second, best.first > 0 ? t.csr / best.first : 1.0,
              detail::message({"fill ", fill, ", ", csr.nnz(), " entries in ", csr.rows(),
                               " rows: CSR ", t.csr * 1e-3, " us, bitmap ", t.bitmap * 1e-3,
                               " us, COO ", t.coo * 1e-3, " us, predicted for ",
                               to_string(active_isa())})};
    });
  }
}

} // namespace tilebit
