// Fetching rows of B ahead, into the second-level cache. Rows of A name them in no order that a
// processor could guess, so that products whose operands lie in memory would wait for nearly each.
// This is for several panels of B; kernels ask for the rows of a single one by themselves.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>

#include "../core/config.hpp"
#include "../core/numeric.hpp"
#include "../formats/csr.hpp"
#include "../formats/grouped.hpp"
#include "../formats/optimized.hpp"
#include "cache_lines.hpp"
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

/// What columns_of names a column by.
template <class I>
std::int64_t row_of_b(I column) noexcept {
  return static_cast<std::int64_t>(column);
}
inline std::int64_t row_of_b(chunk_entry entry) noexcept {
  return entry.column();
}

/// Asks for what is needed next of a row of B. Inlined as what calls it is, because g++ drops calls
/// of functions that do nothing but prefetch.
template <class T>
TILEBIT_ALWAYS_INLINE void fetch_row(const T* row, std::int64_t width) noexcept {
  for (std::int64_t j = 0; j < width; j += elements_of_line<T>) TILEBIT_PREFETCH_L2(row + j);
}

/// Rows of B that units of A will read, but for those that were named a little earlier: worth a
/// list where several panels of them are fetched.
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
        std::int64_t& seen = seen_[at(row) % seen_.size()];
        if (seen == row || count_ == rows_.size()) continue;
        seen = row;
        rows_[count_++] = row;
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

  std::array<std::int64_t, 256> seen_ = filled();
  std::array<std::int64_t, 1024> rows_;
  std::size_t count_ = 0;

  static std::array<std::int64_t, 256> filled() noexcept {
    std::array<std::int64_t, 256> none;
    none.fill(-1);
    return none;
  }
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
