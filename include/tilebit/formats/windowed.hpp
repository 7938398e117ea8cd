// Windowed rows: entries of sixteen rows under a window of columns, which fits four registers. A
// part of optimized_matrix, for products of 16-bit and 8-bit matrices with vectors.
//
//    window 0      window 1            steps of window 0, for two rows in words of two entries
//    a . b . c .   . . . d . .         values     a b | e 0     c 0 | . .
//    . . . . e .   . f . . . .         positions  0 2 | 4 0     4 0 | . .
//
// A step holds the next word of each row: neighbouring entries, as many as one instruction
// multiplies and adds up, and where they stand in the window. x under the window is in registers,
// from which a permutation picks what a step needs, so that no entry costs more than any other:
// unlike with tiles, which are expanded one by one whatever they hold. Rows that have fewer entries
// than another one of the sixteen are filled with zeros.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "../core/concepts.hpp"
#include "../core/error.hpp"
#include "../core/numeric.hpp"
#include "../core/packed.hpp"
#include "../core/shape.hpp"
#include "csr.hpp"

namespace tilebit {

/// The arrays of windowed rows, not owned.
///
/// Block b has the rows 16 b to 16 b + 15; window w has the columns width * w to width * (w + 1) -
/// 1. Of the steps of block b, which begin with step_offsets[b], the first steps_of_window[b *
/// windows()] belong to window 0, and so on. Entry d of row 16 b + r in step s is values[(16 s + r)
/// * depth + d], its column width * w + positions[(16 s + r) * depth + d]; a row that has none
/// there has a zero at position 0. row_sums are there for 8-bit integers alone: the sum of the
/// values of each row, modulo 2^32.
template <class T>
class windowed_view {
public:
  using scalar_type = std::remove_const_t<T>;

  static constexpr std::int64_t height = 16; ///< rows of a block
  /// Entries that one instruction multiplies and adds up: 2 of bfloat16, 4 of 8-bit integers.
  static constexpr std::int64_t depth = detail::depth_v<detail::packed_t<scalar_type>>;
  static constexpr std::int64_t width = 64 * depth; ///< columns of a window

  windowed_view() = default;
  windowed_view(std::span<T> values, std::span<const std::uint8_t> positions,
                std::span<const std::uint8_t> steps_of_window,
                std::span<const std::int64_t> step_offsets, std::span<const std::int32_t> row_sums,
                shape s) noexcept
      : shape_(s), values_(values), positions_(positions), steps_of_window_(steps_of_window),
        step_offsets_(step_offsets), row_sums_(row_sums) {}

  std::int64_t rows() const noexcept { return shape_.rows(); }
  std::int64_t cols() const noexcept { return shape_.cols(); }
  std::int64_t blocks() const noexcept { return detail::length(step_offsets_) - 1; }
  std::int64_t windows() const noexcept { return (cols() + width - 1) / width; }
  std::span<T> values() const noexcept { return values_; }
  std::span<const std::uint8_t> positions() const noexcept { return positions_; }
  std::span<const std::uint8_t> steps_of_window() const noexcept { return steps_of_window_; }
  std::span<const std::int64_t> step_offsets() const noexcept { return step_offsets_; }
  std::span<const std::int32_t> row_sums() const noexcept { return row_sums_; }

private:
  static constexpr std::int64_t zero_ = 0;

  shape shape_;
  std::span<T> values_;
  std::span<const std::uint8_t> positions_;
  std::span<const std::uint8_t> steps_of_window_;
  std::span<const std::int64_t> step_offsets_{&zero_, 1};
  std::span<const std::int32_t> row_sums_;
};

namespace detail {

/// The arrays of windowed rows, owned.
template <class T>
struct windowed_arrays {
  std::vector<T> values;
  std::vector<std::uint8_t> positions;
  std::vector<std::uint8_t> steps_of_window;
  std::vector<std::int64_t> step_offsets{0};
  std::vector<std::int32_t> row_sums;

  windowed_view<const T> view(shape s) const noexcept {
    return {values, positions, steps_of_window, offsets_or_zero(step_offsets), row_sums, s};
  }
};

/// Can rows of T be cut into windows?
template <class T>
inline constexpr bool has_windows_v = depth_v<packed_t<T>> > 1;

} // namespace detail

/// Throws invalid_matrix naming the first broken invariant and its place. O(entries and zeros).
template <class T>
void validate(const windowed_view<T>& a) {
  using view = windowed_view<T>;
  constexpr std::int64_t of_step = view::height * view::depth;
  const std::int64_t blocks = a.blocks();
  const std::int64_t steps = detail::length(a.values()) / of_step;
  detail::check_offsets(a.step_offsets(), steps, "windowed: step_offsets");
  constexpr bool sums = std::is_same_v<typename view::scalar_type, std::int8_t>;
  if ((blocks != 0 && blocks != (a.rows() + view::height - 1) / view::height) ||
      detail::length(a.steps_of_window()) != blocks * a.windows() ||
      a.step_offsets().back() != steps || detail::length(a.values()) != steps * of_step ||
      a.positions().size() != a.values().size() ||
      detail::length(a.row_sums()) != (sums ? view::height * blocks : 0)) {
    throw invalid_matrix("windowed: the lengths of values, positions, steps_of_window, "
                         "step_offsets and row_sums disagree",
                         blocks);
  }
  for (std::int64_t b = 0; b < blocks; ++b) {
    std::int64_t step = a.step_offsets()[detail::at(b)];
    for (std::int64_t w = 0; w < a.windows(); ++w) {
      const std::int64_t columns = std::min(view::width, a.cols() - view::width * w);
      const std::int64_t end = step + a.steps_of_window()[detail::at(b * a.windows() + w)];
      for (std::int64_t k = step * of_step; k < std::min(end, steps) * of_step; ++k) {
        if (a.positions()[detail::at(k)] >= columns) {
          throw invalid_matrix(detail::message("windowed: positions[", k, "] is ",
                                               int{a.positions()[detail::at(k)]}, ", of ", columns,
                                               " columns"),
                               k);
        }
      }
      step = end;
    }
    if (step != a.step_offsets()[detail::at(b + 1)]) {
      throw invalid_matrix(detail::message("windowed: the windows of block ", b, " end with step ",
                                           step, ", not ", a.step_offsets()[detail::at(b + 1)]),
                           b);
    }
  }
}

} // namespace tilebit
