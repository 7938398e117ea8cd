// Roads of SpMV: whole matrices by rows, by entries, transposed; which blocks, by which threads.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/numeric.hpp"
#include "../formats/csr.hpp"
#include "../formats/optimized.hpp"
#include "../formats/views.hpp"
#include "back_and_forth.hpp"
#include "blocks.hpp"
#include "dispatch.hpp"
#include "entry_blocks.hpp"
#include "parallel.hpp"
#include "reference.hpp"
#include "scattered_sums.hpp"
#include "unit_pieces.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// The kernel of one call: the best that the active instruction set allows.
template <class View>
auto* plain_kernel([[maybe_unused]] bool conjugate) noexcept {
  using T = typename View::scalar_type;
  spmv_function<View, T>* function = select(spmv_table<View>::rows).function;
  if constexpr (detail::is_complex_v<T>) {
    if (conjugate) function = &spmv<true>;
  }
  return function;
}
template <class View>
auto* transposed_kernel([[maybe_unused]] bool conjugate) noexcept {
  using T = typename View::scalar_type;
  spmv_transposed_function<View, T>* function = select(spmv_transposed_table<View>::rows).function;
  if constexpr (detail::is_complex_v<T>) {
    if (conjugate) function = &spmv_transposed<true>;
  }
  return function;
}

/// The order in which to multiply blocks. Where units are longer than blocks, their pieces come
/// from left to right through all units: what one reads of x is in a near cache when the next needs
/// it. (Granite Rapids, 64 rows of 50,000 doubles in 150,000 columns: CSR 1.3, bitmap 1.25 times as
/// fast.)
class block_order {
public:
  template <class View>
  explicit block_order(const block_list<View>& blocks) noexcept
      : sorted_(units(blocks.matrix()) < blocks.count()) {
    if (!sorted_) return;
    std::array<std::int64_t, most_blocks> columns;
    const auto count = static_cast<std::size_t>(blocks.count());
    for (std::size_t b = 0; b < count; ++b) columns[b] = blocks.first_column(static_cast<int>(b));
    sort_by(std::span<const std::int64_t>(columns.data(), count));
  }
  int operator[](int k) const noexcept { return sorted_ ? order_[static_cast<std::size_t>(k)] : k; }

private:
  /// Blocks that begin in the same column stay in order. By insertion, which is quickly compiled:
  /// 128 blocks at most, each of which takes longer than all of this.
  void sort_by(std::span<const std::int64_t> columns) noexcept {
    std::uint8_t* const first = order_.data();
    for (std::size_t b = 0; b < columns.size(); ++b) {
      std::uint8_t* to = first + b;
      for (; to != first && columns[to[-1]] > columns[b]; --to) *to = to[-1];
      *to = static_cast<std::uint8_t>(b);
    }
  }

  bool sorted_;
  std::array<std::uint8_t, most_blocks> order_;
};

/// SpMV of one part of a matrix, block by block. Units that a cut divides leave sums of their
/// pieces, which finish adds up in order.
template <class View>
class block_product {
public:
  using T = std::remove_const_t<typename View::scalar_type>;

  block_product(const View& a, std::span<const unit_range> bands, bool conjugate, const T* x,
                const sums_of<T>& out) noexcept
      : blocks_(a), pieces_(blocks_), order_(blocks_), bands_(bands),
        function_(plain_kernel<View>(conjugate)), x_(x), out_(out) {}

  int count() const noexcept { return bands_.empty() ? 0 : blocks_.count(); }

  void run(int task) noexcept {
    const int block = order_[task];
    sums* to = piece_sums_.data() + 2 * static_cast<std::size_t>(block);
    blocks_.visit(
        block,
        [&](std::int64_t first, std::int64_t last) {
          for_each_overlap(bands_, first, last, [&](std::int64_t begin, std::int64_t end) {
            function_(blocks_.matrix(), begin, end, x_, out_);
          });
        },
        [&](std::int64_t u, std::int64_t first, std::int64_t last) {
          const sums_of<T> to_sums{T{1}, {}, nullptr, to->data()};
          pieces_.with(block, u, first, last,
                       [&](const auto& piece) { function_(piece, 0, 1, x_, to_sums); });
          ++to;
        });
  }

  void finish() noexcept {
    if (count() <= 1) return;
    sums total{};
    for (int block = 0; block < count(); ++block) {
      const sums* from = piece_sums_.data() + 2 * static_cast<std::size_t>(block);
      blocks_.visit(
          block, [](std::int64_t, std::int64_t) {},
          [&](std::int64_t u, std::int64_t first, std::int64_t last) {
            for (std::size_t r = 0; r < height; ++r) {
              total[r] = first == 0 ? (*from)[r] : detail::add(total[r], (*from)[r]);
            }
            ++from;
            if (last != unit_piece<View>::entries(blocks_.matrix(), u)) return;
            const unit_rows<View> rows{blocks_.matrix(), u};
            for (std::int64_t r = 0; r < rows.count(); ++r) out_.store(rows[r], total[at(r)]);
          });
    }
  }

private:
  static constexpr std::size_t height = unit_rows<View>::tiles ? 4 : 1; ///< rows of a unit cut
  using sums = std::array<accumulator_t<T>, height>;

  block_list<View> blocks_;
  unit_pieces<View> pieces_;
  block_order order_;
  std::span<const unit_range> bands_;
  spmv_function<View, T>* function_;
  const T* x_;
  sums_of<T> out_;
  std::array<sums, 2 * most_blocks> piece_sums_; ///< at most two a block
};

/// Calls run(blocks, k) for block `task` of several lists of blocks, counted through all of them.
template <class F, class... Blocks>
void run_one_of(int task, F&& run, Blocks&... lists) {
  const auto runs_in = [&](auto& blocks) {
    const bool here = task < blocks.count();
    if (here) run(blocks, task);
    task -= blocks.count();
    return here;
  };
  static_cast<void>((runs_in(lists) || ...));
}

/// Does no part of an optimized matrix have more than one block, so that there is nothing to share?
template <class View>
bool has_single_blocks(const View& a) noexcept {
  bool single = true;
  for_each_part(a, [&](const auto& part, std::span<const unit_range> bands) {
    single = single && (bands.empty() || block_count(part) == 1);
  });
  return single;
}

/// z = alpha A x + beta y by windowed rows, whose blocks are not cut inside.
inline void run_spmv_by_windows(const execution_policy& policy, const windowed_view<const float>& a,
                                const float* x, const vector_update<float>& out) noexcept {
  if constexpr (!spmv_windowed_table::rows.empty()) {
    const block_list<windowed_view<const float>> blocks(a, cuts::between_units);
    const back_and_forth places(blocks.count());
    for_each_task(policy, blocks.count(), [&](int task) {
      const unit_range range = blocks.units_of(places[task]);
      if (range.first == range.last) return;
      spmv_windowed_table::rows[0].function(a, range.first, range.last, x, out);
    });
  }
}

/// z = alpha A x + beta y for CSR, bitmap and optimized matrices.
template <class View, class T>
void run_spmv_by_rows(const execution_policy& policy, const View& a, bool conjugate, const T* x,
                      const sums_of<T>& out) noexcept {
  if constexpr (requires { a.tile_bands(); }) {
    if constexpr (detail::is_packed_v<T>) {
      if (a.grid().rows() > 0) return run_spmv_by_rows(policy, a.grid(), conjugate, x, out);
    }
    if (a.csr().rows() > 0) return run_spmv_by_rows(policy, a.csr(), conjugate, x, out);
    if constexpr (detail::multiplies_windows_v<T>) {
      if (a.windowed().blocks() > 0 && multiplies_windows()) {
        return run_spmv_by_windows(policy, a.windowed(), x, out);
      }
    }
    if (has_single_blocks(a)) {
      return for_each_part(a, [&](const auto& part, std::span<const unit_range> bands) {
        using Part = std::remove_cvref_t<decltype(part)>;
        for (const unit_range& band : bands) {
          plain_kernel<Part>(conjugate)(part, band.first, band.last, x, out);
        }
      });
    }
    const every_unit slice_band(a.sliced());
    const every_unit grouped_band(a.grouped());
    block_product tiles(a.tiles(), a.tile_bands(), conjugate, x, out);
    block_product diagonals(a.diagonals(), a.diagonal_bands(), conjugate, x, out);
    block_product slices(a.sliced(), slice_band.bands(), conjugate, x, out);
    block_product grouped(a.grouped(), grouped_band.bands(), conjugate, x, out);
    const int tasks = tiles.count() + diagonals.count() + slices.count() + grouped.count();
    const back_and_forth places(tasks);
    for_each_task(policy, tasks, [&](int task) {
      run_one_of(
          places[task], [](auto& blocks, int k) { blocks.run(k); }, tiles, diagonals, slices,
          grouped);
    });
    tiles.finish();
    diagonals.finish();
    slices.finish(); // blocks of grouped rows are not cut inside
  } else {
    if (block_count(a) == 1) { // nothing to share: no more than the call of a kernel
      return plain_kernel<View>(conjugate)(a, 0, units(a), x, out);
    }
    const every_unit everything(a);
    block_product product(a, everything.bands(), conjugate, x, out);
    const back_and_forth places(product.count());
    for_each_task(policy, product.count(), [&](int task) { product.run(places[task]); });
    product.finish();
  }
}

/// z = alpha A x + beta y for COO entries in order of rows, by so many blocks. What a block leads
/// with is part of a row that others begin, and is multiplied as one row of CSR.
template <class T, class I>
void run_spmv_by_ordered_entries(const execution_policy& policy, const coo_view<const T, I>& a,
                                 int count, bool conjugate, const T* x,
                                 const vector_update<T>& out) noexcept {
  using row_view = csr_view<const T, I, std::int64_t>;
  auto* const function = plain_kernel<coo_view<const T, I>>(conjugate);
  auto* const row_function = plain_kernel<row_view>(conjugate);
  const entry_blocks<T, I> blocks(a, count);
  std::array<T, most_blocks> leads;
  const back_and_forth places(count);
  for_each_task(policy, count, [&](int task) {
    const int block = places[task];
    const std::int64_t begin = blocks.begin(block);
    const std::int64_t end = blocks.begin(block + 1);
    out.prepare(blocks.first_row(begin), blocks.first_row(end));
    const std::int64_t inner = blocks.end_of_lead(begin, end);
    if (begin < inner) {
      const auto n = at(inner - begin);
      const std::int64_t offsets[2] = {0, inner - begin};
      const row_view lead(a.values().subspan(at(begin), n), offsets,
                          a.col_indices().subspan(at(begin), n), shape(1, a.cols()));
      row_function(lead, 0, 1, x, {T{1}, T{}, nullptr, &leads[at(block)]});
    }
    if (inner < end) function(a, inner, end, x, out);
  });
  for (int block = 1; block < count; ++block) {
    const std::int64_t begin = blocks.begin(block);
    if (begin < blocks.end_of_lead(begin, blocks.begin(block + 1))) {
      out.accumulate(static_cast<std::int64_t>(a.row_indices()[at(begin)]), leads[at(block)]);
    }
  }
}

/// Are entries in order of rows? Threads look at as many parts, each with the row before it.
template <class T, class I>
bool rows_never_fall(const execution_policy& policy, const coo_view<const T, I>& a,
                     int parts) noexcept {
  auto* const never_fall = select(never_fall_table<I>::rows).function;
  const I* const rows = a.row_indices().data();
  if (thread_count(policy) == 1) return never_fall(rows, a.nnz());
  const entry_blocks<T, I> blocks(a, parts);
  std::atomic<bool> falls{false};
  for_each_task(policy, parts, [&](int part) {
    const std::int64_t from = std::max<std::int64_t>(blocks.share(part) - 1, 0);
    if (!never_fall(rows + from, blocks.share(part + 1) - from)) falls = true;
  });
  return !falls;
}

/// The same for COO entries in any order: two blocks may add to the same row, so that each has sums
/// of its own, unless the entries turn out to be in order of rows.
template <class T, class I>
void run_spmv_by_entries(const execution_policy& policy, const coo_view<const T, I>& a,
                         bool conjugate, const T* x, const vector_update<T>& out) {
  auto* const function = plain_kernel<coo_view<const T, I>>(conjugate);
  const std::int64_t bytes = a.nnz() * std::int64_t{sizeof(T) + 2 * sizeof(I)};
  const int row_blocks =
      static_cast<int>(std::clamp<std::int64_t>(bytes / block_bytes, 1, most_blocks));
  if (row_blocks == 1) {
    out.prepare(0, a.rows());
    return function(a, 0, a.nnz(), x, out);
  }
  if (rows_never_fall(policy, a, row_blocks)) {
    return run_spmv_by_ordered_entries(policy, a, row_blocks, conjugate, x, out);
  }
  const int blocks = scattering_blocks(a.nnz(), a.rows());
  scattered_sums<T> sums(policy, blocks, a.rows());
  out.prepare(0, a.rows());
  sums.add_to(out.z, [&](int block, T* to) {
    function(a, a.nnz() * block / blocks, a.nnz() * (block + 1) / blocks, x,
             vector_update<T>{out.alpha, T{}, nullptr, to});
  });
}

/// The transpose of one part of a matrix, as blocks that add to z; count of them, or none.
template <class View>
class transposed_blocks {
public:
  using T = std::remove_const_t<typename View::scalar_type>;

  transposed_blocks(const View& a, std::span<const unit_range> bands, int count, bool conjugate,
                    const T* x, T alpha) noexcept
      : blocks_(a, bands.empty() ? 0 : std::max(count, 1)), pieces_(blocks_), bands_(bands),
        function_(transposed_kernel<View>(conjugate)), x_(x), alpha_(alpha) {}

  int count() const noexcept { return blocks_.count(); }

  void run(int block, T* z) const noexcept {
    const View& a = blocks_.matrix();
    blocks_.visit(
        block,
        [&](std::int64_t first, std::int64_t last) {
          for_each_overlap(bands_, first, last, [&](std::int64_t begin, std::int64_t end) {
            function_(a, begin, end, x_, alpha_, z);
          });
        },
        [&](std::int64_t u, std::int64_t first, std::int64_t last) {
          const T* const xs = x_ + unit_rows<View>{a, u}[0];
          pieces_.with(block, u, first, last,
                       [&](const auto& piece) { function_(piece, 0, 1, xs, alpha_, z); });
        });
  }

private:
  block_list<View> blocks_;
  unit_pieces<View> pieces_;
  std::span<const unit_range> bands_;
  spmv_transposed_function<View, T>* function_;
  const T* x_;
  T alpha_;
};

/// z = alpha A^T x + beta y for any format.
template <class View, class T>
void run_spmv_transposed(const execution_policy& policy, const View& a, bool conjugate, const T* x,
                         const vector_update<T>& out) {
  const int count = scattering_blocks(a.nnz(), a.cols());
  const auto add_up = [&](int blocks, auto&& run) {
    scattered_sums<T> sums(policy, blocks, a.cols());
    out.prepare(0, a.cols());
    sums.add_to(out.z, run);
  };
  if constexpr (requires { a.row_indices(); }) {
    auto* const function = transposed_kernel<View>(conjugate);
    add_up(count, [&](int block, T* to) {
      function(a, a.nnz() * block / count, a.nnz() * (block + 1) / count, x, out.alpha, to);
    });
  } else if constexpr (requires { a.tile_bands(); }) {
    if (a.csr().rows() > 0) return run_spmv_transposed(policy, a.csr(), conjugate, x, out);
    const every_unit slice_band(a.sliced());
    const every_unit grouped_band(a.grouped());
    const auto share = [&](std::int64_t nnz) {
      return a.nnz() == 0 ? 0 : static_cast<int>(count * nnz / a.nnz());
    };
    const transposed_blocks tiles(a.tiles(), a.tile_bands(), share(a.tiles().nnz()), conjugate, x,
                                  out.alpha);
    const transposed_blocks diagonals(a.diagonals(), a.diagonal_bands(), share(a.diagonals().nnz()),
                                      conjugate, x, out.alpha);
    const transposed_blocks slices(a.sliced(), slice_band.bands(), share(a.sliced().nnz()),
                                   conjugate, x, out.alpha);
    const transposed_blocks grouped(a.grouped(), grouped_band.bands(), share(a.grouped().nnz()),
                                    conjugate, x, out.alpha);
    const int all = tiles.count() + diagonals.count() + slices.count() + grouped.count();
    add_up(std::max(1, all), [&](int block, T* to) {
      run_one_of(
          block, [to](const auto& blocks, int k) { blocks.run(k, to); }, tiles, diagonals, slices,
          grouped);
    });
  } else {
    const every_unit everything(a);
    const transposed_blocks blocks(a, everything.bands(), count, conjugate, x, out.alpha);
    add_up(std::max(1, blocks.count()), [&](int block, T* to) {
      if (blocks.count() > 0) blocks.run(block, to);
    });
  }
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
