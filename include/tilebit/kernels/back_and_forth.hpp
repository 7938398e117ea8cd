// Which way a product goes through the blocks of a matrix.
#pragma once

#include "../core/config.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Places of blocks, from first to last in one call of a thread, from last to first in the next:
/// what a call has read last is in a cache when the next one begins with it, where a whole matrix
/// that is larger than the cache has left it each time that it is read in the same order.
/// Iterative methods multiply the same matrix again and again. Only for blocks whose sums do not
/// depend on their order.
class back_and_forth {
public:
  explicit back_and_forth(int blocks) noexcept : last_(blocks - 1), back_(turn()) {}

  int operator[](int k) const noexcept { return back_ ? last_ - k : k; }

private:
  static bool turn() noexcept {
    thread_local bool back = true;
    back = !back;
    return back;
  }

  int last_;
  bool back_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
