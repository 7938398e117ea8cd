// multiply: sparse matrix times dense vector (SpMV) and times dense matrix (SpMM).
//
//   multiply(a, x, y)                                      y = A x
//   multiply(scaled(alpha, a), x, scaled(beta, y), y)      y = alpha A x + beta y
//   multiply(transposed(a), x, y)                          y = A^T x
//   multiply(a, b, c)                                      C = A B
//   multiply(scaled(alpha, a), b, scaled(beta, c), c)      C = alpha A B + beta C
//   multiply(a, b, c, relu)                                C = relu(A B), see formats/epilogue.hpp
//   multiply(par, a, x, y)                                 with threads; results are bitwise the
//   same
//
// A, x and B have one value type T, and so have y, z, C0 and C, which may be T or what its products
// are summed in:
//   T                  sums    results
//   bfloat16, float16  float   T (rounded once, after alpha, beta and the epilogue) or float
//   std::int8_t        int32   T, std::int32_t (both modulo 2^8 or 2^32) or float
//   any other          T       T
// float results of 8-bit products: alpha, beta, bias and row_scale are applied to the exact sum in
// float, which is how quantised layers are scaled back, row by row.
//
// Activations times weights, Y = X W^T with X and Y row-major, as neural networks call it, is
// multiply(w, B, C) with B and C column-major views of X and Y.
//
// Names and order follow the Sparse BLAS effort and C++26 std::linalg: outputs last, the policy
// first.
#pragma once

#include <concepts>
#include <cstdint>
#include <ranges>
#include <span>
#include <stdexcept>
#include <type_traits>

#include "core/concepts.hpp"
#include "core/config.hpp"
#include "core/error.hpp"
#include "core/execution.hpp"
#include "core/numeric.hpp"
#include "formats/epilogue.hpp"
#include "formats/views.hpp"
#include "kernels/checks.hpp"
#include "kernels/reference.hpp"
#include "kernels/run_spmm.hpp"
#include "kernels/run_spmv.hpp"

namespace tilebit::inline TILEBIT_ABI {

namespace kernels {

/// What all forms with vectors do. No overload, so that compilers look at constraints only once.
template <class A, class X, class Y, class Z>
void multiply_vector(const execution_policy& policy, const A& a, const X& x, const Y& addend,
                     Z& z) {
  using T = value_of_t<A>;
  const auto op = detail::resolve(a);
  using R = value_of_t<Z>;
  const auto [beta, y] = detail::addend_of<R>(addend);
  const std::span<const T> xs(x);
  const std::span<R> zs(z);
  detail::check_spmv(op, xs, y, zs);
  const vector_update<T, R> out{op.alpha, beta, y.data(), zs.data()};
  if (op.alpha == T{}) return out.prepare(0, op.rows());
  run_spmv<detail::maybe_transposed<A>>(policy, op, xs.data(), out);
}

/// The same with matrices.
template <class A, class B, class C0, class C, class E>
void multiply_matrix(const execution_policy& policy, const A& a, const B& b, const C0& addend, C& c,
                     const E& step) {
  using T = value_of_t<A>;
  const auto op = detail::resolve(a);
  using R = value_of_t<C>;
  const auto [beta, c0] = detail::addend_of_matrix<R>(addend);
  const dense_view<const T, typename B::layout_type> bs(b);
  using LayoutC = typename std::remove_cvref_t<C>::layout_type;
  const dense_view<R, LayoutC> cs(c);
  const auto finish = detail::as_epilogue(step);
  detail::check_spmm(op, bs, c0, cs, finish);
  using Update = matrix_update<T, R, typename decltype(c0)::layout_type, LayoutC,
                               std::remove_const_t<decltype(finish)>>;
  const Update out{op.alpha, beta, c0, cs, finish};
  if (op.alpha == T{}) return store_everywhere(out);
  run_spmm<detail::maybe_transposed<A>>(policy, op, bs, out);
}

} // namespace kernels

/// SpMV, z = op(A) x + addend.
///
/// Shapes: op(A) m x n, x: n elements, addend and z: m. addend is a vector y or scaled(beta, y); it
/// may be z itself. scaled(0, y) leaves y unread (an old NaN is overwritten); scaled(0, a) leaves A
/// and x unread. Zeros that are not stored never multiply: Inf or NaN in x reaches only rows that
/// store an entry in that column. Throws: dimension_mismatch when shapes do not conform;
/// std::invalid_argument when an input overlaps z (y identical to z is allowed). Nothing is written
/// then. Complexity: O(nnz + m); bitmap reads nnz * sizeof(T) + 6 bytes per tile.
/// Transposed products, and COO whose rows are not in order, allocate sums of blocks when the
/// matrix has more than 32,768 entries: a vector of m elements, with threads as many as have
/// max(nnz / 4, m) elements together, kept for the thread's next call as far as TILEBIT_KEPT_BYTES
/// allows. Of 16-bit and 8-bit types: x once more, m sums of 4 bytes,
/// and for CSR the values widened. std::bad_alloc leaves z untouched.
template <sparse_matrix A, vector_like X, class Y, vector_like Z>
  requires addend_vector<Y> && output_vector<Z> && share_one_value_type<A, X> &&
           share_one_value_type<Y, Z> && holds_products_of<value_of_t<Z>, value_of_t<A>>
void multiply(const execution_policy& policy, const A& a, const X& x, const Y& addend, Z&& z) {
  kernels::multiply_vector(policy, a, x, addend, z);
}

template <sparse_matrix A, vector_like X, class Y, vector_like Z>
  requires addend_vector<Y> && output_vector<Z> && share_one_value_type<A, X> &&
           share_one_value_type<Y, Z> && holds_products_of<value_of_t<Z>, value_of_t<A>>
void multiply(const A& a, const X& x, const Y& addend, Z&& z) {
  kernels::multiply_vector(seq, a, x, addend, z);
}

/// SpMV, y = op(A) x; whatever y held is overwritten. Otherwise as the updating form.
template <sparse_matrix A, vector_like X, vector_like Y>
  requires output_vector<Y> && share_one_value_type<A, X> &&
           holds_products_of<value_of_t<Y>, value_of_t<A>>
void multiply(const execution_policy& policy, const A& a, const X& x, Y&& y) {
  kernels::multiply_vector(policy, a, x, scaled(0, y), y);
}

template <sparse_matrix A, vector_like X, vector_like Y>
  requires output_vector<Y> && share_one_value_type<A, X> &&
           holds_products_of<value_of_t<Y>, value_of_t<A>>
void multiply(const A& a, const X& x, Y&& y) {
  kernels::multiply_vector(seq, a, x, scaled(0, y), y);
}

/// SpMM, C = epilogue(op(A) B + addend).
///
/// Shapes: op(A) m x k, B k x n, addend and C m x n; each dense operand row- or column-major with
/// any leading dimension; padding is neither read nor written. addend is a dense matrix C0 or
/// scaled(beta, C0) and may be C itself. The epilogue is applied to every element before it is
/// stored: bias, row_scale and relu in registers, other callables to sums in the first-level cache,
/// possibly by several threads at a time. Throws: as SpMV.
///
/// Where B and C take more than 16 MB together, lines of C are stored past the caches, unless it is
/// updated.
///
/// Complexity: O((nnz + m) * n). Memory for float and double, kept for the thread's next call up to
/// TILEBIT_KEPT_BYTES: panels of B, 64 columns of float or 32 of double, as many as fit 1 MB (8 MB
/// where A is a bitmap matrix of several bands, or C passes 32 MB and 256 rows or 128 KB of A load
/// each row of B eight times) and at least one, where rows of B are read often; for bitmap matrices
/// bands of half a million entries as rows; for transposed A m rows of sums for a panel of each
/// thread and as many as fit 1 or 8 MB more, or a copy of A in CSR; for COO and what optimize made
/// for SpMV that copy; m * n sums for up to four columns; 512 to 2,048 rows of sums for each thread
/// where optimize made slabs, and in place of panels at most half a megabyte of B for each. For
/// 16-bit and 8-bit types: B once more, packed or widened, m * n sums for up to 32 columns, and for
/// each thread, where rows of A are expanded, sums of up to 1,024 columns (128 KB) and 32 KB of A,
/// or, without AMX, 32 rows of A without compression; with AMX the sums of up to 512 columns of all
/// rows where so many of B take more than 1.25 MB. All of it is allocated before C is written.
template <sparse_matrix A, dense_matrix_like B, class C0, dense_matrix_like C, class E>
  requires addend_matrix<C0> && share_one_value_type<A, B> && share_one_value_type<C0, C> &&
           output_matrix<C> && holds_products_of<value_of_t<C>, value_of_t<A>> &&
           epilogue_for<E, value_of_t<C>>
void multiply(const execution_policy& policy, const A& a, const B& b, const C0& addend, C&& c,
              const E& step) {
  kernels::multiply_matrix(policy, a, b, addend, c, step);
}

template <sparse_matrix A, dense_matrix_like B, class C0, dense_matrix_like C, class E>
  requires addend_matrix<C0> && share_one_value_type<A, B> && share_one_value_type<C0, C> &&
           output_matrix<C> && holds_products_of<value_of_t<C>, value_of_t<A>> &&
           epilogue_for<E, value_of_t<C>>
void multiply(const A& a, const B& b, const C0& addend, C&& c, const E& step) {
  kernels::multiply_matrix(seq, a, b, addend, c, step);
}

template <sparse_matrix A, dense_matrix_like B, class C0, dense_matrix_like C>
  requires addend_matrix<C0> && share_one_value_type<A, B> && share_one_value_type<C0, C> &&
           output_matrix<C> && holds_products_of<value_of_t<C>, value_of_t<A>>
void multiply(const execution_policy& policy, const A& a, const B& b, const C0& addend, C&& c) {
  kernels::multiply_matrix(policy, a, b, addend, c, epilogue<>());
}

template <sparse_matrix A, dense_matrix_like B, class C0, dense_matrix_like C>
  requires addend_matrix<C0> && share_one_value_type<A, B> && share_one_value_type<C0, C> &&
           output_matrix<C> && holds_products_of<value_of_t<C>, value_of_t<A>>
void multiply(const A& a, const B& b, const C0& addend, C&& c) {
  kernels::multiply_matrix(seq, a, b, addend, c, epilogue<>());
}

/// SpMM, C = epilogue(op(A) B); whatever C held is overwritten. Otherwise as the updating form.
template <sparse_matrix A, dense_matrix_like B, dense_matrix_like C, class E>
  requires share_one_value_type<A, B> && output_matrix<C> &&
           holds_products_of<value_of_t<C>, value_of_t<A>> && epilogue_for<E, value_of_t<C>>
void multiply(const execution_policy& policy, const A& a, const B& b, C&& c, const E& step) {
  kernels::multiply_matrix(policy, a, b, scaled(0, c), c, step);
}

template <sparse_matrix A, dense_matrix_like B, dense_matrix_like C, class E>
  requires share_one_value_type<A, B> && output_matrix<C> &&
           holds_products_of<value_of_t<C>, value_of_t<A>> && epilogue_for<E, value_of_t<C>>
void multiply(const A& a, const B& b, C&& c, const E& step) {
  kernels::multiply_matrix(seq, a, b, scaled(0, c), c, step);
}

template <sparse_matrix A, dense_matrix_like B, dense_matrix_like C>
  requires share_one_value_type<A, B> && output_matrix<C> &&
           holds_products_of<value_of_t<C>, value_of_t<A>>
void multiply(const execution_policy& policy, const A& a, const B& b, C&& c) {
  kernels::multiply_matrix(policy, a, b, scaled(0, c), c, epilogue<>());
}

template <sparse_matrix A, dense_matrix_like B, dense_matrix_like C>
  requires share_one_value_type<A, B> && output_matrix<C> &&
           holds_products_of<value_of_t<C>, value_of_t<A>>
void multiply(const A& a, const B& b, C&& c) {
  kernels::multiply_matrix(seq, a, b, scaled(0, c), c, epilogue<>());
}

} // namespace tilebit::inline TILEBIT_ABI
