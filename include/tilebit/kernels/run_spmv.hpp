// SpMV of a whole matrix: which road.
#pragma once

#include <algorithm>
#include <cstdint>

#include "../core/config.hpp"
#include "../core/execution.hpp"
#include "../core/numeric.hpp"
#include "../formats/views.hpp"
#include "low_precision_roads.hpp"
#include "reference.hpp"
#include "spmv_roads.hpp"
#include "sums_apart.hpp"
#include "workspace.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

/// z = alpha op(A) x + beta y where sums are of another type than the elements of A.
template <bool MayBeTransposed, class Operand, class T, class R>
void run_spmv_apart(const execution_policy& policy, const Operand& op, const T* x,
                    const vector_update<T, R>& out) {
  using S = accumulator_t<T>;
  constexpr bool by_entries = requires { op.base.row_indices(); };
  const std::int64_t rows = op.rows();
  if constexpr (!by_entries && detail::is_packed_v<T>) {
    const isa level = active_isa();
    if (!op.transposed && op.base.nnz() > 0 && low_precision_road(op, level)) {
      const epilogue<> none;
      const matrix_update<T, R, col_major, col_major, epilogue<>> to{
          out.alpha, out.beta, {out.y, shape(rows, 1)}, {out.z, shape(rows, 1)}, none};
      return run_low_precision(policy, op, dense_view<const T, col_major>(x, shape(op.cols(), 1)),
                               to, level);
    }
  }
  const work_array<S> sums(rows);
  if (by_entries || (MayBeTransposed && op.transposed)) {
    std::fill_n(sums.get(), rows, S{});
    if (MayBeTransposed && op.transposed) {
      spmv_apart<true>(op.base, x, sums.get());
    } else {
      spmv_apart<false>(op.base, x, sums.get());
    }
  } else if constexpr (!by_entries) {
    run_spmv_by_rows(policy, op.base, false, x, sums_of<T>{T{1}, S{}, nullptr, sums.get()});
  }
  for (std::int64_t i = 0; i < rows; ++i) out.store(i, sums.get()[i]);
}

/// z = alpha op(A) x + beta y for checked operands. Throws std::bad_alloc before z is written. A
/// caller that knows that op is not transposed says so, and half of the kernels are not compiled.
template <bool MayBeTransposed, class Operand, class T, class R>
void run_spmv(const execution_policy& policy, const Operand& op, const T* x,
              const vector_update<T, R>& out) {
  const auto& a = op.base;
  constexpr bool by_entries = requires { a.row_indices(); };
  if constexpr (detail::sums_apart_v<T>) {
    run_spmv_apart<MayBeTransposed>(policy, op, x, out);
  } else {
    if constexpr (requires { a.coo(); }) {
      if (a.coo().rows() > 0) {
        const detail::operand<coo_view<const T, typename Operand::index_type>> all{
            a.coo(), op.alpha, op.transposed, op.conjugated};
        return run_spmv<MayBeTransposed>(policy, all, x, out);
      }
    }
    if constexpr (MayBeTransposed) {
      if (op.transposed) return run_spmv_transposed(policy, a, op.conjugated, x, out);
    }
    if constexpr (by_entries) {
      run_spmv_by_entries(policy, a, op.conjugated, x, out);
    } else {
      run_spmv_by_rows(policy, a, op.conjugated, x, out);
    }
  }
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
