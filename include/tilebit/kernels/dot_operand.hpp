// What a few columns of B are made of for products that expand tiles (tile_dots.inc.hpp).
#pragma once

#include <cstdint>

#include "../core/config.hpp"
#include "../core/low_precision.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

template <class T>
struct dot_operand;
template <>
struct dot_operand<bfloat16> {
  using type = bfloat16;
};
template <>
struct dot_operand<float16> {
  using type = float;
};
template <>
struct dot_operand<std::int8_t> {
  using type = std::uint8_t; ///< moved by 128
};
template <class T>
using dot_operand_t = typename dot_operand<T>::type;

} // namespace tilebit::inline TILEBIT_ABI::kernels
