// Four rows of entries -> the order of tiles, by merging: for tile rows with few entries in many
// columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "../core/config.hpp"

namespace tilebit::detail {

/// Merges two sorted runs of words into out, from both ends at once: two chains of loads and
/// compares that do not wait for each other, without branches but the loop. A word lower than all
/// stands before each run and one higher than all behind it, so that a finished run can be asked
/// again.
class two_way_merge {
public:
  two_way_merge(const std::uint64_t* a, std::size_t n, const std::uint64_t* b, std::size_t m,
                std::uint64_t* out) noexcept
      : a_(a), b_(b), a_end_(a + n), b_end_(b + m), out_(out), out_end_(out + n + m) {}

  std::size_t left() const noexcept { return static_cast<std::size_t>(out_end_ - out_); }

  void take_both() noexcept {
    take_front();
    const std::uint64_t x = a_end_[-1];
    const std::uint64_t y = b_end_[-1];
    const bool from_a = x > y;
    *--out_end_ = from_a ? x : y;
    a_end_ -= from_a;
    b_end_ -= !from_a;
  }
  void take_front() noexcept {
    const std::uint64_t x = *a_;
    const std::uint64_t y = *b_;
    const bool from_a = x < y;
    *out_++ = from_a ? x : y;
    a_ += from_a;
    b_ += !from_a;
  }
  /// What is left. One function for all that call it: a merge by value, whose members are local.
  TILEBIT_NOINLINE static void finish(two_way_merge m) noexcept {
    while (m.left() >= 2) m.take_both();
    if (m.left() == 1) m.take_front();
  }

private:
  const std::uint64_t* a_;
  const std::uint64_t* b_;
  const std::uint64_t* a_end_;
  const std::uint64_t* b_end_;
  std::uint64_t* out_;
  std::uint64_t* out_end_;
};

/// Four rows of entries, in final order, as words that sort like (tile column, bit):
/// tile column << 34 | bit << 30 | position of the entry in the tile row, from 1.
class tile_row_merger {
public:
  static constexpr int position_bits = 30;
  static constexpr std::uint64_t position_mask = (std::uint64_t{1} << position_bits) - 1;

  /// Whether the words hold such columns and positions; true for every matrix with 32-bit columns.
  static bool fits(std::int64_t n_cols, std::int64_t longest) noexcept {
    return n_cols <= (std::int64_t{1} << 31) && longest < static_cast<std::int64_t>(position_mask);
  }

  explicit tile_row_merger(std::size_t longest)
      : rows_(longest + 8), pairs_(longest + 4), all_(longest) {}

  /// The words of rows offsets[0..4] in order.
  template <class I>
  std::span<const std::uint64_t> merge(const I* cols, const std::size_t (&offsets)[5]) {
    const std::uint64_t* row[4];
    std::size_t size[4];
    std::uint64_t* word = rows_.data();
    for (std::uint64_t r = 0; r < 4; ++r) {
      *word++ = lowest;
      row[r] = word;
      size[r] = offsets[r + 1] - offsets[r];
      const std::uint64_t position = (r << (position_bits + 2)) + 1 - offsets[0];
      for (std::size_t k = offsets[r]; k < offsets[r + 1]; ++k) {
        // tile column << 4 | row << 2 | column in the tile, as column + 3 * (column rounded down)
        const auto col = static_cast<std::uint64_t>(cols[k]);
        *word++ = ((col + 3 * (col & ~std::uint64_t{3})) << position_bits) + position + k;
      }
      *word++ = highest;
    }
    const std::size_t upper_size = size[0] + size[1];
    const std::size_t lower_size = size[2] + size[3];
    std::uint64_t* const upper = pairs_.data() + 1;
    std::uint64_t* const lower = upper + upper_size + 2;
    upper[-1] = lower[-1] = lowest;
    upper[upper_size] = lower[lower_size] = highest;
    two_way_merge u(row[0], size[0], row[1], size[1], upper);
    two_way_merge l(row[2], size[2], row[3], size[3], lower);
    while (u.left() >= 2 && l.left() >= 2) { // four chains as long as both pairs last
      u.take_both();
      l.take_both();
    }
    two_way_merge::finish(u);
    two_way_merge::finish(l);
    two_way_merge::finish({upper, upper_size, lower, lower_size, all_.data()});
    return {all_.data(), upper_size + lower_size};
  }

private:
  static constexpr std::uint64_t lowest = 0;
  static constexpr std::uint64_t highest = ~std::uint64_t{0};

  std::vector<std::uint64_t> rows_;
  std::vector<std::uint64_t> pairs_;
  std::vector<std::uint64_t> all_;
};

} // namespace tilebit::detail
