// The SIMD kernels: for each instruction set a target region with a namespace that includes the
// vocabulary of the set and the bodies of all operations.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>

#include "../core/config.hpp"
#include "../core/numeric.hpp"
#include "../core/packed.hpp"
#include "../formats/bitmap.hpp"
#include "../formats/coo.hpp"
#include "../formats/csr.hpp"
#include "../formats/diagonals.hpp"
#include "../formats/grouped.hpp"
#include "../formats/masked.hpp"
#include "../formats/sliced.hpp"
#include "../formats/windowed.hpp"
#include "cache_lines.hpp"
#include "cost_model.hpp"
#include "dense_blocks.hpp"
#include "dot_operand.hpp"
#include "foreseen_lengths.hpp"
#include "grouping_scratch.hpp"
#include "last_tile_rows.hpp"
#include "panel_output.hpp"
#include "patterns.hpp"
#include "reference.hpp"
#include "row_chunks.hpp"
#include "row_of_tiles.hpp"
#include "row_tables.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels::portable {
#include "widen_block.inc.hpp"

#include "count_rows.inc.hpp"
#include "group_rows.inc.hpp"
#include "split_tiles.inc.hpp"

#include "split_rows.inc.hpp"
#include "widen.inc.hpp"
} // namespace tilebit::inline TILEBIT_ABI::kernels::portable

#if TILEBIT_X86
#include <immintrin.h>

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Asks for the line of elements that is read in a while: more than the processor fetches ahead by
/// itself where tiles come from the third-level cache or from memory. Inlined, because g++ drops
/// calls of functions that do nothing but prefetch.
TILEBIT_ALWAYS_INLINE void prefetch_elements(const void* e) noexcept {
  constexpr std::ptrdiff_t ahead = 4096; // bytes
  _mm_prefetch(static_cast<const char*>(e) + ahead, _MM_HINT_T0);
}

/// The same for 16 numbers in a row.
template <class T>
TILEBIT_ALWAYS_INLINE void prefetch_sixteen(const T* numbers) noexcept {
  constexpr std::size_t line = 64 / sizeof(T);
  for (std::size_t k = 0; k < 16; k += line) prefetch_elements(numbers + k);
}

} // namespace tilebit::inline TILEBIT_ABI::kernels

// In each region the vocabulary comes first, then what overloads or precedes bodies, then the
// bodies.
TILEBIT_TARGET_BEGIN("avx2,fma,f16c,bmi,bmi2,popcnt")
namespace tilebit::inline TILEBIT_ABI::kernels::avx2 {
namespace row_tables = kernels_data::row_tables;
#include "collect_avx2.inc.hpp"
#include "indices_avx2.inc.hpp"
#include "keep_loaded.inc.hpp"
#include "quad_sums.inc.hpp"
#include "update_rows.inc.hpp"

#include "gathers_avx2.inc.hpp"
#include "lanes_avx2.inc.hpp"
#include "short_rows_avx2.inc.hpp"
#include "simd_avx2.inc.hpp"
#include "tiles_avx2.inc.hpp"
#include "vector_places.inc.hpp"
#include "widen_block.inc.hpp"

#include "widen_avx2.inc.hpp"

#include "add_vector.inc.hpp"
#include "count_bits_avx2.inc.hpp"
#include "count_rows.inc.hpp"
#include "group_rows.inc.hpp"
#include "split_tiles_avx2.inc.hpp"

#include "pair_rows.inc.hpp"

#include "row_by_gathers.inc.hpp"
#include "split_rows.inc.hpp"
#include "spmm_panel.inc.hpp"

#include "spmm_chunks.inc.hpp"
#include "spmm_entries_avx2.inc.hpp"

#include "spmm_pairs.inc.hpp"
#include "spmm_transposed.inc.hpp"
#include "spmv_bitmap.inc.hpp"
#include "spmv_coo_avx2.inc.hpp"
#include "spmv_coo_order.inc.hpp"
#include "spmv_csr.inc.hpp"
#include "spmv_diagonals.inc.hpp"
#include "spmv_sliced.inc.hpp"
#include "spmv_transposed.inc.hpp"
#include "widen.inc.hpp"

#include "spmm_tiles.inc.hpp"
} // namespace tilebit::inline TILEBIT_ABI::kernels::avx2
TILEBIT_TARGET_END

// The same set, for processors with gathers in microcode.
TILEBIT_TARGET_BEGIN("avx2,fma,bmi,bmi2,popcnt")
namespace tilebit::inline TILEBIT_ABI::kernels::avx2_loads {
namespace row_tables = kernels_data::row_tables;
#include "collect_avx2.inc.hpp"
#include "indices_avx2.inc.hpp"
#include "quad_sums.inc.hpp"
#include "update_rows.inc.hpp"

#include "loads_avx2.inc.hpp"
#include "row_by_loads.inc.hpp"

#include "spmv_coo_avx2.inc.hpp"
#include "spmv_csr.inc.hpp"
#include "spmv_sliced.inc.hpp"
} // namespace tilebit::inline TILEBIT_ABI::kernels::avx2_loads
TILEBIT_TARGET_END

#ifndef TILEBIT_DISABLE_AVX512
TILEBIT_TARGET_BEGIN("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi,bmi2,popcnt")
namespace tilebit::inline TILEBIT_ABI::kernels::avx512 {
namespace row_tables = kernels_data::row_tables;
#include "collect_avx2.inc.hpp"
#include "keep_loaded.inc.hpp"
#include "masks_avx512.inc.hpp"
#include "quad_sums.inc.hpp"
#include "update_rows.inc.hpp"

#include "fetch_avx512.inc.hpp"

#include "lanes_avx512.inc.hpp"
#include "simd_avx512.inc.hpp"
#include "tiles_avx512.inc.hpp"
#include "vector_places.inc.hpp"
#include "widen_block.inc.hpp"

#include "short_rows_avx512.inc.hpp"
#include "widen_avx512.inc.hpp"

#include "split_tiles_avx512.inc.hpp"
#include "spread_columns_avx512.inc.hpp"

#include "group_rows.inc.hpp"

#include "pair_rows.inc.hpp"
#include "row_by_gathers.inc.hpp"
#include "split_rows.inc.hpp"
#include "spmm_panel.inc.hpp"

#include "spmm_chunks.inc.hpp"

#include "spmm_pairs.inc.hpp"
#include "spmm_side_by_side.inc.hpp"
#include "spmm_transposed.inc.hpp"
#include "spmv_bitmap.inc.hpp"
#include "spmv_coo_avx512.inc.hpp"
#include "spmv_coo_order.inc.hpp"
#include "spmv_csr.inc.hpp"
#include "spmv_diagonals.inc.hpp"
#include "spmv_sliced.inc.hpp"
#include "spmv_transposed.inc.hpp"
#include "spmv_windowed.inc.hpp"
#include "transpose_avx512.inc.hpp"
#include "widen.inc.hpp"

#include "spmm_tiles.inc.hpp"
} // namespace tilebit::inline TILEBIT_ABI::kernels::avx512
TILEBIT_TARGET_END

// Of this set what dot products of packed entries are for, and kernels for processors with gathers
// in microcode.
TILEBIT_TARGET_BEGIN(
    "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx512vnni,avx512bf16,avx2,fma,f16c,"
    "bmi,bmi2,popcnt")
namespace tilebit::inline TILEBIT_ABI::kernels::avx512_bf16 {
namespace row_tables = kernels_data::row_tables;
#include "cleared_avx512.inc.hpp"
#include "collect_avx2.inc.hpp"
#include "masks_avx512.inc.hpp"
#include "quad_sums.inc.hpp"
#include "update_rows.inc.hpp"

#include "fetch_by_loads_avx512.inc.hpp"

#include "lanes_avx512.inc.hpp"
#include "lanes_packed.inc.hpp"
#include "simd_avx512.inc.hpp"
#include "tiles_avx512.inc.hpp"
#include "vector_places.inc.hpp"

#include "expand_pieces.inc.hpp"

#include "block_writer.inc.hpp"
#include "repack_avx512.inc.hpp"
#include "spmm_panel.inc.hpp"

#include "spmm_chunks.inc.hpp"

#include "spmm_blocks.inc.hpp"
#include "spmm_side_by_side.inc.hpp"
#include "spmv_bitmap.inc.hpp"
#include "spmv_coo_avx512.inc.hpp"
#include "spmv_transposed.inc.hpp"
#include "tile_dots.inc.hpp"
#include "windowed_dots.inc.hpp"

#include "spmm_tiles.inc.hpp"

#include "masked_dots.inc.hpp"
} // namespace tilebit::inline TILEBIT_ABI::kernels::avx512_bf16
TILEBIT_TARGET_END

TILEBIT_TARGET_BEGIN(
    "amx-tile,amx-bf16,amx-int8,avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi2,avx2,popcnt")
namespace tilebit::inline TILEBIT_ABI::kernels::amx {
#include "cleared_avx512.inc.hpp"

#include "expand_pieces.inc.hpp"

#include "block_writer.inc.hpp"
#include "tile_unit_amx.inc.hpp"

#include "spmm_tile_unit.inc.hpp"
} // namespace tilebit::inline TILEBIT_ABI::kernels::amx
TILEBIT_TARGET_END
#endif

#endif
