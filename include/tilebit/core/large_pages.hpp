// Large pages for large arrays.
//
// Products read elements, bitmaps, columns and vectors at once, from more pages than the processor
// keeps addresses of: SpMV of matrices of 600 MB is 1.1 to 1.5 times as fast with pages of 2 MB as
// with 4 KB (bench/run --memory, Zen 4). And memory that is touched for the first time costs less:
// optimize takes less than half of the time for matrices of 40 MB. Linux gives such pages unasked
// or to those who ask, whichever is set (/sys/kernel/mm/transparent_hugepage/enabled: always,
// madvise).
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#if defined(__linux__)
#include <cerrno>
#include <sys/mman.h>
#endif

namespace tilebit::detail {

/// Asks for large pages where n bytes of memory, not touched so far, have room for some. Does
/// nothing where the system has none.
inline void ask_for_large_pages([[maybe_unused]] void* memory,
                                [[maybe_unused]] std::size_t n) noexcept {
#if defined(MADV_HUGEPAGE)
  constexpr std::size_t page = std::size_t{2} << 20;
  const std::size_t skipped = (page - reinterpret_cast<std::uintptr_t>(memory) % page) % page;
  if (n < skipped + page) return;
  const int error = errno; // what fails here does not concern the caller
  ::madvise(static_cast<char*>(memory) + skipped, (n - skipped) / page * page, MADV_HUGEPAGE);
  errno = error;
#endif
}

/// v.reserve(n), in large pages if n elements fill some.
template <class T>
void reserve_in_large_pages(std::vector<T>& v, std::size_t n) {
  if (n <= v.capacity()) return;
  v.reserve(n);
  ask_for_large_pages(v.data(), v.capacity() * sizeof(T));
}

/// v.resize(n) and v.assign(first, last) likewise.
template <class T>
void resize_in_large_pages(std::vector<T>& v, std::size_t n) {
  reserve_in_large_pages(v, n);
  v.resize(n);
}
template <class T, class Range>
void assign_in_large_pages(std::vector<T>& v, const Range& from) {
  reserve_in_large_pages(v, static_cast<std::size_t>(from.end() - from.begin()));
  v.assign(from.begin(), from.end());
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
