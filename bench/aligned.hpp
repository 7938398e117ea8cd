// Arrays that start at a cache line, which oneMKL's manual asks for and everybody gains from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace bench {

struct release {
  void operator()(void* p) const { std::free(p); }
};
template <class T>
using aligned_array = std::unique_ptr<T[], release>;

/// n uninitialised elements.
template <class T>
aligned_array<T> make_aligned(std::int64_t n) {
  constexpr std::size_t line = 64;
  const std::size_t bytes = (static_cast<std::size_t>(n) * sizeof(T) / line + 1) * line;
  void* p = std::aligned_alloc(line, bytes);
  if (p == nullptr) throw std::bad_alloc();
  return aligned_array<T>(static_cast<T*>(p));
}

} // namespace bench
