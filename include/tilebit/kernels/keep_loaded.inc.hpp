// For every instruction set: included by simd.hpp in front of the vocabulary.

/// Holds what was loaded in a register. g++ at -O2 loads once more for each product otherwise, as
/// if loads that come with arithmetic were free.
template <class Register>
TILEBIT_ALWAYS_INLINE void keep_loaded(Register& a) noexcept {
#if defined(__GNUC__) || defined(__clang__)
  asm("" : "+v"(a));
#endif
}
