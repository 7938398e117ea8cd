// Pieces of units that cuts divide, as matrices of one unit for the kernels.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "../core/config.hpp"
#include "blocks.hpp"
#include "dispatch.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// The pieces of a matrix that is cut into at most most_blocks blocks. Where elements of tiles
/// begin follows from the bits of the tiles before: each tile of a unit that is cut is counted
/// once, when this is made, and not by every block that lies behind it in the unit.
template <class View>
class unit_pieces {
public:
  explicit unit_pieces(const block_list<View>& blocks) noexcept : a_(blocks.matrix()) {
    if constexpr (counted) {
      auto* const count = select(count_bits_table::rows).function;
      cut_position before{};
      for (int p = 1; p < blocks.count(); ++p) {
        const cut_position cut = blocks.cut(p);
        if (cut.passed > 0) {
          const bool same_unit = before.passed > 0 && before.unit == cut.unit;
          const std::int64_t from = same_unit ? before.passed : 0;
          elements_[at(p)] =
              (same_unit ? elements_[at(p - 1)] : a_.element_offsets()[at(cut.unit)]) +
              count(piece::bitmaps(a_, cut.unit, from, cut.passed));
        }
        before = cut;
      }
    }
  }

  /// Calls f(view) with entries [first, last) of unit u, which are what a block has of it.
  template <class F>
  void with(int block, std::int64_t u, std::int64_t first, std::int64_t last, F&& f) const {
    if constexpr (counted) {
      const auto offsets = a_.element_offsets();
      const bool ends = last == piece::entries(a_, u);
      f(piece(a_, u, first, last, first == 0 ? offsets[at(u)] : elements_[at(block)],
              ends ? offsets[at(u + 1)] : elements_[at(block + 1)])
            .view);
    } else if constexpr (requires { &piece::view; }) {
      f(piece(a_, u, first, last).view);
    }
  }

private:
  using piece = unit_piece<View>;
  static constexpr bool counted = requires { &piece::element_offsets; };

  const View& a_;
  std::array<std::int64_t, counted ? most_blocks : 0> elements_; ///< before each cut in a unit
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
