// SpMV of a whole matrix: which kernel, which blocks, by which threads.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/numeric.hpp"
#include "../formats/optimized.hpp"
#include "../formats/views.hpp"
#include "blocks.hpp"
#include "dispatch.hpp"
#include "parallel.hpp"
#include "reference.hpp"
#include "scattered_sums.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// The kernels of one call: the best that the active instruction set allows.
template <class View>
struct spmv_kernels {
  using T = std::remove_const_t<typename View::scalar_type>;
  spmv_function<View, T>* plain = select(spmv_table<View>::rows).function;
  spmv_transposed_function<View, T>* transposed =
      select(spmv_transposed_table<View>::rows).function;

  explicit spmv_kernels(bool conjugate) noexcept {
    if constexpr (detail::is_complex_v<T>) {
      if (conjugate) {
        plain = &spmv<true>;
        transposed = &kernels::spmv_transposed<true>;
      }
    }
  }
};

/// SpMV of one part of a matrix, block by block. Units that a cut divides leave sums of their
/// pieces, which finish adds up in order.
template <class View>
class block_product {
public:
  using T = std::remove_const_t<typename View::scalar_type>;

  block_product(const View& a, std::span<const tile_band> bands, bool conjugate, const T* x,
                const vector_update<T>& out) noexcept
      : blocks_(a), bands_(bands), function_(spmv_kernels<View>(conjugate).plain), x_(x),
        out_(out) {}

  int count() const noexcept { return blocks_.count(); }

  void run(int block) noexcept {
    sums* to = pieces_.data() + 2 * static_cast<std::size_t>(block);
    blocks_.visit(
        block,
        [&](std::int64_t first, std::int64_t last) {
          for_each_overlap(bands_, first, last, [&](std::int64_t begin, std::int64_t end) {
            function_(blocks_.matrix(), begin, end, x_, out_);
          });
        },
        [&](std::int64_t u, std::int64_t first, std::int64_t last) {
          const unit_piece<View> piece(blocks_.matrix(), u, first, last);
          function_(piece.view, 0, 1, x_, vector_update<T>{T{1}, T{}, nullptr, to->data()});
          ++to;
        });
  }

  void finish() noexcept {
    sums total{};
    for (int block = 0; block < count(); ++block) {
      const sums* from = pieces_.data() + 2 * static_cast<std::size_t>(block);
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
  using sums = std::array<T, height>;

  block_list<View> blocks_;
  std::span<const tile_band> bands_;
  spmv_function<View, T>* function_;
  const T* x_;
  vector_update<T> out_;
  std::array<sums, 2 * most_blocks> pieces_; ///< at most two a block
};

/// z = alpha A x + beta y for CSR, bitmap and optimized matrices.
template <class View, class T>
void run_spmv_by_rows(const execution_policy& policy, const View& a, bool conjugate, const T* x,
                      const vector_update<T>& out) noexcept {
  if constexpr (requires { a.bands(); }) {
    const std::array<tile_band, 1> every_slice{{{0, units(a.sliced())}}};
    block_product tiles(a.tiles(), a.bands(), conjugate, x, out);
    block_product slices(a.sliced(), every_slice, conjugate, x, out);
    const int first_slices = a.bands().empty() ? 0 : tiles.count();
    const int count = first_slices + (a.sliced().slices() == 0 ? 0 : slices.count());
    for_each_task(policy, count, [&](int task) {
      task < first_slices ? tiles.run(task) : slices.run(task - first_slices);
    });
    if (first_slices > 1) tiles.finish();
    if (count - first_slices > 1) slices.finish();
  } else {
    const std::array<tile_band, 1> every_unit{{{0, units(a)}}};
    block_product product(a, every_unit, conjugate, x, out);
    for_each_task(policy, product.count(), [&](int task) { product.run(task); });
    if (product.count() > 1) product.finish();
  }
}

/// Are rows in order? Compared 16 at a time, a loop that compilers vectorise.
template <class I>
bool never_fall(std::span<const I> rows) noexcept {
  constexpr std::size_t width = 16;
  std::size_t k = 1;
  for (; k + width <= rows.size(); k += width) {
    I falls{};
    for (std::size_t r = 0; r < width; ++r) falls |= static_cast<I>(rows[k + r] < rows[k + r - 1]);
    if (falls != 0) return false;
  }
  for (; k < rows.size(); ++k) {
    if (rows[k] < rows[k - 1]) return false;
  }
  return true;
}

/// z = alpha A x + beta y for COO. Entries in order of rows are cut between rows; in any other
/// order two blocks may add to the same row, so that each has sums of its own.
template <class View, class T>
void run_spmv_by_entries(const execution_policy& policy, const View& a, bool conjugate, const T* x,
                         const vector_update<T>& out) {
  auto* const function = spmv_kernels<View>(conjugate).plain;
  const auto rows = a.row_indices();
  const int row_blocks = static_cast<int>(std::clamp<std::int64_t>(
      a.nnz() * std::int64_t{sizeof(T) + 2 * sizeof(rows[0])} / block_bytes, 1, most_blocks));
  if (row_blocks == 1 || never_fall(rows)) {
    out.prepare(0, a.rows());
    const auto cut = [&](int p) -> std::int64_t {
      if (p == 0 || p == row_blocks) return p == 0 ? 0 : a.nnz();
      const auto k = rows.begin() + a.nnz() / row_blocks * p;
      return std::upper_bound(k, rows.end(), *(k - 1)) - rows.begin();
    };
    return for_each_task(policy, row_blocks,
                         [&](int block) { function(a, cut(block), cut(block + 1), x, out); });
  }
  const int blocks = scattering_blocks(a.nnz(), a.rows());
  scattered_sums<T> sums(policy, blocks, a.rows());
  out.prepare(0, a.rows());
  sums.add_to(out.z, [&](int block, T* to) {
    function(a, a.nnz() * block / blocks, a.nnz() * (block + 1) / blocks, x,
             vector_update<T>{out.alpha, T{}, nullptr, to});
  });
}

/// z_j += alpha * a * x_i for a block of a matrix of rows, tile rows or slices.
template <class View, class T>
void add_transposed_block(const block_list<View>& blocks, int block,
                          std::span<const tile_band> bands,
                          spmv_transposed_function<View, T>* function, const T* x, T alpha,
                          T* z) noexcept {
  const View& a = blocks.matrix();
  blocks.visit(
      block,
      [&](std::int64_t first, std::int64_t last) {
        for_each_overlap(bands, first, last, [&](std::int64_t begin, std::int64_t end) {
          function(a, begin, end, x, alpha, z);
        });
      },
      [&](std::int64_t u, std::int64_t first, std::int64_t last) {
        const unit_piece<View> piece(a, u, first, last);
        function(piece.view, 0, 1, x + unit_rows<View>{a, u}[0], alpha, z);
      });
}

/// z = alpha A^T x + beta y for any format.
template <class View, class T>
void run_spmv_transposed(const execution_policy& policy, const View& a, bool conjugate, const T* x,
                         const vector_update<T>& out) {
  int count = scattering_blocks(a.nnz(), a.cols());
  const auto add_up = [&](auto&& run) {
    scattered_sums<T> sums(policy, count, a.cols());
    out.prepare(0, a.cols());
    sums.add_to(out.z, run);
  };
  if constexpr (requires { a.row_indices(); }) {
    auto* const function = spmv_kernels<View>(conjugate).transposed;
    add_up([&](int block, T* to) {
      function(a, a.nnz() * block / count, a.nnz() * (block + 1) / count, x, out.alpha, to);
    });
  } else if constexpr (requires { a.bands(); }) {
    using tiles_view = std::remove_cvref_t<decltype(a.tiles())>;
    using slices_view = std::remove_cvref_t<decltype(a.sliced())>;
    const double share =
        a.nnz() == 0 ? 0.0 : static_cast<double>(a.tiles().nnz()) / static_cast<double>(a.nnz());
    const int of_tiles = std::max(1, static_cast<int>(share * count));
    const int of_slices = std::max(1, count - of_tiles);
    const int first_slices = a.bands().empty() ? 0 : of_tiles;
    count = first_slices + (a.sliced().slices() == 0 && first_slices > 0 ? 0 : of_slices);
    const std::array<tile_band, 1> every_slice{{{0, units(a.sliced())}}};
    const block_list tiles(a.tiles(), of_tiles);
    const block_list slices(a.sliced(), of_slices);
    auto* const tiles_function = spmv_kernels<tiles_view>(conjugate).transposed;
    auto* const slices_function = spmv_kernels<slices_view>(conjugate).transposed;
    add_up([&](int block, T* to) {
      if (block < first_slices) {
        add_transposed_block(tiles, block, a.bands(), tiles_function, x, out.alpha, to);
      } else {
        add_transposed_block(slices, block - first_slices, std::span<const tile_band>(every_slice),
                             slices_function, x, out.alpha, to);
      }
    });
  } else {
    const std::array<tile_band, 1> every_unit{{{0, units(a)}}};
    const block_list blocks(a, count);
    auto* const function = spmv_kernels<View>(conjugate).transposed;
    add_up([&](int block, T* to) {
      add_transposed_block(blocks, block, std::span<const tile_band>(every_unit), function, x,
                           out.alpha, to);
    });
  }
}

/// z = alpha op(A) x + beta y for checked operands. Throws std::bad_alloc before z is written.
template <class Operand, class T>
void run_spmv(const execution_policy& policy, const Operand& op, const T* x,
              const vector_update<T>& out) {
  const auto& a = op.base;
  if (op.transposed) return run_spmv_transposed(policy, a, op.conjugated, x, out);
  if constexpr (requires { a.row_indices(); }) {
    run_spmv_by_entries(policy, a, op.conjugated, x, out);
  } else {
    run_spmv_by_rows(policy, a, op.conjugated, x, out);
  }
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
