// Entries of one line of tiles (a tile row) -> its tiles in order, and the place of every element:
// a counting sort without counters.
//
// Each tile has 16 bytes, one a bit. A first pass over the entries marks theirs, by plain stores
// that need not wait for each other. A sweep over the marked tiles packs the bytes into a bitmap
// and replaces them by running sums, so that a second pass reads the place of each entry. The sweep
// passes by eight empty tiles at a time; lines with fewer entries than that are better merged or
// sorted.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace tilebit::detail {

/// Bytes p[0..7] as a word with p[0] in the lowest bits.
inline std::uint64_t load_bytes(const unsigned char* p) noexcept {
  std::uint64_t w = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&w, p, 8);
  } else {
    for (unsigned i = 0; i < 8; ++i) w |= static_cast<std::uint64_t>(p[i]) << (8 * i);
  }
  return w;
}

inline void store_bytes(unsigned char* p, std::uint64_t w) noexcept {
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(p, &w, 8);
  } else {
    for (unsigned i = 0; i < 8; ++i) p[i] = static_cast<unsigned char>(w >> (8 * i));
  }
}

class tile_line {
public:
  /// Memory for a line of so many tiles: 25 bytes a tile.
  explicit tile_line(std::size_t tiles)
      : marks_(16 * tiles), before_(tiles), flags_((tiles + 7) / 8 * 8) {}

  /// Whether n entries in so many tiles, empty ones included, are worth a sweep.
  static bool suits(std::size_t n, std::size_t tiles) noexcept { return tiles / 8 <= n; }

  /// Pointers by value, so that a loop keeps them in registers although it stores bytes.
  struct marker {
    unsigned char* marks;
    unsigned char* flags;

    void operator()(std::size_t tile, std::size_t bit) const noexcept {
      marks[16 * tile + bit] = 1;
      flags[tile] = 1;
    }
  };
  marker mark() noexcept { return {marks_.data(), flags_.data()}; }

  /// Calls found(tile, bitmap) for every marked tile of low..high in order. Returns the number of
  /// elements: less than that of the entries when some share their place.
  template <class Found>
  std::size_t sweep(std::size_t low, std::size_t high, Found&& found) {
    std::size_t position = 0;
    for (std::size_t i = low / 8 * 8; i <= high; i += 8) {
      std::uint64_t left = load_bytes(flags_.data() + i);
      if (left == 0) continue;
      store_bytes(flags_.data() + i, 0);
      for (; left != 0; left &= left - 1) {
        const std::size_t tile = i + static_cast<std::size_t>(std::countr_zero(left)) / 8;
        unsigned char* const marks = marks_.data() + 16 * tile;
        const std::uint64_t low_marks = load_bytes(marks);
        const std::uint64_t high_marks = load_bytes(marks + 8);
        found(tile, pack(low_marks) | pack(high_marks) << 8);
        // times 0x0101..: byte i becomes the sum of bytes 0 to i
        const std::uint64_t low_sums = low_marks * every_byte;
        const std::uint64_t high_sums = (high_marks + (low_sums >> 56)) * every_byte;
        store_bytes(marks, low_sums);
        store_bytes(marks + 8, high_sums);
        before_[tile] = position - 1;
        position += high_sums >> 56;
      }
    }
    return position;
  }

  /// After the sweep: where in the line the element of a marked entry belongs.
  struct placer {
    const std::size_t* before;
    const unsigned char* sums;

    std::size_t operator()(std::size_t tile, std::size_t bit) const noexcept {
      return before[tile] + sums[16 * tile + bit];
    }
  };
  placer place() const noexcept { return {before_.data(), marks_.data()}; }

  /// Makes the line ready for the next one: tiles are those that the sweep has found.
  template <class I>
  void clear(std::span<const I> tiles) noexcept {
    unsigned char* const marks = marks_.data();
    for (const I tile : tiles) std::memset(marks + 16 * static_cast<std::size_t>(tile), 0, 16);
  }

private:
  static constexpr std::uint64_t every_byte = 0x0101010101010101;

  /// Eight bytes, 0 or 1, into eight bits.
  static unsigned pack(std::uint64_t bytes) noexcept {
    return static_cast<unsigned>((bytes * 0x0102040810204080) >> 56);
  }

  std::vector<unsigned char> marks_;
  std::vector<std::size_t> before_;
  std::vector<unsigned char> flags_;
};

} // namespace tilebit::detail
