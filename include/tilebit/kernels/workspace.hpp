// Memory that products work in: aligned to cache lines, and kept for the next product of the
// thread.
//
// Fresh pages cost more than what is done with them: the kernel of the operating system clears each
// at its first use (0.25 us for 4 KB), which took up to half of an SpMM with a pruned layer.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>

#include "../core/config.hpp"
#include "../core/large_pages.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Memory that begins on a cache line.
struct memory_block {
  void* memory = nullptr;
  std::size_t bytes = 0;

  /// Throws std::bad_alloc.
  static memory_block allocate(std::size_t bytes) {
    bytes = std::max(bytes, detail::least_on_lines);
    return {detail::allocate_array(bytes), bytes};
  }
  void free() const noexcept {
    if (memory != nullptr) detail::free_array(memory, bytes);
  }
};

/// Blocks that a thread has given back, at most TILEBIT_KEPT_BYTES of them together. It has no
/// destructor, so that products in destructors of other objects of the thread may still use it.
struct kept_blocks {
  std::array<memory_block, 12> blocks;
  std::size_t bytes = 0;
  bool closed = false; ///< the thread ends: nothing is kept any more

  /// The smallest kept block of at least so many bytes and at most four times as many, or a new
  /// one. Throws std::bad_alloc.
  memory_block take(std::size_t wanted) {
    memory_block* best = nullptr;
    for (memory_block& b : blocks) {
      const bool fits = b.bytes >= wanted && b.bytes / 4 <= wanted;
      if (b.memory != nullptr && fits && (best == nullptr || b.bytes < best->bytes)) best = &b;
    }
    if (best == nullptr) return memory_block::allocate(wanted);
    bytes -= best->bytes;
    return std::exchange(*best, memory_block{});
  }

  /// Keeps a block in the place of the smallest one, if it may.
  void give(memory_block b) noexcept {
    constexpr std::size_t most = TILEBIT_KEPT_BYTES;
    memory_block* least = &blocks[0];
    for (memory_block& kept : blocks) {
      if (kept.bytes < least->bytes) least = &kept;
    }
    if (!closed && least->bytes < b.bytes && bytes - least->bytes + b.bytes <= most) {
      bytes += b.bytes - least->bytes;
      std::swap(*least, b);
    }
    b.free();
  }

  void close() noexcept {
    closed = true;
    for (memory_block& b : blocks) std::exchange(b, memory_block{}).free();
    bytes = 0;
  }
};

inline constinit thread_local kept_blocks blocks_of_thread{};

/// Frees the blocks of a thread at its end.
struct blocks_owner {
  blocks_owner() noexcept = default;
  blocks_owner(const blocks_owner&) = delete;
  blocks_owner& operator=(const blocks_owner&) = delete;
  ~blocks_owner() { blocks_of_thread.close(); }

  void be_there() const noexcept {} ///< objects of a thread are made when they are first named
};
inline thread_local const blocks_owner owner_of_blocks;

/// An array of a trivial type, not initialised, that begins on a cache line.
template <class T>
class work_array {
public:
  work_array() = default;
  /// Throws std::bad_alloc.
  explicit work_array(std::int64_t n)
      : block_(blocks_of_thread.take(sizeof(T) * static_cast<std::size_t>(n))) {}
  work_array(work_array&& other) noexcept : block_(std::exchange(other.block_, {})) {}
  work_array& operator=(work_array&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~work_array() {
    if (block_.memory == nullptr) return;
    if (!blocks_of_thread.closed) owner_of_blocks.be_there();
    blocks_of_thread.give(block_);
  }

  T* get() const noexcept { return static_cast<T*>(block_.memory); }

private:
  memory_block block_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
