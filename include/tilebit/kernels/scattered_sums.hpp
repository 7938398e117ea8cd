// Blocks that add to the same vector: each into sums of its own, which are then added in block
// order, so that results do not depend on who computes which block.
#pragma once

#include <algorithm>
#include <cstdint>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/numeric.hpp"
#include "blocks.hpp"
#include "dispatch.hpp"
#include "parallel.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// How many blocks for so many entries that add into n elements. Each but the first has a vector
/// of its own; all of these together have at most a quarter as many elements as there are entries,
/// or n.
inline int scattering_blocks(std::int64_t nnz, std::int64_t n) noexcept {
  if (n == 0) return 1;
  const std::int64_t large_enough = nnz / (std::int64_t{1} << 15);
  return static_cast<int>(std::min(
      {1 + std::max<std::int64_t>(1, nnz / (4 * n)), 1 + large_enough, std::int64_t{most_blocks}}));
}

/// The memory of the blocks and the additions in their order.
template <class T>
class scattered_sums {
public:
  /// Throws std::bad_alloc. One vector for one thread, otherwise one for each block but the first.
  scattered_sums(const execution_policy& policy, int blocks, std::int64_t n)
      : policy_(policy), blocks_(blocks), n_(n), parallel_(thread_count(policy) > 1) {
    const int vectors = parallel_ ? blocks - 1 : std::min(blocks - 1, 1);
    if (vectors > 0) {
      memory_ = work_array<T>(n * vectors);
    }
  }

  /// run(block, to) adds its block to the vector `to`; the first one adds to z itself.
  template <class F>
  void add_to(T* z, F&& run) noexcept {
    if (parallel_) {
      add_in_parallel(z, run);
      return;
    }
    run(0, z);
    for (int block = 1; block < blocks_; ++block) {
      std::fill_n(memory_.get(), n_, T{});
      run(block, memory_.get());
      add_(memory_.get(), n_, z);
    }
  }

private:
  template <class F>
  void add_in_parallel(T* z, F&& run) noexcept {
    const auto sums_of = [&](int block) { return memory_.get() + (block - 1) * n_; };
    for_each_task(policy_, blocks_, [&](int block) {
      if (block > 0) std::fill_n(sums_of(block), n_, T{});
      run(block, block == 0 ? z : sums_of(block));
    });
    if (blocks_ == 1) return;
    for_each_task(policy_, most_blocks, [&](int part) {
      const std::int64_t first = n_ * part / most_blocks;
      const std::int64_t last = n_ * (part + 1) / most_blocks;
      for (int block = 1; block < blocks_; ++block) {
        add_(sums_of(block) + first, last - first, z + first);
      }
    });
  }

  const execution_policy& policy_;
  int blocks_;
  std::int64_t n_;
  bool parallel_;
  add_vector_function<T>* add_ = select(add_vector_table<T>::rows).function;
  work_array<T> memory_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
