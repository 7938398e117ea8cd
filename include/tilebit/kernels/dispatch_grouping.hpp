// Dispatch of what makes rows of panels from tiles: grouped rows and chunks.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>

#include "../core/config.hpp"
#include "../core/isa.hpp"
#include "dispatch.hpp"
#include "grouping_scratch.hpp"
#include "row_chunks.hpp"
#include "row_of_tiles.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Groups a tile row.
template <class T, class I>
using grouping_function = std::int64_t(const row_of_tiles<T, I>&, const grouping_scratch<T>&,
                                       I* cols, T* values, std::uint32_t* counts) noexcept;

template <class T, class I>
struct grouping_table {
  static constexpr std::array rows {
#if TILEBIT_X86
#ifndef TILEBIT_DISABLE_AVX512
    kernel_row<grouping_function<T, I>>{isa::avx512, "columns sorted by pattern, expanding loads",
                                        &avx512::group_tile_row<T, I>},
#endif
        kernel_row<grouping_function<T, I>>{isa::avx2, "columns sorted by pattern",
                                            &avx2::group_tile_row<T, I>},
#endif
        kernel_row<grouping_function<T, I>> {
      isa::scalar, "columns sorted by pattern", &portable::group_tile_row<T, I>
    }
  };
};

/// Groups a tile row in pairs; or nothing where grouped rows are not multiplied faster so. They are
/// with AVX2, whose registers hold few sums, and with AVX-512 on processors with fast gathers,
/// whose arithmetic is slowed down by loads next to it: .5 cycles for a product of vectors, and .3
/// for each load (Granite Rapids).
template <class T, class I>
grouping_function<T, I>* pairing_function(isa level) noexcept {
#if TILEBIT_X86
  if constexpr (std::same_as<T, float> || std::same_as<T, double>) {
    if (level == isa::avx2) return &avx2::pair_tile_row<T, I>;
#ifndef TILEBIT_DISABLE_AVX512
    if (level >= isa::avx512 && !detail::slow_gathers()) return &avx512::pair_tile_row<T, I>;
#endif
  }
#endif
  static_cast<void>(level);
  return nullptr;
}

/// Makes chunks of a tile row.
template <class I>
using splitting_function = void(const std::uint16_t* bitmaps, const I* tile_cols,
                                std::int64_t tiles, std::int64_t step, chunk_entry* entries,
                                std::uint32_t* counts) noexcept;

template <class I>
struct splitting_table {
  static constexpr std::array rows {
#if TILEBIT_X86
#ifndef TILEBIT_DISABLE_AVX512
    kernel_row<splitting_function<I>>{isa::avx512, "rows of tiles compressed",
                                      &avx512::split_tile_row<I>},
#endif
        kernel_row<splitting_function<I>>{isa::avx2, "rows of tiles looked up",
                                          &avx2::split_tile_row<I>},
#endif
        kernel_row<splitting_function<I>> {
      isa::scalar, "entry by entry", &portable::split_tile_row<I>
    }
  };
};

} // namespace tilebit::inline TILEBIT_ABI::kernels
