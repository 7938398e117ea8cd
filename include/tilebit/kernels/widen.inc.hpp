// Low-precision numbers as wider ones, for every instruction set: included by simd.hpp in the
// region of the set behind its widen_block, and once for the compiler's flags.

/// to[k] = from[k] for k < n.
template <class P, class T>
void widen(const T* TILEBIT_RESTRICT from, std::int64_t n, P* TILEBIT_RESTRICT to) noexcept {
  constexpr std::int64_t width = 16; // a constant count, which compilers vectorise
  std::int64_t k = 0;
  for (; k + width <= n; k += width) widen_block(from + k, to + k);
  for (; k < n; ++k) to[k] = static_cast<P>(from[k]);
}
