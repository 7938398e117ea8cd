// Tables of the kernels for 16-bit and 8-bit types, see dispatch.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <type_traits>

#include "../core/config.hpp"
#include "../core/isa.hpp"
#include "../core/low_precision.hpp"
#include "../core/packed.hpp"
#include "../formats/masked.hpp"
#include "../formats/windowed.hpp"
#include "dense_blocks.hpp"
#include "dispatch.hpp"
#include "dot_operand.hpp"
#include "panel_output.hpp"
#include "row_of_tiles.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Low-precision numbers as wider ones.
template <class P, class T>
using widen_function = void(const T* from, std::int64_t n, P* to) noexcept;

template <class P, class T>
struct widen_table {
  using row = kernel_row<widen_function<P, T>>;
  static constexpr std::array rows {
#if TILEBIT_X86
#ifndef TILEBIT_DISABLE_AVX512
    row{isa::avx512, "sixteen at a time", &avx512::widen<P, T>},
#endif
        row{isa::avx2, "eight at a time", &avx2::widen<P, T>},
#endif
        row {
      isa::scalar, "one by one", &portable::widen<P, T>
    }
  };
};

/// Tile rows of T as packed entries; none where portable code is all there is.
template <class P, class T, class I>
using repack_function = row_of_tiles<P, I>(const row_of_tiles<T, I>&, const repacked<P, I>& to,
                                           std::int32_t* corrections) noexcept;

template <class P, class T, class I>
struct repack_table {
  using row = kernel_row<repack_function<P, T, I>>;
#if TILEBIT_X86 && !defined(TILEBIT_DISABLE_AVX512)
  static constexpr std::array rows{
      row{isa::avx512_bf16, "expanding loads, compressed words", &avx512_bf16::repack<I>}};
#else
  static constexpr std::array<row, 0> rows{};
#endif
};

/// Products of tile rows [first, last) with a few columns; see tile_dots.inc.hpp for x and sums.
template <class View, class T>
using dots_function = void(const View&, std::int64_t first, std::int64_t last,
                           const dot_operand_t<T>* x, std::int64_t ldx,
                           accumulator_t<T>* sums) noexcept;

/// The kernels for 1, 2, 4, 8 and 16 columns; none where portable code is all there is.
template <class View>
struct dots_table {
  using T = typename View::scalar_type;
  using kernels = const std::array<dots_function<View, T>*, 5>;
  using row = kernel_row<kernels>;
#if TILEBIT_X86 && !defined(TILEBIT_DISABLE_AVX512)
  static constexpr kernels of_columns{
      &avx512_bf16::tile_dots<1, View>, &avx512_bf16::tile_dots<2, View>,
      &avx512_bf16::tile_dots<4, View>, &avx512_bf16::tile_dots<8, View>,
      &avx512_bf16::tile_dots<16, View>};
  static constexpr std::array rows{row{isa::avx512_bf16, "expanded tiles", &of_columns}};
#else
  static constexpr std::array<row, 0> rows{};
#endif
};

/// Products of blocks [first, last) of windowed rows with a few columns; see windowed_dots.inc.hpp
/// for x and sums.
template <class T>
using windowed_function = void(const windowed_view<const T>&, std::int64_t first, std::int64_t last,
                               const dot_operand_t<T>* x, std::int64_t ldx,
                               accumulator_t<T>* sums) noexcept;

/// The kernels for 1, 2 and 4 columns; none where portable code is all there is.
template <class T>
struct windowed_table {
  using row = kernel_row<const powers_of_two<windowed_function<T>>>;
  static constexpr std::array<row, 0> rows{};
};
#if TILEBIT_X86 && !defined(TILEBIT_DISABLE_AVX512)
template <class T>
  requires detail::has_windows_v<T>
struct windowed_table<T> {
  using kernels = const powers_of_two<windowed_function<T>>;
  using row = kernel_row<kernels>;
  static constexpr kernels of_columns{&avx512_bf16::windowed_dots<1, T>,
                                      &avx512_bf16::windowed_dots<2, T>,
                                      &avx512_bf16::windowed_dots<4, T>};
  static constexpr std::array rows{row{isa::avx512_bf16, "windowed rows", &of_columns}};
};
#endif

/// Products of bands [first, last) of masked rows with a vector; see masked_dots.inc.hpp for x and
/// sums.
template <class T>
using masked_function = void(const masked_view<const T>&, std::int64_t first, std::int64_t last,
                             const dot_operand_t<T>* x, accumulator_t<T>* sums) noexcept;

/// None where portable code is all there is.
template <class T>
struct masked_table {
  static constexpr std::array<kernel_row<masked_function<T>>, 0> rows{};
};
#if TILEBIT_X86 && !defined(TILEBIT_DISABLE_AVX512)
template <class T>
  requires detail::has_windows_v<T>
struct masked_table<T> {
  using row = kernel_row<masked_function<T>>;
  static constexpr std::array rows{
      row{isa::avx512_bf16, "masked rows", &avx512_bf16::masked_dots<T>}};
};
#endif

/// Some rows, from tile row or band `first` on, times some panels, see spmm_tile_unit.inc.hpp.
template <class View, class T>
using blocks_function = void(const View&, std::int64_t first, std::int64_t end, std::int64_t rows,
                             const block_slice&, std::span<const block_panel> panels,
                             unsigned char* blocks, accumulator_t<T>* sums) noexcept;

/// The kernels that expand rows of a view type into dense blocks; none where portable code is
/// all there is.
template <class View>
struct blocks_table {
  using row = kernel_row<blocks_function<View, typename View::scalar_type>>;
  static constexpr std::array<row, 0> rows{};
};

/// Stores the sums of such a kernel, see spmm_blocks.inc.hpp.
template <class S>
using sums_function = void(const S* sums, std::int64_t width, const panel_output<S>&) noexcept;

template <class S>
struct sums_table {
  static constexpr std::array<kernel_row<sums_function<S>>, 0> rows{};
};

#if TILEBIT_X86 && !defined(TILEBIT_DISABLE_AVX512)
template <class View>
  requires(detail::depth_v<detail::packed_t<typename View::scalar_type>> > 1)
struct blocks_table<View> {
  using row = kernel_row<blocks_function<View, typename View::scalar_type>>;
  static constexpr std::array rows{
      row{isa::amx, "expanded blocks, matrix unit", &amx::multiply_by_tile_unit<View>},
      row{isa::avx512_bf16, "expanded blocks, dot products", &avx512_bf16::multiply_by_dots<View>}};
};
template <class T>
struct blocks_table<masked_view<const T>> {
  using View = masked_view<const T>;
  using row = kernel_row<blocks_function<View, T>>;
  static constexpr std::array rows{
      row{isa::amx, "masked rows, matrix unit", &amx::multiply_by_tile_unit<View>}};
};
template <class S>
  requires(std::is_same_v<S, float> || std::is_same_v<S, std::int32_t>)
struct sums_table<S> {
  static constexpr std::array rows{kernel_row<sums_function<S>>{
      isa::avx512_bf16, "sums of expanded blocks", &avx512_bf16::store_sums<S>}};
};
#endif

} // namespace tilebit::inline TILEBIT_ABI::kernels
