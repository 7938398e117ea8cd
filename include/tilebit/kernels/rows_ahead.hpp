// Fetching rows of B ahead, into the second-level cache. Rows of A name them in no order that a
// processor could guess, so that products whose operands lie in memory would wait for nearly each.
//
// Kernels ask for the row of an entry some entries ahead, each time. Lists, which are worth it
// where rows of A name the same rows of B again and again and B has several panels, ask for each
// row once.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>

#include "../core/config.hpp"
#include "../core/numeric.hpp"
#include "../formats/csr.hpp"
#include "../formats/grouped.hpp"
#include "../formats/optimized.hpp"
#include "blocks.hpp"
#include "cache_lines.hpp"
#include "panel_output.hpp"
#include "row_chunks.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

using detail::at;

/// The columns of a unit, once for each row of B that a kernel loads.
template <class T, class I, class O>
std::span<const I> columns_of(const csr_view<const T, I, O>& a, std::int64_t i) noexcept {
  const auto first = static_cast<std::size_t>(a.row_offsets()[at(i)]);
  return a.col_indices().subspan(first,
                                 static_cast<std::size_t>(a.row_offsets()[at(i + 1)]) - first);
}
template <class T, class I>
std::span<const I> columns_of(const grouped_view<const T, I>& a, std::int64_t k) noexcept {
  const auto counts = a.pattern_counts().subspan(at(15 * k), 15);
  const auto n = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
  return a.col_indices().subspan(at(a.column_offsets()[at(k)]), n);
}
template <class T>
std::span<const chunk_entry> columns_of(const row_chunks_view<T>& a, std::int64_t k) noexcept {
  const std::int64_t first = a.entry_offsets()[k];
  return {a.entries() + first, at(a.entry_offsets()[k + 1] - first)};
}

/// The tile columns: four rows of B each.
template <class T, class I>
std::span<const I> columns_of(const bitmap_view<T, I>& a, std::int64_t k) noexcept {
  const std::int64_t first = a.tile_row_offsets()[at(k)];
  return a.tile_cols().subspan(at(first), at(a.tile_row_offsets()[at(k + 1)] - first));
}

/// How many rows of B kernels load.
template <class T, class I, class O>
std::int64_t loads_of_b(const csr_view<T, I, O>& a) noexcept {
  return a.nnz();
}
template <class T, class I>
std::int64_t loads_of_b(const grouped_view<T, I>& a) noexcept {
  return detail::length(a.col_indices());
}
template <class T>
std::int64_t loads_of_b(const row_chunks_view<T>& a) noexcept {
  return a.entry_offsets()[a.tile_rows()] - a.entry_offsets()[0];
}
template <class T, class I>
std::int64_t loads_of_b(const bitmap_view<T, I>& a) noexcept {
  return a.nnz();
}

/// The same for a row of A, on average.
template <class View>
double loads_of_row(const View& a) noexcept {
  return static_cast<double>(loads_of_b(a)) / static_cast<double>(rows_of_unit<View> * units(a));
}

/// Asks for what is needed next of a row of B. Inlined as what calls it is, because g++ drops calls
/// of functions that do nothing but prefetch.
template <class T>
TILEBIT_ALWAYS_INLINE void fetch_row(const T* row, std::int64_t width) noexcept {
  for (std::int64_t j = 0; j < width; j += elements_of_line<T>) TILEBIT_PREFETCH_L2(row + j);
}

/// Rows of B that were named lately, as far as a table remembers them in which those share a place
/// that are so many rows apart.
template <std::size_t Places>
class recent_rows {
public:
  recent_rows() noexcept { last_.fill(-1); }

  /// Is the row among them? From now on it is.
  bool add(std::int64_t row) noexcept { return std::exchange(last_[at(row) % Places], row) == row; }

private:
  std::array<std::int64_t, Places> last_;
};

/// The share of the rows of B that A loads which are among the last ones. Counted in four samples
/// of 1,024 loads, each behind as many as are remembered.
template <std::size_t Places, class View>
double share_of_recent_rows(const View& a) noexcept {
  constexpr std::int64_t samples = 4;
  constexpr std::int64_t counted = 1024;
  recent_rows<Places> recent;
  std::int64_t near = 0;
  std::int64_t all = 0;
  for (std::int64_t s = 0; s < samples; ++s) {
    std::int64_t left = counted + std::int64_t{Places};
    for (std::int64_t u = units(a) * s / samples; u < units(a) && left > 0; ++u) {
      const auto columns = columns_of(a, u);
      for (const auto column : columns.first(std::min(columns.size(), at(left)))) {
        const bool known = recent.add(row_of_b(column));
        if (left-- > counted) continue;
        ++all;
        if (known) ++near;
      }
    }
  }
  return static_cast<double>(near) / static_cast<double>(std::max<std::int64_t>(all, 1));
}

/// Are most rows of B that A loads others than the last ones?
template <class View>
bool scatters_loads(const View& a) noexcept {
  return share_of_recent_rows<1024>(a) < 0.5;
}

/// Rows of B that units of A will read, but for those that were named a little earlier.
class rows_ahead {
public:
  /// Lists the rows of the first units: of at most `most`, of fewer once there are 16 rows, of one
  /// at least. Returns the unit behind them.
  template <class View>
  std::int64_t collect(const View& a, unit_range units, std::int64_t most) noexcept {
    count_ = 0;
    std::int64_t u = units.first;
    for (; u < std::min(units.last, units.first + most) && count_ < enough; ++u) {
      for (const auto column : columns_of(a, u)) {
        const std::int64_t row = row_of_b(column);
        if (!recent_.add(row) && count_ < rows_.size()) rows_[count_++] = row;
      }
    }
    return u;
  }

  template <class T>
  TILEBIT_ALWAYS_INLINE void fetch(const T* b, std::int64_t ldb,
                                   std::int64_t width) const noexcept {
    for (std::size_t k = 0; k < count_; ++k) fetch_row(b + rows_[k] * ldb, width);
  }

private:
  static constexpr std::size_t enough = 16;

  recent_rows<256> recent_;
  std::array<std::int64_t, 1024> rows_;
  std::size_t count_ = 0;
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
