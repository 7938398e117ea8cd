// The patterns of grouped rows: in which of its four rows a column of a block has entries.
#pragma once

#include <utility>

#include "../core/config.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// The patterns, each less one, to be unfolded into code for each of them. Code for a pattern
/// that calls the code for all above it would be optimised up to 15 times.
template <unsigned... Patterns>
using patterns_less_one = std::integer_sequence<unsigned, Patterns...>;
inline constexpr std::make_integer_sequence<unsigned, 15> all_patterns{};

} // namespace tilebit::inline TILEBIT_ABI::kernels
