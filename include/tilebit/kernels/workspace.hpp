// Memory that products work in: aligned to cache lines, and kept for the next product of the
// thread.
//
// Fresh pages cost more than what is done with them: the kernel of the operating system clears each
// at its first use (0.25 us for 4 KB), which took up to half of an SpMM with a pruned layer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>

#include "../core/config.hpp"

namespace tilebit::detail {

/// Blocks of memory that a thread has given back, at most `most_bytes` of them together.
class kept_blocks {
public:
  struct block {
    void* memory = nullptr;
    std::size_t bytes = 0;
  };

  kept_blocks() = default;
  kept_blocks(const kept_blocks&) = delete;
  kept_blocks& operator=(const kept_blocks&) = delete;
  ~kept_blocks() {
    for (const block& b : blocks_) release(b);
  }

  /// The smallest kept block of at least so many bytes and at most four times as many, or a new
  /// one. Throws std::bad_alloc.
  block take(std::size_t bytes) {
    block* best = nullptr;
    for (block& b : blocks_) {
      const bool fits = b.bytes >= bytes && b.bytes / 4 <= bytes;
      if (b.memory != nullptr && fits && (best == nullptr || b.bytes < best->bytes)) best = &b;
    }
    if (best == nullptr) return {::operator new(bytes, std::align_val_t{64}), bytes};
    bytes_ -= best->bytes;
    return std::exchange(*best, block{});
  }

  /// Keeps a block in the place of the smallest one, if it may.
  void give(block b) noexcept {
    block* least = &blocks_[0];
    for (block& kept : blocks_) {
      if (kept.bytes < least->bytes) least = &kept;
    }
    if (least->bytes < b.bytes && bytes_ - least->bytes + b.bytes <= most_bytes) {
      bytes_ += b.bytes - least->bytes;
      std::swap(*least, b);
    }
    release(b);
  }

private:
  static constexpr std::size_t most_bytes = TILEBIT_KEPT_BYTES;

  static void release(const block& b) noexcept {
    if (b.memory != nullptr) ::operator delete(b.memory, std::align_val_t{64});
  }

  std::array<block, 12> blocks_;
  std::size_t bytes_ = 0;
};

inline thread_local kept_blocks kept_blocks_of_thread;

/// An array of a trivial type, not initialised, that begins on a cache line.
template <class T>
class work_array {
public:
  work_array() = default;
  /// Throws std::bad_alloc.
  explicit work_array(std::int64_t n)
      : block_(kept_blocks_of_thread.take(sizeof(T) * static_cast<std::size_t>(n))) {}
  work_array(work_array&& other) noexcept : block_(std::exchange(other.block_, {})) {}
  work_array& operator=(work_array&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~work_array() {
    if (block_.memory != nullptr) kept_blocks_of_thread.give(block_);
  }

  T* get() const noexcept { return static_cast<T*>(block_.memory); }

private:
  kept_blocks::block block_;
};

} // namespace tilebit::detail
