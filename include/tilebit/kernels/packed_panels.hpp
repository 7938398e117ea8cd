// Panels of B for low-precision products: columns as rows of packed entries (core/packed.hpp), or
// of wider numbers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/low_precision.hpp"
#include "../core/packed.hpp"
#include "../formats/dense.hpp"
#include "../formats/optimized.hpp"
#include "dispatch.hpp"
#include "dispatch_low_precision.hpp"
#include "panels.hpp"
#include "parallel.hpp"
#include "transposed_copy.hpp"

#if TILEBIT_X86
#include <immintrin.h>
#endif

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Added to the bits of packed entries of B, modulo 2^32: 128 for each of four bytes.
template <class P>
inline constexpr std::uint32_t bits_flipped =
    std::is_same_v<P, detail::int8_quad> ? 0x80808080U : 0;

/// Entries of a column one after the other as P; the last one is filled up with zeros.
template <class P, class T>
void pack_column(const T* from, std::int64_t n, P* to, [[maybe_unused]] std::uint32_t flip,
                 [[maybe_unused]] widen_function<P, T>* widen) noexcept {
  if constexpr (detail::depth_v<P> == 1) {
    widen(from, n, to);
  } else {
    constexpr std::int64_t depth = detail::depth_v<P>;
    const std::int64_t whole = n / depth;
    std::uint32_t bits = 0;
    for (std::int64_t k = 0; k < whole; ++k) {
      std::memcpy(&bits, from + depth * k, sizeof bits);
      to[k] = static_cast<P>(bits ^ flip);
    }
    if (const std::int64_t left = n % depth; left > 0) {
      bits = 0;
      std::memcpy(&bits, from + depth * whole, at(left) * sizeof(T));
      to[whole] = static_cast<P>(bits ^ flip);
    }
  }
}

/// `depth` rows of B, of which the first `there` exist, as one row of P.
template <class P, class T>
void pack_rows(const T* from, std::int64_t ld, std::int64_t there, std::int64_t width, P* to,
               [[maybe_unused]] std::uint32_t flip,
               [[maybe_unused]] widen_function<P, T>* widen) noexcept {
  if constexpr (detail::depth_v<P> == 1) {
    widen(from, width, to);
  } else {
    using U = std::conditional_t<sizeof(T) == 2, std::uint16_t, std::uint8_t>;
    constexpr std::int64_t depth = detail::depth_v<P>;
    constexpr std::int64_t block = 16;
    U rows[depth][block] = {};
    for (std::int64_t j = 0; j < width; j += block) {
      const std::int64_t n = std::min(block, width - j);
      for (std::int64_t r = 0; r < there; ++r) {
        std::memcpy(rows[r], from + r * ld + j, at(n) * sizeof(T));
      }
      std::uint32_t words[block];
      for (std::int64_t k = 0; k < block; ++k) {
        std::uint32_t bits = 0;
        for (std::int64_t r = 0; r < depth; ++r) {
          bits |= static_cast<std::uint32_t>(rows[r][k]) << (32 / depth * r);
        }
        words[k] = bits ^ flip;
      }
      std::memcpy(to + j, words, at(n) * sizeof(P));
    }
  }
}

/// Who reads packed panels: dot products of packed entries or of dense blocks, which want unsigned
/// bytes, or a matrix unit. With blocks both go through whole ones.
enum class panel_reader { entries, blocks, tile_unit };

/// B as kernels for P read it, with the interface of panels_of_b.
template <class P, class T, class Layout>
class packed_panels {
public:
  /// Throws std::bad_alloc.
  packed_panels(const dense_view<const T, Layout>& b, std::span<const panel_range> panels,
                std::int64_t lanes, panel_reader reader = panel_reader::entries)
      : b_(b), rows_((b.rows() + depth - 1) / depth), whole_(reader != panel_reader::entries),
        flip_(reader == panel_reader::tile_unit ? 0 : bits_flipped<P>),
        copies_(panels, lanes, padded_rows(),
                reader == panel_reader::tile_unit ? chunk_of_unit(panels, lanes) : large_chunk),
        widen_(function()) {
    copies_.allocate();
  }

  std::size_t end_of_chunk(std::size_t first) const noexcept { return copies_.end_of_chunk(first); }

  void prepare(const execution_policy& policy, std::size_t first, std::size_t last) noexcept {
    copies_.start(first);
    const std::int64_t rows = rows_;
    if (whole_) {
      for (std::size_t p = first; p < last; ++p) {
        const panel_range& panel = copies_.panel(p);
        const std::int64_t ld = copies_.ld(panel);
        const std::int64_t full = panel.width == ld ? rows : 0; // rows that fill() covers
        std::fill_n(copies_.data(p) + full * ld, (copies_.rows() - full) * ld, P{});
      }
    }
    const auto slices = static_cast<int>(std::clamp<std::int64_t>(rows / strip, 1, 256));
    for_each_task(policy, slices, [&](int slice) {
      const std::int64_t k0 = rows * slice / slices;
      const std::int64_t k1 = rows * (slice + 1) / slices;
      for (std::size_t p = first; p < last; ++p) fill(k0, k1, p);
    });
  }

  static constexpr bool copies_slabs = false; ///< all of B is there for every slab
  const P* prepare_slab(std::size_t p, unit_range, std::int64_t) const noexcept { return data(p); }

  static constexpr bool in_place = false; ///< rows are packed
  bool aligns_vectors() const noexcept { return false; }
  std::int64_t row_bytes() const noexcept { return b_.cols() * std::int64_t{sizeof(P)}; }
  std::int64_t bytes() const noexcept { return rows_ * row_bytes(); }
  const P* data(std::size_t p) const noexcept { return copies_.data(p); }
  std::int64_t ld(const panel_range& p) const noexcept { return copies_.ld(p); }

private:
  static constexpr std::int64_t depth = detail::depth_v<P>;
  static constexpr std::int64_t strip = 64;

  std::int64_t padded_rows() const noexcept { return whole_ ? (rows_ + 15) / 16 * 16 : rows_; }

  /// Sixteen panels, if they have no more than 32 MB: the more there are, the shorter are the
  /// slices that stay in a second-level cache, and the more weigh their sums.
  std::int64_t chunk_of_unit(std::span<const panel_range> panels,
                             std::int64_t lanes) const noexcept {
    const std::int64_t most = panels.empty() ? 0 : panels.front().vectors * lanes;
    return std::min(16 * most * padded_rows() * std::int64_t{sizeof(P)}, std::int64_t{32} << 20);
  }

  static widen_function<P, T>* function() noexcept {
    if constexpr (depth == 1) {
      return select(widen_table<P, T>::rows).function;
    } else {
      return nullptr;
    }
  }

  /// Rows [k0, k1) of panel p.
  void fill(std::int64_t k0, std::int64_t k1, std::size_t p) noexcept {
    const panel_range& panel = copies_.panel(p);
    const std::int64_t ld = copies_.ld(panel);
    P* const to = copies_.data(p);
    if constexpr (std::is_same_v<Layout, row_major>) {
      for (std::int64_t k = k0; k < k1; ++k) {
        pack_rows<P>(b_.data() + depth * k * b_.ld() + panel.first, b_.ld(),
                     std::min(depth, b_.rows() - depth * k), panel.width, to + k * ld, flip_,
                     widen_);
      }
    } else {
      constexpr std::int64_t columns = 16;
      if constexpr (depth > 1) {
        const std::int64_t whole = std::min(k1, b_.rows() / depth); // words that need no zeros
        if (words_ != nullptr && k0 < whole) {
          words_(b_.data() + panel.first * b_.ld() + depth * k0, b_.ld() * std::int64_t{sizeof(T)},
                 whole - k0, panel.width, to + k0 * ld, ld * std::int64_t{sizeof(P)}, flip_);
          k0 = whole;
        }
      }
      P stage[columns * strip];
      for (std::int64_t k = k0; k < k1; k += strip) {
        const std::int64_t n = std::min(strip, k1 - k);
        const std::int64_t entries = std::min(depth * n, b_.rows() - depth * k);
        for (std::int64_t j = 0; j < panel.width; j += columns) {
          const std::int64_t width = std::min(columns, panel.width - j);
          for (std::int64_t c = 0; c < width; ++c) {
            pack_column(b_.data() + (panel.first + j + c) * b_.ld() + depth * k, entries,
                        stage + c * strip, flip_, widen_);
          }
          transposed_copy(stage, strip, n, width, to + k * ld + j, ld);
        }
      }
    }
  }

  dense_view<const T, Layout> b_;
  std::int64_t rows_; ///< of P
  bool whole_;        ///< blocks of 16 rows, zeros behind the last row and column
  std::uint32_t flip_;
  panel_copies<P> copies_;
  widen_function<P, T>* widen_;
  transpose_words_function* words_ = transpose_words();
};

/// Are n numbers neither Inf nor NaN? Adding the lowest bit of an exponent of ones carries into the
/// sign.
template <class T>
bool all_finite(const T* from, std::int64_t n) noexcept {
  constexpr std::uint16_t exponent = std::numeric_limits<T>::infinity().bits();
  std::int64_t k = 0;
#if TILEBIT_X86
  constexpr std::uint16_t lowest = exponent & static_cast<std::uint16_t>(~(exponent << 1));
  constexpr std::int64_t lanes = 8;
  const __m128i exponents = _mm_set1_epi16(static_cast<short>(exponent));
  const __m128i lowests = _mm_set1_epi16(static_cast<short>(lowest));
  __m128i some[2] = {_mm_setzero_si128(), _mm_setzero_si128()};
  for (; k + 2 * lanes <= n; k += 2 * lanes) {
    TILEBIT_UNROLL
    for (int half = 0; half < 2; ++half) {
      const __m128i numbers =
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + k + lanes * half));
      some[half] =
          _mm_or_si128(some[half], _mm_add_epi16(_mm_and_si128(numbers, exponents), lowests));
    }
  }
  const __m128i signs = _mm_srai_epi16(_mm_or_si128(some[0], some[1]), 15);
  if (_mm_movemask_epi8(signs) != 0) return false;
#endif
  for (; k < n; ++k) {
    if ((from[k].bits() & exponent) == exponent) return false;
  }
  return true;
}

/// Has B neither Inf nor NaN? Kernels whose zeros multiply may be used then. O(rows * cols).
template <class T, class Layout>
bool all_finite(const dense_view<const T, Layout>& b) noexcept {
  if constexpr (!detail::is_low_precision_v<T>) {
    return true;
  } else {
    const bool rows = std::is_same_v<Layout, row_major>;
    std::int64_t lines = rows ? b.rows() : b.cols();
    std::int64_t length = rows ? b.cols() : b.rows();
    if (b.ld() == length) { // one after the other
      length *= lines;
      lines = 1;
    }
    for (std::int64_t i = 0; i < lines; ++i) {
      if (!all_finite(b.data() + i * b.ld(), length)) return false;
    }
    return true;
  }
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
