// Dispatch as data: for every operation and type a table of kernels, best first.
//
// A row names the instruction set it needs, and may be for processors with gathers in microcode
// alone. select() takes the first row that the active level and the processor allow, so that every
// row can be forced through set_isa or TILEBIT_ISA, and tests run them all. Adding a kernel is
// adding a row.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "../core/config.hpp"
#include "../core/isa.hpp"
#include "reference.hpp"
#include "simd.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// One row of a table: what it needs, what it is called, the function, and whether it is only for
/// processors with gathers in microcode.
template <class Function>
struct kernel_row {
  isa level;
  std::string_view name;
  Function* function;
  bool in_microcode = false;
};

/// SpMV of rows (CSR), tile rows (bitmap), slices or entries (COO, added to z) [first, last).
template <class View, class T>
using spmv_function = void(const View&, std::int64_t first, std::int64_t last, const T* x,
                           const sums_of<T>&) noexcept;

/// SpMV with the transpose of units [first, last), added to z.
template <class View, class T>
using spmv_transposed_function = void(const View&, std::int64_t first, std::int64_t last,
                                      const T* x, T alpha, T* z) noexcept;

/// The SpMV kernels for a view type, best first; the last row needs nothing.
template <class View>
struct spmv_table {
  using T = typename View::scalar_type;
  static constexpr std::array rows{
      kernel_row<spmv_function<View, T>>{isa::scalar, "reference", &spmv<false>}};
};

#if TILEBIT_X86
/// Bitmap matrices of float and double.
template <class T, class I>
  requires(std::same_as<T, const float> || std::same_as<T, const double>)
struct spmv_table<bitmap_view<T, I>> {
  using View = bitmap_view<T, I>;
  using function = spmv_function<View, std::remove_const_t<T>>;
  static constexpr std::array rows{
#ifndef TILEBIT_DISABLE_AVX512
      kernel_row<function>{isa::avx512_bf16, "tiles, expanding loads, rows apart",
                           &avx512_bf16::spmv_bitmap<std::remove_const_t<T>, I>, true},
      kernel_row<function>{isa::avx512, "tiles, expanding loads",
                           &avx512::spmv_bitmap<std::remove_const_t<T>, I>},
#endif
      kernel_row<function>{isa::avx2, "tiles, permutations",
                           &avx2::spmv_bitmap<std::remove_const_t<T>, I>},
      kernel_row<function>{isa::scalar, "reference", &spmv<false>}};
};

/// CSR matrices of float and double.
template <class T, class I, class O>
  requires(std::same_as<T, const float> || std::same_as<T, const double>)
struct spmv_table<csr_view<T, I, O>> {
  using View = csr_view<T, I, O>;
  using function = spmv_function<View, std::remove_const_t<T>>;
  static constexpr std::array rows{
      kernel_row<function>{isa::avx2, "rows, single loads",
                           &avx2_loads::spmv_csr<std::remove_const_t<T>, I, O>, true},
#ifndef TILEBIT_DISABLE_AVX512
      kernel_row<function>{isa::avx512, "rows, gathers",
                           &avx512::spmv_csr<std::remove_const_t<T>, I, O>},
#endif
      kernel_row<function>{isa::avx2, "rows, gathers",
                           &avx2::spmv_csr<std::remove_const_t<T>, I, O>},
      kernel_row<function>{isa::scalar, "reference", &spmv<false>}};
};

/// Sliced rows of float and double.
template <class T, class I>
  requires(std::same_as<T, const float> || std::same_as<T, const double>)
struct spmv_table<sliced_view<T, I>> {
  using View = sliced_view<T, I>;
  using function = spmv_function<View, std::remove_const_t<T>>;
  static constexpr std::array rows{
      kernel_row<function>{isa::avx2, "slices, single loads",
                           &avx2_loads::spmv_sliced<std::remove_const_t<T>, I>, true},
#ifndef TILEBIT_DISABLE_AVX512
      kernel_row<function>{isa::avx512, "slices, gathers",
                           &avx512::spmv_sliced<std::remove_const_t<T>, I>},
#endif
      kernel_row<function>{isa::avx2, "slices, gathers",
                           &avx2::spmv_sliced<std::remove_const_t<T>, I>},
      kernel_row<function>{isa::scalar, "reference", &spmv<false>}};
};

/// Diagonals of float and double.
template <class T, class I>
  requires(std::same_as<T, const float> || std::same_as<T, const double>)
struct spmv_table<diagonal_view<T, I>> {
  using View = diagonal_view<T, I>;
  using function = spmv_function<View, std::remove_const_t<T>>;
  static constexpr std::array rows{
#ifndef TILEBIT_DISABLE_AVX512
      kernel_row<function>{isa::avx512, "diagonals",
                           &avx512::spmv_diagonals<std::remove_const_t<T>, I>},
#endif
      kernel_row<function>{isa::avx2, "diagonals",
                           &avx2::spmv_diagonals<std::remove_const_t<T>, I>},
      kernel_row<function>{isa::scalar, "reference", &spmv<false>}};
};

/// COO matrices of float and double.
template <class T, class I>
  requires(std::same_as<T, const float> || std::same_as<T, const double>)
struct spmv_table<coo_view<T, I>> {
  using View = coo_view<T, I>;
  using function = spmv_function<View, std::remove_const_t<T>>;
  static constexpr std::array rows{
#ifndef TILEBIT_DISABLE_AVX512
      kernel_row<function>{isa::avx512_bf16, "entries, segmented sums of single loads",
                           &avx512_bf16::spmv_coo<std::remove_const_t<T>, I>, true},
      kernel_row<function>{isa::avx512, "entries, segmented sums",
                           &avx512::spmv_coo<std::remove_const_t<T>, I>},
#endif
      kernel_row<function>{isa::avx2, "entries, runs by single loads",
                           &avx2_loads::spmv_coo<std::remove_const_t<T>, I>, true},
      kernel_row<function>{isa::avx2, "entries, runs by gathers",
                           &avx2::spmv_coo<std::remove_const_t<T>, I>},
      kernel_row<function>{isa::scalar, "reference", &spmv<false>}};
};
#endif

/// SpMV of blocks [first, last) of windowed rows of float; none where portable code is all there
/// is, because every matrix that has windowed rows is also there in other parts.
struct spmv_windowed_table {
  using row = kernel_row<spmv_function<windowed_view<const float>, float>>;
#if TILEBIT_X86 && !defined(TILEBIT_DISABLE_AVX512)
  static constexpr std::array rows{row{isa::avx512, "windowed rows", &avx512::spmv_windowed}};
#else
  static constexpr std::array<row, 0> rows{};
#endif
};

/// Does the level in force multiply windowed rows of float?
inline bool multiplies_windows() noexcept {
  return !spmv_windowed_table::rows.empty() && active_isa() >= isa::avx512;
}

/// Whether row indices of COO entries are in order.
template <class I>
using never_fall_function = bool(const I* rows, std::int64_t n) noexcept;

template <class I>
struct never_fall_table {
  static constexpr std::array rows {
#if TILEBIT_X86
#ifndef TILEBIT_DISABLE_AVX512
    kernel_row<never_fall_function<I>>{isa::avx512, "pairs compared in vectors",
                                       &avx512::never_fall<I>},
#endif
        kernel_row<never_fall_function<I>>{isa::avx2, "pairs compared in vectors",
                                           &avx2::never_fall<I>},
#endif
        kernel_row<never_fall_function<I>> {
      isa::scalar, "reference", &never_fall<I>
    }
  };
};

/// How many bits bitmaps have in all.
using count_bits_function = std::int64_t(std::span<const std::uint16_t> bitmaps) noexcept;

struct count_bits_table {
  static constexpr std::array rows {
#if TILEBIT_X86
    kernel_row<count_bits_function>{isa::avx2, "half bytes looked up", &avx2::count_bits},
#endif
        kernel_row<count_bits_function> {
      isa::scalar, "reference", &detail::count_bits
    }
  };
};

/// z_i += p_i for n elements.
template <class T>
using add_vector_function = void(const T* p, std::int64_t n, T* z) noexcept;

template <class T>
struct add_vector_table {
  static constexpr std::array rows{
      kernel_row<add_vector_function<T>>{isa::scalar, "reference", &add_vector<T>}};
};
#if TILEBIT_X86
template <class T>
  requires(std::same_as<T, float> || std::same_as<T, double>)
struct add_vector_table<T> {
  static constexpr std::array rows{
      kernel_row<add_vector_function<T>>{isa::avx2, "vectors", &avx2::add_vector<T>},
      kernel_row<add_vector_function<T>>{isa::scalar, "reference", &add_vector<T>}};
};
#endif

/// The kernels of transposed SpMV for a view type, best first.
template <class View>
struct spmv_transposed_table {
  using T = typename View::scalar_type;
  static constexpr std::array rows{kernel_row<spmv_transposed_function<View, T>>{
      isa::scalar, "reference", &spmv_transposed<false>}};
};

#if TILEBIT_X86
/// Any format of float and double but grouped rows and the bitmap grid.
template <class View>
  requires((std::same_as<typename View::scalar_type, float> ||
            std::same_as<typename View::scalar_type, double>) &&
           !requires(const View& a) { a.pattern_counts(); } &&
           !requires(const View& a) { a.tiles_per_row(); })
struct spmv_transposed_table<View> {
  using function = spmv_transposed_function<View, typename View::scalar_type>;
  static constexpr std::array rows{
#ifndef TILEBIT_DISABLE_AVX512
      kernel_row<function>{isa::avx512_bf16, "entries and tiles, scattered by fours",
                           &avx512_bf16::spmv_transposed, true},
      kernel_row<function>{isa::avx512, "entries and tiles, scattered", &avx512::spmv_transposed},
#endif
      kernel_row<function>{isa::avx2, "entries and tiles, scattered", &avx2::spmv_transposed},
      kernel_row<function>{isa::scalar, "reference", &spmv_transposed<false>}};
};
#endif

/// SpMM of rows (CSR) or blocks (grouped rows) [first, last) with a panel of `width` columns.
template <class View, class T>
using spmm_function = void(const View&, std::int64_t first, std::int64_t last, const T* b,
                           std::int64_t ldb, std::int64_t width,
                           const panel_output<accumulator_t<T>>&) noexcept;

/// One function for each power of two up to eight, or up to the widest that there is: vectors of a
/// panel, columns.
template <class Function>
struct powers_of_two {
  std::array<Function*, 4> functions;

  Function* operator()(std::int64_t n) const noexcept {
    return functions[static_cast<std::size_t>(std::countr_zero(static_cast<std::uint64_t>(n)))];
  }
};

/// The SpMM kernels of an instruction set.
template <class View, class T>
struct spmm_kernels {
  std::int64_t lanes;  ///< elements of a vector
  std::int64_t widest; ///< vectors of the widest panel
  powers_of_two<spmm_function<View, T>> multiply;
};

/// The SpMM kernels for a view type, best first; none where portable code is all there is.
template <class View>
struct spmm_table {
  static constexpr std::array<kernel_row<const spmm_kernels<View, typename View::scalar_type>>, 0>
      rows{};
};

#if TILEBIT_X86
#ifndef TILEBIT_DISABLE_AVX512
template <class View, class T>
inline constexpr spmm_kernels<View, T> spmm_avx512{
    avx512::lanes<T>::count,
    avx512::widest<View>,
    {&avx512::spmm_rows<1>, &avx512::spmm_rows<2>, &avx512::spmm_rows<4>}};
#endif
template <class View, class T>
inline constexpr spmm_kernels<View, T> spmm_avx2{
    avx2::lanes<T>::count,
    avx2::widest<View>,
    {&avx2::spmm_rows<1>, &avx2::spmm_rows<2>, &avx2::spmm_rows<avx2::widest<View>>}};

/// Of grouped rows in pairs. All levels multiply these as grouped rows, too.
template <class View, class T>
inline constexpr spmm_kernels<View, T> pairs_avx2{
    avx2::lanes<T>::count,
    avx2::widest_pair,
    {&avx2::spmm_pairs<1>, &avx2::spmm_pairs<2>, &avx2::spmm_pairs<avx2::widest_pair>}};

#ifndef TILEBIT_DISABLE_AVX512
template <class View, class T>
inline constexpr spmm_kernels<View, T> pairs_avx512{avx512::lanes<T>::count,
                                                    avx512::widest_pair,
                                                    {&avx512::spmm_pairs<1>, &avx512::spmm_pairs<2>,
                                                     &avx512::spmm_pairs<4>,
                                                     &avx512::spmm_pairs<avx512::widest_pair>}};

/// Of CSR, for two columns or more that have so many bytes or less, but more than half: where
/// gathers are fast, and where they are not.
template <class View, class T, int Bytes>
inline constexpr spmm_kernels<View, T> side_by_side_avx512{
    Bytes / int{sizeof(T)}, 1, {&avx512::spmm_side_by_side<Bytes>}};
template <class View, class T, int Bytes>
inline constexpr spmm_kernels<View, T> side_by_side_loads{
    Bytes / int{sizeof(T)}, 1, {&avx512_bf16::spmm_side_by_side<Bytes>}};
#endif

/// Of bitmap tile rows entry by entry.
template <class View, class T>
inline constexpr spmm_kernels<View, T> entries_avx2{
    avx2::lanes<T>::count, 2, {&avx2::spmm_entries<1>, &avx2::spmm_entries<2>}};

/// CSR, grouped rows and chunks of rows, of float and double.
template <class View>
  requires(std::same_as<typename View::scalar_type, float> ||
           std::same_as<typename View::scalar_type, double>)
struct spmm_table<View> {
  using T = typename View::scalar_type;
  using row = kernel_row<const spmm_kernels<View, T>>;
  static constexpr std::array rows{
#ifndef TILEBIT_DISABLE_AVX512
      row{isa::avx512, "panels, four vectors", &spmm_avx512<View, T>},
#endif
      row{isa::avx2, "panels, two to four vectors", &spmm_avx2<View, T>}};
};
#endif

/// Of bitmap matrices and few columns, by which a tile is multiplied once its elements are in their
/// places; none where portable code is all there is. What these kernels call a vector are two
/// columns.
template <class T, class I>
struct tiles_by_columns_table {
  using View = bitmap_view<const T, I>;
  using row = kernel_row<const spmm_kernels<View, T>>;
  static constexpr std::array<row, 0> rows{};
};

#if TILEBIT_X86
#ifndef TILEBIT_DISABLE_AVX512
template <class View, class T>
inline constexpr spmm_kernels<View, T> tiles_avx512_bf16{
    2, 4, {&avx512_bf16::spmm_tiles<2>, &avx512_bf16::spmm_tiles<4>, &avx512_bf16::spmm_tiles<8>}};
template <class View, class T>
inline constexpr spmm_kernels<View, T> tiles_avx512{
    2, 4, {&avx512::spmm_tiles<2>, &avx512::spmm_tiles<4>, &avx512::spmm_tiles<8>}};
#endif
template <class View, class T>
inline constexpr spmm_kernels<View, T> tiles_avx2{
    2,
    avx2::widest_of_tiles<T> / 2,
    {&avx2::spmm_tiles<2>, &avx2::spmm_tiles<avx2::widest_of_tiles<T>>}};

template <class T, class I>
  requires(std::same_as<T, float> || std::same_as<T, double>)
struct tiles_by_columns_table<T, I> {
  using View = bitmap_view<const T, I>;
  using row = kernel_row<const spmm_kernels<View, T>>;
  static constexpr std::array rows{
#ifndef TILEBIT_DISABLE_AVX512
      row{isa::avx512_bf16, "tiles by columns, cleared registers", &tiles_avx512_bf16<View, T>,
          true},
      row{isa::avx512, "tiles by columns", &tiles_avx512<View, T>},
#endif
      row{isa::avx2, "tiles by columns, permutations", &tiles_avx2<View, T>}};
};
#endif

/// SpMM with the transpose: rows or blocks [first, last) of A added to sums of its columns.
template <class View, class T>
using transposed_function = void(const View&, std::int64_t first, std::int64_t last,
                                 const scattered_panel<T>&) noexcept;

/// What becomes of rows [first, last) of sums.
template <class T>
using finish_function = void(const T* sums, std::int64_t lds, std::int64_t first, std::int64_t last,
                             std::int64_t width, const panel_output<T>&) noexcept;

/// The kernels of an instruction set, as spmm_kernels.
template <class View, class T>
struct transposed_kernels {
  std::int64_t lanes;
  std::int64_t widest;
  powers_of_two<transposed_function<View, T>> add;
  powers_of_two<finish_function<T>> finish;
};

/// The same for a view type, best first; none where portable code is all there is.
template <class View>
struct spmm_transposed_table {
  static constexpr std::array<
      kernel_row<const transposed_kernels<View, typename View::scalar_type>>, 0>
      rows{};
};

#if TILEBIT_X86
#ifndef TILEBIT_DISABLE_AVX512
template <class T>
inline constexpr powers_of_two<finish_function<T>> finish_avx512{
    &avx512::finish_rows<1>, &avx512::finish_rows<2>, &avx512::finish_rows<4>};
template <class View, class T>
inline constexpr transposed_kernels<View, T> transposed_avx512{
    avx512::lanes<T>::count,
    avx512::widest_block,
    {&avx512::spmm_transposed<1>, &avx512::spmm_transposed<2>, &avx512::spmm_transposed<4>},
    finish_avx512<T>};
#endif
template <class T>
inline constexpr powers_of_two<finish_function<T>> finish_avx2{
    &avx2::finish_rows<1>, &avx2::finish_rows<2>, &avx2::finish_rows<4>};
template <class View, class T>
inline constexpr transposed_kernels<View, T> transposed_avx2{
    avx2::lanes<T>::count,
    avx2::widest<View>,
    {&avx2::spmm_transposed<1>, &avx2::spmm_transposed<2>,
     &avx2::spmm_transposed<avx2::widest<View>>},
    finish_avx2<T>};

template <class View>
  requires(std::same_as<typename View::scalar_type, float> ||
           std::same_as<typename View::scalar_type, double>)
struct spmm_transposed_table<View> {
  using T = typename View::scalar_type;
  using row = kernel_row<const transposed_kernels<View, T>>;
  static constexpr std::array rows{
#ifndef TILEBIT_DISABLE_AVX512
      row{isa::avx512, "rows of sums, four vectors", &transposed_avx512<View, T>},
#endif
      row{isa::avx2, "rows of sums, two to four vectors", &transposed_avx2<View, T>}};
};
#endif

#if TILEBIT_X86 && !defined(TILEBIT_DISABLE_AVX512)
template <class View, class T>
inline constexpr spmm_kernels<View, T> spmm_avx512_bf16{
    avx512_bf16::lanes<T>::count,
    avx512_bf16::widest<View>,
    {&avx512_bf16::spmm_rows<1>, &avx512_bf16::spmm_rows<2>, &avx512_bf16::spmm_rows<4>}};

/// Grouped rows and chunks of rows, of packed entries.
template <class View>
  requires(detail::depth_v<typename View::scalar_type> > 1)
struct spmm_table<View> {
  using T = typename View::scalar_type;
  static constexpr std::array rows{kernel_row<const spmm_kernels<View, T>>{
      isa::avx512_bf16, "panels of packed entries", &spmm_avx512_bf16<View, T>}};
};
#endif

/// The first row whose instruction set is not above the level, and which is for this processor.
template <class Rows>
const auto& select(const Rows& rows, isa level = active_isa()) noexcept {
  const bool microcode = detail::slow_gathers();
  std::size_t k = 0;
  while (rows[k].level > level || (rows[k].in_microcode && !microcode)) {
    ++k;
  }
  return rows[k];
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
