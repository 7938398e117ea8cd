// Random numbers that are the same on every machine and standard library.
#pragma once

#include <cstdint>

namespace bench {

/// Source: Steele, Lea, Flood, Fast splittable pseudorandom number generators, OOPSLA 2014.
class splitmix64 {
public:
  explicit splitmix64(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() noexcept {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31U);
  }
  /// In [0, 1).
  double uniform() noexcept { return static_cast<double>(next() >> 11U) * 0x1p-53; }
  /// In [-1, 1) without 0.
  double value() noexcept {
    const double x = 2 * uniform() - 1;
    return x != 0 ? x : 0.5;
  }
  std::uint64_t below(std::uint64_t n) noexcept { return next() % n; }

private:
  std::uint64_t state_;
};

} // namespace bench
