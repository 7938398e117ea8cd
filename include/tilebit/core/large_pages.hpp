// Large pages for large arrays.
//
// Products read elements, bitmaps, columns and vectors at once, from more pages than the processor
// keeps addresses of: SpMV of matrices of 600 MB is 1.1 to 1.5 times as fast with pages of 2 MB as
// with 4 KB (bench/run --memory, Zen 4). Small pages also lie anywhere in memory, so that some of
// them share places of a second-level cache whose others stay empty: matrices of 1 to 10 MB are
// multiplied up to 1.3 times as fast, and always alike, from arrays that begin on a large page. And
// memory that is touched for the first time costs less: optimize takes less than half of the time
// for matrices of 40 MB. Linux gives such pages unasked or to those who ask, whichever is set
// (/sys/kernel/mm/transparent_hugepage/enabled: always, madvise).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

#include "config.hpp"

#if TILEBIT_MAPS_PAGES
#include <cerrno>
#include <sys/mman.h>

// Defined in programs of which any part is compiled with AddressSanitizer, which watches the heap
// alone: asked at run time, all parts of a program agree on where arrays come from.
extern "C" __attribute__((weak)) void __asan_init();
#endif

namespace tilebit::detail {

inline constexpr std::size_t large_page = std::size_t{2} << 20;

/// From so many bytes on an array begins on a large page of its own, and has its last one to itself
/// if it fills as much of it: up to 1.5 MB more than the array.
inline constexpr std::size_t least_of_large_page = large_page / 4;

/// Asks for large pages where n bytes of memory, not touched so far, have room for some. Does
/// nothing where the system has none.
inline void ask_for_large_pages([[maybe_unused]] void* memory,
                                [[maybe_unused]] std::size_t n) noexcept {
#if TILEBIT_MAPS_PAGES
  const std::size_t skipped =
      (large_page - reinterpret_cast<std::uintptr_t>(memory) % large_page) % large_page;
  if (n < skipped + large_page) return;
  const int error = errno; // what fails here does not concern the caller
  ::madvise(static_cast<char*>(memory) + skipped, (n - skipped) / large_page * large_page,
            MADV_HUGEPAGE);
  errno = error;
#endif
}

#if TILEBIT_MAPS_PAGES

/// Freed arrays that the next ones of their size get, at most 32 MB of them in all: fresh pages
/// cost a conversion up to a sixth of its time. Each holds its number of bytes.
struct kept_arrays {
  static constexpr std::size_t most_bytes = std::size_t{32} << 20;

  std::atomic<std::size_t*> places[16];
  std::atomic<std::size_t> bytes;

  /// Null if there is none.
  void* take(std::size_t n) noexcept {
    for (auto& place : places) {
      std::size_t* const array = place.exchange(nullptr, std::memory_order_acquire);
      if (array == nullptr) continue;
      if (*array == n) {
        bytes.fetch_sub(n, std::memory_order_relaxed);
        return array;
      }
      if (!put(place, array)) free(array);
    }
    return nullptr;
  }
  void give(void* memory, std::size_t n) noexcept {
    auto* const array = static_cast<std::size_t*>(memory);
    *array = n;
    if (bytes.fetch_add(n, std::memory_order_relaxed) + n <= most_bytes) {
      for (auto& place : places) {
        if (put(place, array)) return;
      }
    }
    free(array);
  }

private:
  /// Whether the place was empty.
  static bool put(std::atomic<std::size_t*>& place, std::size_t* array) noexcept {
    std::size_t* none = nullptr;
    return place.compare_exchange_strong(none, array, std::memory_order_release);
  }
  void free(std::size_t* array) noexcept {
    const std::size_t n = *array;
    bytes.fetch_sub(n, std::memory_order_relaxed);
    ::munmap(array, n);
  }
};
inline constinit kept_arrays arrays_of_program{};

/// Whether the memory of an array of n bytes is mapped for it alone.
inline bool is_mapped(std::size_t n) noexcept {
  return n >= least_of_large_page && __asan_init == nullptr;
}

/// Bytes of the memory of an array of n: its pages, the last large one whole if it fills enough.
constexpr std::size_t bytes_in_pages(std::size_t n) noexcept {
  constexpr std::size_t small_page = 4096;
  const std::size_t filled = n / large_page * large_page;
  return n - filled >= least_of_large_page ? filled + large_page
                                           : (n + small_page - 1) / small_page * small_page;
}

/// From the system, not from the heap, which gives memory again that has been touched in small
/// pages. Throws std::bad_alloc.
inline void* map_large_pages(std::size_t bytes) {
  void* const all = ::mmap(nullptr, bytes + large_page, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED) throw std::bad_alloc();
  const std::size_t skipped =
      (large_page - reinterpret_cast<std::uintptr_t>(all) % large_page) % large_page;
  char* const memory = static_cast<char*>(all) + skipped;
  if (skipped > 0) ::munmap(all, skipped);
  ::munmap(memory + bytes, large_page - skipped);
  ask_for_large_pages(memory, bytes);
  return memory;
}

#endif // TILEBIT_MAPS_PAGES

/// From so many bytes on an array begins on a cache line: rows of B that are as long as a vector
/// would lie on two each. Smaller ones come faster without.
inline constexpr std::size_t least_on_lines = 1024;

/// Memory for an array of n bytes, in large pages from least_of_large_page on, and its release.
/// Throws std::bad_alloc.
TILEBIT_NOINLINE inline void* allocate_array(std::size_t n) {
#if TILEBIT_MAPS_PAGES
  if (is_mapped(n)) {
    if (n > std::numeric_limits<std::size_t>::max() / 2) throw std::bad_alloc();
    const std::size_t bytes = bytes_in_pages(n);
    void* const kept = arrays_of_program.take(bytes);
    return kept != nullptr ? kept : map_large_pages(bytes);
  }
#endif
  return n >= least_on_lines ? ::operator new(n, std::align_val_t{64}) : ::operator new(n);
}
TILEBIT_NOINLINE inline void free_array(void* memory, std::size_t n) noexcept {
#if TILEBIT_MAPS_PAGES
  if (is_mapped(n)) {
    ::munmap(memory, bytes_in_pages(n));
    return;
  }
#endif
  if (n >= least_on_lines) return ::operator delete(memory, std::align_val_t{64});
  ::operator delete(memory);
}
/// As free_array, but the next array of that size may get the memory.
TILEBIT_NOINLINE inline void give_array(void* memory, std::size_t n) noexcept {
#if TILEBIT_MAPS_PAGES
  if (is_mapped(n)) return arrays_of_program.give(memory, bytes_in_pages(n));
#endif
  free_array(memory, n);
}

/// Memory for an array of `capacity` bytes that begins with the n bytes at `from`. Throws
/// std::bad_alloc.
TILEBIT_NOINLINE inline void* copied_array(const void* from, std::size_t n, std::size_t capacity) {
  void* const there = allocate_array(capacity);
  if (n > 0) std::memcpy(there, from, n);
  return there;
}

/// An array of n objects of a type whose objects need no constructor, not initialised, in large
/// pages if it fills some. Less to compile for each type than a std::unique_ptr; unlike work_array
/// (kernels/workspace.hpp), nothing of it is kept for the thread's next call.
template <class T>
class scratch_array {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T> &&
                alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

public:
  /// Throws std::bad_alloc.
  explicit scratch_array(std::size_t n) : data_(static_cast<T*>(::operator new(n * sizeof(T)))) {
    ask_for_large_pages(data_, n * sizeof(T));
  }
  scratch_array(scratch_array&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  scratch_array& operator=(scratch_array&& other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~scratch_array() { ::operator delete(data_); }

  T* get() const noexcept { return data_; }

private:
  T* data_;
};

} // namespace tilebit::detail
