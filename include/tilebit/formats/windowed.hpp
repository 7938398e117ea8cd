// Windowed rows: entries of sixteen rows under a window that slides along the columns. A part of
// optimized_matrix, for products of float, 16-bit and 8-bit matrices with vectors.
//
// A window is four strips of columns wide, one for each of four registers, and moves strip by
// strip. A step holds the next word of each of the sixteen rows: neighbouring entries under the
// window, as many as one instruction multiplies and adds up, and where they stand in the registers.
// In float that is one, and a window 64 columns.
// A permutation picks the elements of x that a step needs, so that no entry costs more than any
// other: unlike with tiles, which are expanded one by one whatever they hold.
//
// A strip is left when all rows are behind it. Rows with fewer entries there go ahead as far as the
// window reaches; only where that is not enough, zeros fill their words. Entries placed at random
// take 1.03 times their number at 50% of all, 1.06 at 30% and 1.26 at 10%; windows that do not
// overlap would take 1.16, 1.25 and 1.53 times as many (bfloat16, 4096 columns). In float they take
// 1.06 times their number at 50%, 1.15 at 20% and 1.32 at 10% (1024 columns).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "../core/concepts.hpp"
#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "../core/packed.hpp"
#include "../core/shape.hpp"
#include "csr.hpp"

namespace tilebit {

/// The arrays of windowed rows, not owned.
///
/// Block b has the rows 16 b to 16 b + 15. Its steps begin with step_offsets[b]; the first
/// steps_of_strip[b * strips()] are done while the window begins with strip 0, the next
/// steps_of_strip[b * strips() + 1] while it begins with strip 1, and so on. Entry d of row 16 b +
/// r in step s is values[k], k = (16 s + r) * depth + d. row_sums are there for 8-bit integers
/// alone: the sum of the values of each row, modulo 2^32.
///
/// Of 8 bits, positions[k] is the remainder of the column, which is under the window, divided by
/// width. Of 4 bits, the lower half of positions[k / 2] for even k and the upper one for odd k is
/// the distance from the entry before it in the row, in the first one of a block from column 0;
/// zeros bridge distances above 15. A row that has no entry in a step has a zero there, of the
/// first column under the window or at distance 0. Positions of float are of 8 bits, and have the
/// bit `stored` where there is an entry, because other zeros must not multiply.
template <class T>
class windowed_view {
public:
  using scalar_type = std::remove_const_t<T>;

  static constexpr std::int64_t height = 16; ///< rows of a block
  /// Entries that one instruction multiplies and adds up: 1 of float, 2 of bfloat16, 4 of 8-bit
  /// integers.
  static constexpr std::int64_t depth = detail::depth_v<detail::packed_t<scalar_type>>;
  static constexpr std::int64_t strip = 16 * depth; ///< columns of a strip, which fill a register
  static constexpr std::int64_t width = 4 * strip;  ///< columns of a window
  /// In positions of float: there is an entry.
  static constexpr std::uint8_t stored = depth == 1 ? 128 : 0;

  windowed_view() = default;
  windowed_view(std::span<T> values, std::span<const std::uint8_t> positions,
                std::span<const std::uint8_t> steps_of_strip,
                std::span<const std::int64_t> step_offsets, std::span<const std::int32_t> row_sums,
                shape s, int position_bits = 8) noexcept
      : shape_(s), values_(values), positions_(positions), steps_of_strip_(steps_of_strip),
        step_offsets_(step_offsets), row_sums_(row_sums), position_bits_(position_bits) {}

  std::int64_t rows() const noexcept { return shape_.rows(); }
  std::int64_t cols() const noexcept { return shape_.cols(); }
  std::int64_t blocks() const noexcept { return detail::length(step_offsets_) - 1; }
  /// Rounded up to a multiple of four.
  std::int64_t strips() const noexcept { return (cols() + width - 1) / width * 4; }
  /// 8 or 4.
  int position_bits() const noexcept { return position_bits_; }
  /// The column of entry k while the window begins with strip i; before: that of the entry before
  /// it in its row and block, or 0.
  std::int64_t column(std::int64_t k, std::int64_t i, std::int64_t before) const noexcept {
    if (position_bits_ == 4) {
      return before + (positions_[detail::at(k / 2)] >> (k % 2 == 0 ? 0 : 4) & 15);
    }
    return strip * i + (positions_[detail::at(k)] + width - strip * i % width) % width;
  }
  std::span<T> values() const noexcept { return values_; }
  std::span<const std::uint8_t> positions() const noexcept { return positions_; }
  std::span<const std::uint8_t> steps_of_strip() const noexcept { return steps_of_strip_; }
  std::span<const std::int64_t> step_offsets() const noexcept { return step_offsets_; }
  std::span<const std::int32_t> row_sums() const noexcept { return row_sums_; }

private:
  static constexpr std::int64_t zero_ = 0;

  shape shape_;
  std::span<T> values_;
  std::span<const std::uint8_t> positions_;
  std::span<const std::uint8_t> steps_of_strip_;
  std::span<const std::int64_t> step_offsets_{&zero_, 1};
  std::span<const std::int32_t> row_sums_;
  int position_bits_ = 8;
};

namespace detail {

/// The arrays of windowed rows, owned.
template <class T>
struct windowed_arrays {
  array_of<T> values;
  array_of<std::uint8_t> positions;
  array_of<std::uint8_t> steps_of_strip;
  array_of<std::int64_t> step_offsets{0};
  array_of<std::int32_t> row_sums;
  int position_bits = 8;

  windowed_view<const T> view(shape s) const noexcept {
    return {values,   positions, steps_of_strip, offsets_or_zero(step_offsets),
            row_sums, s,         position_bits};
  }
};

/// Have words of T several entries, so that windowed rows need instructions for such words?
template <class T>
inline constexpr bool has_windows_v = depth_v<packed_t<T>> > 1;

/// Are windowed rows of T multiplied in T?
template <class T>
inline constexpr bool multiplies_windows_v = std::is_same_v<T, float>;

} // namespace detail

/// Throws invalid_matrix naming the first broken invariant and its place. O(entries and zeros).
template <class T>
void validate(const windowed_view<T>& a) {
  using view = windowed_view<T>;
  using scalar = typename view::scalar_type;
  constexpr std::int64_t of_step = view::height * view::depth;
  const std::int64_t blocks = a.blocks();
  const std::int64_t steps = detail::length(a.values()) / of_step;
  detail::check_offsets(a.step_offsets(), steps, "windowed: step_offsets");
  constexpr bool sums = std::is_same_v<scalar, std::int8_t>;
  if ((blocks != 0 && blocks != (a.rows() + view::height - 1) / view::height) ||
      detail::length(a.steps_of_strip()) != blocks * a.strips() ||
      a.step_offsets().back() != steps || detail::length(a.values()) != steps * of_step ||
      (a.position_bits() != 8 && a.position_bits() != 4) ||
      a.positions().size() != a.values().size() * static_cast<std::size_t>(a.position_bits()) / 8 ||
      detail::length(a.row_sums()) != (sums ? view::height * blocks : 0)) {
    throw invalid_matrix("windowed: the lengths of values, positions, steps_of_strip, "
                         "step_offsets and row_sums disagree",
                         blocks);
  }
  for (std::int64_t b = 0; b < blocks; ++b) {
    std::int64_t step = a.step_offsets()[detail::at(b)];
    std::array<std::int64_t, view::height> columns{};
    for (std::int64_t i = 0; i < a.strips(); ++i) {
      const std::int64_t end = step + a.steps_of_strip()[detail::at(b * a.strips() + i)];
      for (std::int64_t k = step * of_step; k < std::min(end, steps) * of_step; ++k) {
        std::int64_t& column = columns[detail::at(k / view::depth % view::height)];
        column = a.column(k, i, column);
        const bool under = column >= view::strip * i && column < view::strip * i + view::width;
        const bool bridge = a.position_bits() == 4 && a.values()[detail::at(k)] == scalar{};
        if (column >= a.cols() || (!under && !bridge)) {
          detail::throw_invalid(k, {"windowed: entry ", k, " has column ", column,
                                    ", not under strips ", i, " to ", i + 3, " of ", a.cols(),
                                    " columns"});
        }
      }
      step = end;
    }
    if (step != a.step_offsets()[detail::at(b + 1)]) {
      detail::throw_invalid(b, {"windowed: the strips of block ", b, " end with step ", step,
                                ", not ", a.step_offsets()[detail::at(b + 1)]});
    }
  }
}

} // namespace tilebit
