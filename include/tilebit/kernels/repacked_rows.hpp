// Tile rows of a low-precision matrix as packed entries or as wider numbers, one at a time: a
// source for bands.hpp.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/packed.hpp"
#include "bands.hpp"
#include "dispatch.hpp"
#include "dispatch_low_precision.hpp"
#include "parallel.hpp"
#include "row_of_tiles.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Memory: sizeof(P) for each entry and sizeof(I) + 2 for each tile of the longest tile row, for
/// each thread; for 8-bit integers 4 bytes a row besides.
template <class P, class View>
class repacked_tile_rows {
public:
  using T = typename View::scalar_type;
  using I = typename View::index_type;
  using scalar_type = P;
  using index_type = I;
  static constexpr bool as_stored = false;

  /// Throws std::bad_alloc.
  repacked_tile_rows(const execution_policy& policy, const View& a) : a_(a) {
    const band_sizes most(a);
    for (int k = 0; k < thread_count(policy); ++k) scratch_.emplace_back(most);
    if constexpr (packed) {
      repack_ = repack_table<P, T, I>::rows[0].function; // who packs has its kernels
      corrections_ = work_array<std::int32_t>(moved ? 4 * a.tile_rows() : 0);
    } else {
      widen_ = select(widen_table<P, T>::rows).function;
    }
  }

  const View& matrix() const noexcept { return a_; }
  std::int64_t cols() const noexcept { return (a_.cols() + depth - 1) / depth; }
  /// Average entries of a tile, expected where entries lie at random.
  double fill() const noexcept {
    const auto tiles = static_cast<double>(std::max<std::size_t>(a_.bitmaps().size(), 1));
    const double zeros = 1.0 - static_cast<double>(a_.nnz()) / (16 * tiles);
    return 16 * (1.0 - std::pow(zeros, depth));
  }
  /// How many words its rows hold together, expected where entries lie at random.
  double entries() const noexcept {
    return fill() / depth * static_cast<double>(a_.bitmaps().size());
  }
  const accumulator_t<P>* corrections(std::int64_t tr) const noexcept {
    if constexpr (moved) {
      return corrections_.get() + 4 * tr;
    } else {
      return nullptr;
    }
  }

  row_of_tiles<P, I> row(std::int64_t tr, int thread) const noexcept {
    const memory& to = scratch_[at(thread)];
    const row_of_tiles<T, I> from{bitmaps_in(a_, tr), cols_in(a_, tr), tiles_of(a_, tr),
                                  elements_in(a_, tr), entries_of(a_, tr, tr + 1)};
    if constexpr (packed) {
      return repack_(from, {to.elements.get(), to.bitmaps.get(), to.cols.get()},
                     moved ? corrections_.get() + 4 * tr : nullptr);
    } else {
      widen_(from.elements, from.entries, to.elements.get());
      if (from.cols != nullptr) {
        return {from.bitmaps, from.cols, from.tiles, to.elements.get(), from.entries};
      }
      std::int64_t n = 0; // tiles that are not empty
      for (std::int64_t t = 0; t < from.tiles; ++t) {
        to.bitmaps.get()[n] = from.bitmaps[t];
        to.cols.get()[n] = static_cast<I>(t);
        n += from.bitmaps[t] != 0;
      }
      return {to.bitmaps.get(), to.cols.get(), n, to.elements.get(), from.entries};
    }
  }

private:
  static constexpr int depth = detail::depth_v<P>;
  static constexpr bool packed = depth > 1;
  static constexpr bool moved = std::is_same_v<P, detail::int8_quad>;

  struct memory {
    explicit memory(const band_sizes& most)
        : elements(most.entries_of_row), bitmaps(most.tiles_of_row + 1),
          cols(most.tiles_of_row + 1) {} // a place behind the last one takes what is left out
    work_array<P> elements;
    work_array<std::uint16_t> bitmaps;
    work_array<I> cols;
  };

  View a_;
  std::vector<memory> scratch_; ///< one per thread
  work_array<std::int32_t> corrections_;
  repack_function<P, T, I>* repack_ = nullptr;
  widen_function<P, T>* widen_ = nullptr;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
