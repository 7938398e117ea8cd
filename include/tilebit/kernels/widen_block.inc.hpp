// Sixteen numbers, as compilers vectorise it: included by simd.hpp before the overloads of a set.

template <class P, class T>
TILEBIT_ALWAYS_INLINE void widen_block(const T* TILEBIT_RESTRICT from,
                                       P* TILEBIT_RESTRICT to) noexcept {
  for (int r = 0; r < 16; ++r) to[r] = static_cast<P>(from[r]);
}
