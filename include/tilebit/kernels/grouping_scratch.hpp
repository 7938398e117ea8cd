// Memory that the grouping of tile rows works in.
#pragma once

#include <cstdint>

#include "../core/config.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// For one tile row at a time.
template <class T>
struct grouping_scratch {
  std::uint32_t* patterns; ///< per tile: its four columns
  std::uint32_t* slots;    ///< columns, counted through all tiles, by pattern
  T* spread;               ///< 16 per tile, column by column
};

/// The memory of a grouping_scratch for tile rows of at most so many tiles. Throws std::bad_alloc.
template <class T>
class grouping_memory {
public:
  explicit grouping_memory(std::int64_t most_tiles)
      : patterns_(most_tiles), slots_(4 * most_tiles), spread_(16 * most_tiles) {}

  grouping_scratch<T> scratch() const noexcept {
    return {patterns_.get(), slots_.get(), spread_.get()};
  }

private:
  work_array<std::uint32_t> patterns_;
  work_array<std::uint32_t> slots_;
  work_array<T> spread_;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
