// .smtx files, the text format of the Deep Learning Matrix Collection: the pattern of pruned
// weights.
//
//   rows, cols, nnz
//   row offsets, rows + 1 of them
//   column indices from 0, nnz of them
//
// Source: Gale, Zaharia, Young, Elsen, Sparse GPU kernels for deep learning, SC20.
#pragma once

#include <cstdint>
#include <istream>
#include <string>
#include <utility>
#include <vector>

#include "../convert.hpp"
#include "../core/concepts.hpp"
#include "../core/shape.hpp"
#include "../formats/coo.hpp"
#include "byte_source.hpp"
#include "matrix_market.hpp"
#include "text_scanner.hpp"
#include "text_writer.hpp"

namespace tilebit {
namespace detail::inline TILEBIT_IO_ABI {

template <class T, class I>
coo_matrix<T, I> parse_smtx(const std::string& name, byte_source& source) {
  text_scanner in(name, source);
  const auto next = [&](const char* what) {
    if (!in.to_next_item()) in.fail({"the input ends where ", what, " is expected"});
    return in.integer(what);
  };
  const std::int64_t rows = next("the number of rows");
  const std::int64_t cols = next("the number of columns");
  const std::int64_t nnz = next("the number of entries");
  if (rows < 0 || cols < 0 || nnz < 0) in.fail("a size is negative");
  const shape s(rows, cols);
  require_fits<I>(s, "read_smtx");

  entry_builder<T, I> out{{}, {}, {}, matrix_market_symmetry::general};
  out.reserve(nnz, source.size_hint());
  std::vector<std::int64_t> offsets{next("a row offset")};
  if (offsets[0] != 0) in.fail({"the first row offset is ", offsets[0], ", not 0"});
  for (std::int64_t i = 0; i < rows; ++i) {
    const std::int64_t offset = next("a row offset");
    if (offset < offsets.back() || offset > nnz) {
      in.fail({"row offset ", i + 1, " is ", offset, " after ", offsets.back(), ", of ", nnz});
    }
    offsets.push_back(offset);
  }
  if (offsets.back() != nnz) {
    in.fail({"the last row offset is ", offsets.back(), ", not ", nnz});
  }
  std::size_t row = 0;
  for (std::int64_t k = 0; k < nnz; ++k) {
    const std::int64_t j = next("a column index");
    if (j < 0 || j >= cols) in.fail({"column ", j, " lies outside [0, ", cols, ")"});
    while (offsets[row + 1] <= k) ++row;
    out.add(static_cast<I>(row), static_cast<I>(j), T{1});
  }
  if (in.to_next_item()) in.fail({"there is more after ", nnz, " column indices"});
  return {trusted{}, std::move(out.values), std::move(out.rows), std::move(out.cols), s};
}

} // namespace detail::inline TILEBIT_IO_ABI

inline namespace TILEBIT_IO_ABI {

/// The file at a path, or the rest of a stream, as a COO matrix with all values 1, row by row.
/// Gzip data and errors as read_matrix_market. O(bytes) time, O(nnz) memory.
template <scalar T = float, index I = std::int32_t>
coo_matrix<T, I> read_smtx(const std::string& path) {
  return detail::with_text_of(
      path, [&](detail::byte_source& text) { return detail::parse_smtx<T, I>(path, text); });
}

template <scalar T = float, index I = std::int32_t>
coo_matrix<T, I> read_smtx(std::istream& in) {
  return detail::with_text_of(
      in, [](detail::byte_source& text) { return detail::parse_smtx<T, I>({}, text); });
}

/// The pattern of A to a path or a stream; target and errors as write_matrix_market. O(nnz + rows).
template <class Target, sparse_matrix A>
  requires std::convertible_to<Target&, std::ostream&> ||
           std::convertible_to<const Target&, std::string>
void write_smtx(Target&& target, const A& a) {
  const auto c = to_csr(a);
  detail::with_writer_to(target, [&](detail::text_writer& out) {
    out << c.rows() << ", " << c.cols() << ", " << c.nnz() << '\n';
    const auto list = [&](const auto& numbers) {
      const char* separator = "";
      for (const auto n : numbers) {
        out << std::string_view(separator) << n;
        separator = " ";
      }
      out << '\n';
    };
    list(c.row_offsets());
    list(c.col_indices());
  });
}

} // namespace TILEBIT_IO_ABI
} // namespace tilebit
