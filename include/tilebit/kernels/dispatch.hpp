// Dispatch as data: for every operation and type a table of kernels, best first.
//
// A row names the instruction set it needs. select() takes the first row that the active level
// allows, so that every row can be forced through set_isa or TILEBIT_ISA, and tests run them all.
// Adding a kernel is adding a row.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "../core/config.hpp"
#include "../core/isa.hpp"
#include "reference.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// One row of a table: what it needs, what it is called, and the function.
template <class Function>
struct kernel_row {
  isa level;
  std::string_view name;
  Function* function;
};

/// SpMV of rows (CSR) or tile rows (bitmap) [first, last).
template <class View, class T>
using spmv_function = void(const View&, std::int64_t first, std::int64_t last, const T* x,
                           const vector_update<T>&) noexcept;

/// The SpMV kernels for a view type, best first; the last row needs nothing.
template <class View>
struct spmv_table {
  using T = typename View::scalar_type;
  static constexpr std::array rows{
      kernel_row<spmv_function<View, T>>{isa::scalar, "reference", &spmv<false>}};
};

/// The first row whose instruction set is not above the active one.
template <class Rows>
const auto& select(const Rows& rows) noexcept {
  const isa level = active_isa();
  std::size_t k = 0;
  while (rows[k].level > level) ++k;
  return rows[k];
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
