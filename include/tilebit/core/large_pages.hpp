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

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#if defined(__linux__)
#include <cerrno>
#include <sys/mman.h>
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
#if defined(MADV_HUGEPAGE)
  const std::size_t skipped =
      (large_page - reinterpret_cast<std::uintptr_t>(memory) % large_page) % large_page;
  if (n < skipped + large_page) return;
  const int error = errno; // what fails here does not concern the caller
  ::madvise(static_cast<char*>(memory) + skipped, (n - skipped) / large_page * large_page,
            MADV_HUGEPAGE);
  errno = error;
#endif
}

/// Memory for an array of n bytes, in large pages from least_of_large_page on, and its release.
/// Throws std::bad_alloc.
template <std::size_t Alignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__>
void* allocate_array(std::size_t n) {
#if defined(MADV_HUGEPAGE)
  if (n >= least_of_large_page) {
    const std::size_t filled = n / large_page * large_page;
    const std::size_t bytes = n - filled >= least_of_large_page ? filled + large_page : n;
    void* const memory = ::operator new(bytes, std::align_val_t{large_page});
    ask_for_large_pages(memory, bytes);
    // What the heap has given before may have been touched, in small pages. Linux 6.1 and later
    // makes them large; for older ones this is an error without consequence.
    constexpr int collapse = 25; // MADV_COLLAPSE, which not all headers have
    const int error = errno;
    ::madvise(memory, bytes / large_page * large_page, collapse);
    errno = error;
    return memory;
  }
#endif
  return ::operator new(n, std::align_val_t{Alignment});
}
template <std::size_t Alignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__>
void free_array(void* memory, [[maybe_unused]] std::size_t n) noexcept {
#if defined(MADV_HUGEPAGE)
  if (n >= least_of_large_page) return ::operator delete(memory, std::align_val_t{large_page});
#endif
  ::operator delete(memory, std::align_val_t{Alignment});
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
