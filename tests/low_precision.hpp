// What the tests of 16-bit and 8-bit types share.
#pragma once

#include <cstdint>
#include <type_traits>

#include <tilebit/core/isa.hpp>
#include <tilebit/formats/coo.hpp>

#include "catch.hpp"
#include "generators.hpp"

namespace low_precision {

namespace tb = tilebit;

/// What products of T are added up in.
template <class T>
using sum_of = std::conditional_t<std::is_same_v<T, std::int8_t>, std::int32_t, float>;

/// A matrix of small integers, whose products are exact in every order of additions.
template <class T>
tb::coo_matrix<T> small_integers(std::int64_t m, std::int64_t n, int percent,
                                 generators::source& from) {
  auto a = generators::uniform<T>(m, n, percent, from);
  for (T& x : a.values()) x = from.small<T>();
  return a;
}

/// Are there kernels of dot products, for which optimize makes copies? Warns where not.
inline bool has_dot_products() {
#if !defined(TILEBIT_DISABLE_SIMD) && !defined(TILEBIT_DISABLE_AVX512)
  if (tb::active_isa() >= tb::isa::avx512_bf16) return true;
#endif
  WARN("skipped: this machine has no AVX-512 BF16");
  return false;
}

} // namespace low_precision
