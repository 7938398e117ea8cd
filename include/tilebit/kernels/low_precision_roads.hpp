// Roads of products with 16-bit and 8-bit matrices.
//
//                       AVX-512 BF16 and VNNI                     AVX-512, AVX2
//   tiles, few columns  tiles are expanded, dot products          widened, SpMV kernels
//   windowed rows       dot products                              as tiles
//   masked rows         a vector: dot products                    as tiles
//   tiles, many stored  expanded into dense blocks, dot products  widened, SpMM kernels
//   tiles               packed entries: pairs, quads (float16:    widened, SpMM kernels
//                       widened)
//   other formats       as CSR, widened
//
// With AMX, tiles and masked rows are expanded into dense blocks for its matrix unit, from two
// columns on, unless nearly all entries are zero.
//
// Widened: 16-bit numbers as float; 8-bit integers as double, in which their sums are exact.
// Zeros that are not stored multiply only in dot products, packed entries and dense blocks, which
// are therefore not taken where B holds an Inf or NaN.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include "../conversions/row_order.hpp"
#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/isa.hpp"
#include "../core/numeric.hpp"
#include "../core/packed.hpp"
#include "../formats/views.hpp"
#include "blocks.hpp"
#include "dense_blocks.hpp"
#include "dispatch.hpp"
#include "dispatch_low_precision.hpp"
#include "dot_operand.hpp"
#include "packed_panels.hpp"
#include "panel_sink.hpp"
#include "parallel.hpp"
#include "repacked_rows.hpp"
#include "row_of_tiles.hpp"
#include "run_blocks.hpp"
#include "spmm_roads.hpp"
#include "spmv_roads.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// What entries of T become where they are not packed.
template <class T>
using widened_t = std::conditional_t<std::is_same_v<T, std::int8_t>, double, float>;

/// Does A come in no order of rows?
template <class Operand>
bool scattered(const Operand& op) noexcept {
  return op.transposed || requires { op.base.row_indices(); };
}

/// Do the kernels of a level know matrices of this size?
template <class Operand>
bool low_precision_road(const Operand& op, isa level) noexcept {
  return level > isa::scalar && std::in_range<std::int32_t>(op.cols());
}

/// Columns that tiles are expanded for at a time.
inline constexpr std::int64_t most_dots = 16;

/// Is at least this share of all entries stored?
template <class View>
bool stores_share(const View& a, double share) noexcept {
  return static_cast<double>(a.nnz()) >=
         share * (static_cast<double>(a.rows()) * static_cast<double>(a.cols()));
}

/// Is expanding tiles into dense blocks, for dot products, faster than multiplying them as they are
/// expanded, up to 16 columns, or than packing their entries? Blocks cost the same whatever A
/// holds. 1024x4096, one thread, Zen 4: expanded at once 1170 us with 16 columns of bfloat16,
/// blocks 845, packed (density 0.1 to 0.5) and blocks with 32, 128, 512 columns 1200 to 2350 and
/// 1450, 2800 to 7080 and 5200, 9500 to 19700 and 20200; of 8-bit integers 755, 470; 860 to 1530
/// and 780, 2210 to 3640 and 2690, 7900 to 11400 and 10400.
template <class View>
bool blocks_pay(const View& a, std::int64_t cols) noexcept {
  using T = typename View::scalar_type;
  if (blocks_table<View>::rows.empty() || cols <= most_dots / 2) return false;
  if (blocks_along<T>(a.cols()) > 2048) return false; // 4 MB of 32 rows
  if (cols <= most_dots) {
    const double all = static_cast<double>(a.rows()) * static_cast<double>(a.cols());
    return 16.0 * static_cast<double>(a.bitmaps().size()) >= 0.75 * all;
  }
  const auto n = static_cast<double>(cols);
  const double least_density =
      sizeof(T) == 1 ? std::min(0.07 + n / 1100, 0.4) : std::min(0.12 + n / 800, 0.5);
  return stores_share(a, least_density);
}

/// Columns of B for the kernels of tile_dots.inc.hpp, `width` of them; those that B lacks are zero.
template <class T>
class dot_columns {
public:
  using X = dot_operand_t<T>;

  /// Lengths are rounded up to whole units of cache lines. Throws std::bad_alloc.
  template <class Layout>
  dot_columns(const dense_view<const T, Layout>& b, std::int64_t width, std::int64_t unit = 1)
      : ld_(padded(b.rows(), unit)), x_(width * ld_) {
    std::memset(x_.get(), 0, at(width * ld_) * sizeof(X));
    for (std::int64_t j = 0; j < b.cols(); ++j) {
      const T* const from = b.data() + j * b.col_stride();
      X* const to = x_.get() + j * ld_;
      if constexpr (std::is_same_v<T, float16>) {
        if (b.row_stride() == 1) {
          select(widen_table<float, T>::rows).function(from, b.rows(), to);
          continue;
        }
      }
      for (std::int64_t k = 0; k < b.rows(); ++k) to[k] = as_operand(from[k * b.row_stride()]);
    }
  }

  const X* data() const noexcept { return x_.get(); }
  std::int64_t ld() const noexcept { return ld_; }

private:
  /// Whole cache lines, an odd number of them: columns that are a power of two apart share a few
  /// sets of the cache.
  static std::int64_t padded(std::int64_t rows, std::int64_t unit) noexcept {
    constexpr std::int64_t line = 64 / std::int64_t{sizeof(X)};
    return ((rows + unit * line - 1) / (unit * line) * unit | 1) * line;
  }
  static X as_operand(T value) noexcept {
    if constexpr (std::is_same_v<T, std::int8_t>) {
      return static_cast<X>(static_cast<X>(value) ^ 0x80U);
    } else {
      return X(value);
    }
  }

  std::int64_t ld_;
  work_array<X> x_;
};

/// Stores the sums of units of so many rows for a panel: those of column j of unit u begin at sums
/// + Height * (u * width + j).
template <int Height, class S, class Update>
void store_units(const S* sums, const unit_range& units, std::int64_t width,
                 const panel_range& panel, const Update& out) {
  for (std::int64_t u = units.first; u < units.last; ++u) {
    const std::int64_t rows = std::min<std::int64_t>(Height, out.c.rows() - Height * u);
    for (std::int64_t j = 0; j < panel.width; ++j) {
      const S* const s = sums + Height * (u * width + j);
      for (std::int64_t r = 0; r < rows; ++r) out.store(Height * u + r, panel.first + j, s[r]);
    }
  }
}

/// C = epilogue(alpha A B + beta C0) by expanding tiles. Allocates a copy of B, and the sums of C.
template <class View, class T, class LayoutB, class Update>
void run_dots(const execution_policy& policy, const View& a, const dense_view<const T, LayoutB>& b,
              const Update& out) {
  const auto width = static_cast<std::int64_t>(
      std::bit_ceil(static_cast<std::uint64_t>(std::min(b.cols(), most_dots))));
  const std::int64_t passes = (b.cols() + width - 1) / width;
  const auto& kernels = *select(dots_table<View>::rows).function;
  auto* const kernel = kernels[at(std::countr_zero(static_cast<std::uint64_t>(width)))];
  const dot_columns<T> x(b, passes * width);
  const work_array<accumulator_t<T>> sums(4 * a.tile_rows() * width * passes);
  const block_list<View> blocks(a, thread_count(policy) > 1 ? most_blocks : 1, cuts::between_units);
  for_each_task(policy, blocks.count(), [&](int task) {
    const unit_range range = blocks.units_of(task);
    if (range.first == range.last) return;
    for (std::int64_t pass = 0; pass < passes; ++pass) {
      const std::int64_t j0 = pass * width;
      accumulator_t<T>* const to = sums.get() + 4 * a.tile_rows() * j0;
      kernel(a, range.first, range.last, x.data() + j0 * x.ld(), x.ld(), to);
      store_units<4>(to, range, width, {j0, std::min(width, b.cols() - j0), 1}, out);
    }
  });
}

/// The same for windowed or masked rows, whose units kernel(first, last, x, sums) multiplies by so
/// many columns, which are rounded up to so many cache lines.
template <class View, class T, class LayoutB, class Update, class Kernel>
void run_units(const execution_policy& policy, const View& a, std::int64_t width,
               std::int64_t lines, const dense_view<const T, LayoutB>& b, const Update& out,
               Kernel&& kernel) {
  const dot_columns<T> x(b, width, lines);
  const work_array<accumulator_t<T>> sums(View::height * units(a) * width);
  const block_list<View> blocks(a, thread_count(policy) > 1 ? most_blocks : 1, cuts::between_units);
  for_each_task(policy, blocks.count(), [&](int task) {
    const unit_range range = blocks.units_of(task);
    if (range.first == range.last) return;
    kernel(range.first, range.last, x, sums.get());
    store_units<View::height>(sums.get(), range, width, {0, b.cols(), 1}, out);
  });
}

/// At most four columns.
template <class T, class LayoutB, class Update>
void run_windowed(const execution_policy& policy, const windowed_view<const T>& a,
                  const dense_view<const T, LayoutB>& b, const Update& out) {
  const auto width = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(b.cols())));
  auto* const kernel = (*windowed_table<T>::rows[0].function)(width);
  run_units(policy, a, width, 4, b, out, // a window is four registers
            [&](std::int64_t first, std::int64_t last, const dot_columns<T>& x,
                accumulator_t<T>* sums) { kernel(a, first, last, x.data(), x.ld(), sums); });
}

/// One column.
template <class T, class LayoutB, class Update>
void run_masked(const execution_policy& policy, const masked_view<const T>& a,
                const dense_view<const T, LayoutB>& b, const Update& out) {
  auto* const kernel = select(masked_table<T>::rows).function;
  run_units(policy, a, 1, 1, b, out,
            [&](std::int64_t first, std::int64_t last, const dot_columns<T>& x,
                accumulator_t<T>* sums) { kernel(a, first, last, x.data(), sums); });
}

/// A few columns of B, widened one after the other.
template <class T>
class widened_columns {
public:
  using P = widened_t<T>;

  /// Throws std::bad_alloc.
  template <class Layout>
  explicit widened_columns(const dense_view<const T, Layout>& b)
      : rows_(b.rows()), x_(b.rows() * b.cols()) {
    auto* const widen = select(widen_table<P, T>::rows).function;
    for (std::int64_t j = 0; j < b.cols(); ++j) {
      const T* const from = b.data() + j * b.col_stride();
      P* const to = x_.get() + j * rows_;
      if (b.row_stride() == 1) {
        widen(from, rows_, to);
        continue;
      }
      for (std::int64_t k = 0; k < rows_; ++k) to[k] = static_cast<P>(from[k * b.row_stride()]);
    }
  }
  const P* operator[](std::int64_t j) const noexcept { return x_.get() + j * rows_; }

private:
  std::int64_t rows_;
  work_array<P> x_;
};

/// The same for a few columns with SpMV kernels, tile rows widened one by one.
template <class View, class T, class LayoutB, class Update>
void run_widened_tiles(const execution_policy& policy, const View& a,
                       const dense_view<const T, LayoutB>& b, const Update& out) {
  using P = widened_t<T>;
  using I = typename View::index_type;
  using row_view = bitmap_view<const P, I>;
  const repacked_tile_rows<P, View> from(policy, a);
  const widened_columns<T> x(b);
  auto* const kernel = select(spmv_table<row_view>::rows).function;
  const block_list<View> blocks(a, thread_count(policy) > 1 ? most_blocks : 1, cuts::between_units);
  for_each_task(policy, blocks.count(), [&](int task, int thread) {
    const unit_range range = blocks.units_of(task);
    for (std::int64_t tr = range.first; tr < range.last; ++tr) {
      const row_of_tiles<P, I> row = from.row(tr, thread);
      const std::int64_t tiles[2] = {0, row.tiles};
      const std::int64_t entries[2] = {0, row.entries};
      const std::int64_t rows = std::min<std::int64_t>(4, a.rows() - 4 * tr);
      const row_view view({row.elements, at(row.entries)}, {row.bitmaps, at(row.tiles)},
                          {row.cols, at(row.tiles)}, tiles, entries, shape(rows, a.cols()));
      for (std::int64_t j = 0; j < b.cols(); ++j) {
        P sums[4];
        kernel(view, 0, 1, x[j], sums_of<P>{P{1}, P{}, nullptr, sums});
        for (std::int64_t r = 0; r < rows; ++r) {
          out.store(4 * tr + r, j, narrowed_sum<T>(sums[r]));
        }
      }
    }
  });
}

/// Is there a matrix unit for A, may it be used, and is it worth it? It multiplies all zeros: where
/// nearly all entries are zero, packed entries are faster.
template <class View>
bool tile_unit_pays(const View& a, std::int64_t cols, isa level) noexcept {
  constexpr double least_density = 0.06;
  if (blocks_table<View>::rows.empty() || level < isa::amx || cols < 2) return false;
  return stores_share(a, least_density) && detail::amx_allowed();
}

/// C = epilogue(alpha A B + beta C0) for a matrix of tiles, packed or widened to P.
template <class P, class View, class T, class LayoutB, class Update>
void run_repacked(const execution_policy& policy, const View& a,
                  const dense_view<const T, LayoutB>& b, const Update& out, isa level) {
  const repacked_tile_rows<P, View> from(policy, a);
  const auto run = [&]<class Bands>(std::type_identity<Bands>, const auto& kernels) {
    const auto cut = cut_panels(b.cols(), kernels.lanes, kernels.widest);
    const std::span<const panel_range> panels(cut);
    packed_panels<P, T, LayoutB> bs(b, panels, kernels.lanes);
    run_spmm_by_bands<Bands>(policy, kernels, from, panels, bs, out);
  };
  with_bands(from, b.cols(), level, run);
}

/// The same for CSR.
template <class T, class I, class O, class LayoutB, class Update>
void run_widened_rows(const execution_policy& policy, const csr_view<const T, I, O>& a,
                      const dense_view<const T, LayoutB>& b, const Update& out, isa level) {
  using P = widened_t<T>;
  using rows = csr_view<const P, I, O>;
  const work_array<P> values(a.nnz());
  select(widen_table<P, T>::rows).function(a.values().data(), a.nnz(), values.get());
  const rows wide({values.get(), at(a.nnz())}, a.row_offsets(), a.col_indices(),
                  shape(a.rows(), a.cols()));
  if (b.cols() <= most_single) {
    const widened_columns<T> x(b);
    const work_array<P> sums(a.rows());
    for (std::int64_t j = 0; j < b.cols(); ++j) {
      run_spmv_by_rows(policy, wide, false, x[j], sums_of<P>{P{1}, P{}, nullptr, sums.get()});
      for (std::int64_t i = 0; i < a.rows(); ++i) {
        out.store(i, j, narrowed_sum<T>(sums.get()[i]));
      }
    }
    return;
  }
  const auto& kernels = *panel_kernels<rows>(level);
  const auto cut = cut_panels(b.cols(), kernels.lanes, kernels.widest);
  const std::span<const panel_range> panels(cut);
  packed_panels<P, T, LayoutB> bs(b, panels, kernels.lanes);
  run_spmm_by_panels(policy, kernels, wide, panels, bs, out);
}

/// Is the packed copy of an optimized matrix faster than its tiles? Up to 16 columns it costs the
/// same, about 0.24 ns an entry and 0.5 a column of four rows, and tiles, for each register that
/// they are expanded to, the more, the more columns (Zen 4; densities 0.05 to 0.7).
template <class T, class I>
bool packed_pays(const optimized_view<const T, I>& a, std::int64_t cols) noexcept {
  if (cols > most_dots / 2) return true;
  if constexpr (std::is_same_v<T, float16>) return false;
  constexpr std::array of_pairs{1.05, 1.4, 2.3, 3.9}; // for 1, 2, 4, 8 columns, two tiles
  constexpr std::array of_quads{1.5, 2.05, 3.3, 5.8}; // four tiles
  const auto& of_register = sizeof(T) == 2 ? of_pairs : of_quads;
  const auto tiles = static_cast<double>(a.grid().rows() > 0 ? a.grid().bitmaps().size()
                                                             : a.tiles().bitmaps().size());
  const double by_tiles = tiles * double{sizeof(T)} / 4 *
                          of_register[at(std::bit_width(static_cast<std::uint64_t>(cols - 1)))];
  return 0.24 * static_cast<double>(a.packed().values().size()) +
             0.5 * static_cast<double>(a.packed().col_indices().size()) <
         by_tiles;
}

/// The same for its packed copy.
template <class T, class I, class LayoutB, class Update>
void run_packed(const execution_policy& policy, const optimized_view<const T, I>& a,
                const dense_view<const T, LayoutB>& b, const Update& out, isa level) {
  using P = detail::packed_t<T>;
  const auto& kernels = *panel_kernels<grouped_view<const P, I>>(level);
  const auto cut = cut_panels(b.cols(), kernels.lanes, kernels.widest);
  const std::span<const panel_range> panels(cut);
  packed_panels<P, T, LayoutB> bs(b, panels, kernels.lanes);
  const accumulator_t<P>* corrections = nullptr;
  if constexpr (std::is_same_v<accumulator_t<P>, std::int32_t>) {
    corrections = a.corrections().data();
  }
  run_spmm_by_panels(policy, kernels, a.packed(), panels, bs, out, corrections);
}

/// C = epilogue(alpha op(A) B + beta C0) where low_precision_road says that it may. Throws
/// std::bad_alloc before C is written.
template <class Operand, class T, class LayoutB, class Update>
void run_low_precision(const execution_policy& policy, const Operand& op,
                       const dense_view<const T, LayoutB>& b, const Update& out, isa level) {
  const auto& a = op.base;
  if constexpr (requires { a.packed(); }) {
    using P = detail::packed_t<T>;
    using grouped = grouped_view<const P, typename Operand::index_type>;
    if (!op.transposed) {
      const auto run_tiles = [&](const auto& tiles) {
        return run_low_precision(
            policy, detail::operand<std::remove_cvref_t<decltype(tiles)>>{tiles}, b, out, level);
      };
      const bool by_unit = a.grid().rows() > 0 ? tile_unit_pays(a.grid(), b.cols(), level)
                                               : tile_unit_pays(a.tiles(), b.cols(), level);
      if (!by_unit && a.packed().blocks() > 0 && packed_pays(a, b.cols()) &&
          panel_kernels<grouped>(level) != nullptr && (detail::depth_v<P> == 1 || all_finite(b))) {
        return run_packed(policy, a, b, out, level);
      }
      if constexpr (!windowed_table<T>::rows.empty()) {
        const bool windowed = a.windowed().blocks() > 0 && b.cols() <= most_single;
        const bool masked = a.masked().bands() > 0 && (b.cols() == 1 || by_unit);
        if ((windowed || masked) && level >= isa::avx512_bf16 && all_finite(b)) {
          if (windowed) return run_windowed(policy, a.windowed(), b, out);
          if (b.cols() == 1) return run_masked(policy, a.masked(), b, out);
          return run_blocks(policy, blocks_table<masked_view<const T>>::rows[0].function,
                            panel_reader::tile_unit, a.masked(), b, out);
        }
      }
      if (a.grid().rows() > 0) return run_tiles(a.grid());
      return run_tiles(a.tiles());
    }
  } else if constexpr (requires { a.bitmaps(); }) {
    if (!op.transposed) {
      using packed = detail::packed_t<T>;
      using View = std::remove_cvref_t<decltype(a)>;
      if constexpr (!dots_table<View>::rows.empty()) {
        if (level >= isa::avx512_bf16 && all_finite(b)) {
          if constexpr (!blocks_table<View>::rows.empty()) {
            const auto& kernels = blocks_table<View>::rows;
            if (tile_unit_pays(a, b.cols(), level)) {
              return run_blocks(policy, kernels[0].function, panel_reader::tile_unit, a, b, out);
            }
            if (blocks_pay(a, b.cols())) {
              return run_blocks(policy, kernels[1].function, panel_reader::blocks, a, b, out);
            }
          }
          if (b.cols() <= most_dots) return run_dots(policy, a, b, out);
          return run_repacked<packed>(policy, a, b, out, level);
        }
      }
      if (b.cols() <= most_single) return run_widened_tiles(policy, a, b, out);
      return run_repacked<widened_t<T>>(policy, a, b, out, level);
    }
  } else if constexpr (requires { a.row_offsets(); }) {
    if (!op.transposed) return run_widened_rows(policy, a, b, out, level);
  }
  const auto ordered = detail::row_order<std::int64_t>(a, op.transposed);
  run_widened_rows(
      policy,
      csr_view<const T, typename Operand::index_type, std::int64_t>(
          ordered.values, ordered.row_offsets, ordered.col_indices, shape(op.rows(), op.cols())),
      b, out, level);
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
