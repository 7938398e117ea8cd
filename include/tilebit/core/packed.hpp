// Packed entries: neighbouring entries of a row in one 32-bit word, for instructions that multiply
// them with as many entries of a column and add the products up. Kernels make matrices of such
// words from matrices of the entries; they are no values to compute with elsewhere.
#pragma once

#include <cstdint>
#include <type_traits>

#include "low_precision.hpp"

namespace tilebit::detail {

enum class bfloat16_pair : std::uint32_t {}; ///< the first entry in the lower half
enum class int8_quad : std::uint32_t {};     ///< the first entry in the lowest byte

/// Entries of the original matrix in one of P.
template <class P>
inline constexpr int depth_v = 1;
template <>
inline constexpr int depth_v<bfloat16_pair> = 2;
template <>
inline constexpr int depth_v<int8_quad> = 4;

/// What optimize makes of entries of T for products with dense matrices; T itself where that is
/// nothing else.
template <class T>
struct packed {
  using type = T;
};
template <>
struct packed<bfloat16> {
  using type = bfloat16_pair;
};
template <>
struct packed<float16> {
  using type = float;
};
template <>
struct packed<std::int8_t> {
  using type = int8_quad;
};
template <class T>
using packed_t = typename packed<T>::type;

/// Is the matrix kept as a grid, and another copy of it packed?
template <class T>
inline constexpr bool is_packed_v = !std::is_same_v<packed_t<T>, T>;

} // namespace tilebit::detail
