// What the units of this program, compiled with different flags, tell each other.
#pragma once

#include <string_view>
#include <vector>

#include <tilebit/tilebit.hpp>

std::vector<double> product_native(const tilebit::bitmap_matrix<double>& a,
                                   const std::vector<double>& x);
std::vector<double> product_plain(const tilebit::bitmap_matrix<double>& a,
                                  const std::vector<double>& x);
tilebit::isa level_seen_by_native();
tilebit::isa level_seen_by_plain();
