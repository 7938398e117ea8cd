// Matrix Market files: read_matrix_market, read_matrix_market_header, write_matrix_market.
//
// Read are all kinds that the format knows: coordinate and array; real, integer, complex, pattern;
// general, symmetric, skew-symmetric, hermitian. Symmetric files are expanded: the mirrored entry
// follows its source. Explicit zeros and duplicates of coordinate files are kept; of array files
// the elements that are not zero. Comments and blank lines may stand between entries, lines may end
// with CR LF, the last one without either; numbers may have a leading '+' and Fortran's 'D'.
//
// Source: Boisvert, Pozo, Remington, The Matrix Market exchange formats, NISTIR 5935, 1996.
#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <limits>
#include <ostream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "../convert.hpp"
#include "../core/array_of.hpp"
#include "../core/concepts.hpp"
#include "../core/error.hpp"
#include "../formats/coo.hpp"
#include "../formats/views.hpp"
#include "byte_source.hpp"
#include "matrix_market_header.hpp"
#include "text_scanner.hpp"
#include "text_writer.hpp"

namespace tilebit {
namespace detail::inline TILEBIT_IO_ABI {

/// The field that a value type is written as.
template <class T>
constexpr matrix_market_field field_of() noexcept {
  if constexpr (is_complex_v<T>) {
    return matrix_market_field::complex;
  } else {
    return std::is_integral_v<T> ? matrix_market_field::integer : matrix_market_field::real;
  }
}

/// Triples as they come out of a file.
template <class T, class I>
struct entry_builder {
  array_of<T> values;
  array_of<I> rows;
  array_of<I> cols;
  matrix_market_symmetry symmetry;

  /// An entry of the file, and its mirror image where only one triangle is stored.
  void add(I i, I j, T x) {
    const bool twice = symmetry != matrix_market_symmetry::general && i != j;
    for (bool mirror = false;; mirror = true) {
      values.push_back(x);
      rows.push_back(i);
      cols.push_back(j);
      if (mirror || !twice) return;
      std::swap(i, j);
      x = mirrored(x);
    }
  }

  T mirrored(const T& x) const noexcept {
    switch (symmetry) {
    case matrix_market_symmetry::skew_symmetric:
      if constexpr (std::is_integral_v<T>) return mul(x, static_cast<T>(-1));
      return -x;
    case matrix_market_symmetry::hermitian:
      return conj_value(x);
    default:
      return x;
    }
  }

  /// Memory for n entries of the file, but never for more than its bytes can hold: the number in
  /// the file may lie.
  void reserve(std::int64_t n, std::int64_t bytes) {
    constexpr std::int64_t shortest_entry = 4; // "1 1\n"
    constexpr std::int64_t unknown_size = std::int64_t{1} << 22;
    n = std::min(n, bytes > 0 ? bytes / shortest_entry + 1 : unknown_size);
    const std::size_t all = at(symmetry == matrix_market_symmetry::general ? n : 2 * n);
    values.reserve(all);
    rows.reserve(all);
    cols.reserve(all);
  }
};

template <class R>
R parse_number(text_scanner& in, matrix_market_field field) {
  const R x = in.number<R>("a value");
  if constexpr (std::is_floating_point_v<R>) {
    if (field == matrix_market_field::integer && !(std::isfinite(x) && x == std::trunc(x))) {
      in.fail({x, " is not an integer, as the file says its values are"});
    }
  }
  return x;
}

template <class T>
T parse_value(text_scanner& in, matrix_market_field field) {
  if (field == matrix_market_field::pattern) return T{1};
  if constexpr (is_low_precision_v<T>) {
    const auto wide = parse_number<double>(in, field);
    const T x(wide);
    if (std::isinf(static_cast<float>(x)) && !std::isinf(wide)) {
      in.fail({"a value, ", wide, ", does not fit 16 bits"});
    }
    return x;
  } else if constexpr (is_complex_v<T>) {
    using R = typename T::value_type;
    const R re = parse_number<R>(in, field);
    return field == matrix_market_field::complex ? T(re, in.number<R>("an imaginary part"))
                                                 : T(re, R{});
  } else {
    return parse_number<T>(in, field);
  }
}

/// Throws parse_error for entries that the symmetry does not allow: one triangle is stored, the
/// diagonal of a skew-symmetric matrix is zero and that of a hermitian one real.
template <class T>
void check_symmetric_entry(const text_scanner& in, const matrix_market_header& h, std::int64_t i,
                           std::int64_t j, const T& x) {
  using symmetry = matrix_market_symmetry;
  if (i < j) {
    in.fail({"entry (", i, ", ", j, ") lies above the diagonal of a ",
             name_of(h.symmetry, symmetry_names), " matrix"});
  }
  if (i != j) return;
  if (h.symmetry == symmetry::skew_symmetric) {
    in.fail({"entry (", i, ", ", j, ") lies on the diagonal of a skew-symmetric matrix"});
  }
  if (h.symmetry == symmetry::hermitian && !(x == conj_value(x))) {
    in.fail({"entry (", i, ", ", j, ") of a hermitian matrix is not real"});
  }
}

/// The entries of either format: a coordinate file says where each is, an array file holds a matrix
/// or its lower triangle column by column.
template <class T, class I>
void parse_entries(text_scanner& in, const matrix_market_header& h, entry_builder<T, I>& out) {
  using symmetry = matrix_market_symmetry;
  const bool is_array = h.format == matrix_market_format::array;
  const bool checked =
      is_array ? h.symmetry == symmetry::hermitian : h.symmetry != symmetry::general;
  const auto first_row = [&](std::int64_t column) {
    if (h.symmetry == symmetry::general) return std::int64_t{1};
    return h.symmetry == symmetry::skew_symmetric ? column + 1 : column;
  };
  std::int64_t i = first_row(1);
  std::int64_t j = 1;
  for (std::int64_t k = 0; k < h.entries; ++k) {
    if (!in.to_next_line_with_data('%')) {
      in.fail({"the input ends after ", k, " of ", h.entries, is_array ? " elements" : " entries"});
    }
    if (!is_array) {
      i = in.integer("a row number");
      j = in.integer("a column number");
      if (i < 1 || i > h.rows || j < 1 || j > h.cols) {
        in.fail({"entry (", i, ", ", j, ") lies outside a ", h.rows, "x", h.cols, " matrix"});
      }
    }
    const T x = parse_value<T>(in, h.field);
    if (checked) check_symmetric_entry(in, h, i, j, x);
    in.end_line();
    if (!is_array || x != T{}) out.add(static_cast<I>(i - 1), static_cast<I>(j - 1), x);
    if (is_array && ++i > h.rows) i = first_row(++j);
  }
}

template <class T, class I>
coo_matrix<T, I> parse_matrix_market(const std::string& name, byte_source& source) {
  text_scanner in(name, source);
  const matrix_market_header h = parse_header(in);
  if (h.field == matrix_market_field::complex && !is_complex_v<T>) {
    throw parse_error(name, 1, "the file is complex, it cannot be read as a real type");
  }
  if (h.field == matrix_market_field::real && std::is_integral_v<T>) {
    throw parse_error(name, 1, "the file is real, it cannot be read as an integer type");
  }
  const shape s(h.rows, h.cols);
  require_fits<I>(s, "read_matrix_market");
  entry_builder<T, I> out{{}, {}, {}, h.symmetry};
  if (h.format == matrix_market_format::coordinate) out.reserve(h.entries, source.size_hint());
  parse_entries(in, h, out);
  if (in.to_next_line_with_data('%')) {
    in.fail({"there is more after ", h.entries, " entries"});
  }
  return {trusted{}, std::move(out.values), std::move(out.rows), std::move(out.cols), s};
}

template <class T>
void write_value(text_writer& out, const T& x) {
  if constexpr (is_complex_v<T>) {
    out << x.real() << ' ' << x.imag();
  } else if constexpr (std::unsigned_integral<T>) {
    out << static_cast<std::uint64_t>(x);
  } else if constexpr (std::integral<T>) {
    out << static_cast<std::int64_t>(x);
  } else if constexpr (is_low_precision_v<T>) {
    out << static_cast<float>(x);
  } else {
    out << x;
  }
}

inline void write_banner(text_writer& out, const matrix_market_header& h) {
  out << "%%MatrixMarket matrix " << name_of(h.format, format_names) << ' '
      << name_of(h.field, field_names) << ' ' << name_of(h.symmetry, symmetry_names) << '\n'
      << h.rows << ' ' << h.cols;
  if (h.format == matrix_market_format::coordinate) out << ' ' << h.entries;
  out << '\n';
}

/// Throws std::invalid_argument unless A has the symmetry that is to be written.
template <class A>
void require_symmetry(const A& a, matrix_market_symmetry symmetry) {
  using enum matrix_market_symmetry;
  if (a.rows() != a.cols()) {
    throw_message<std::invalid_argument>({"write_matrix_market: a ", to_text({a.rows(), a.cols()}),
                                          " matrix has no ", name_of(symmetry, symmetry_names),
                                          " form"});
  }
  const auto plain = to_csr(a);
  const auto mirrored = [&] {
    const auto t = transposed(plain);
    if (symmetry == skew_symmetric) return to_csr(scaled(-1, t));
    return symmetry == hermitian ? to_csr(conjugated(t)) : to_csr(t);
  }();
  bool holds = plain == mirrored;
  if (symmetry == skew_symmetric) {
    for (const auto& [i, j, x] : entries(plain)) holds = holds && i != j;
  }
  if (!holds) {
    throw_message<std::invalid_argument>(
        {"write_matrix_market: the matrix is not ", name_of(symmetry, symmetry_names)});
  }
}

} // namespace detail::inline TILEBIT_IO_ABI

inline namespace TILEBIT_IO_ABI {

/// The file at a path, or the rest of a stream, as a COO matrix in the order of the file.
///
/// T: pattern entries become 1; a real file is read as std::complex with zero imaginary parts.
/// Gzip data is unpacked when TILEBIT_USE_ZLIB is defined; it is known by its first bytes.
/// Throws: parse_error with the line for whatever is malformed, for a file that cannot be opened
/// (line 0), for a complex file read as a real T and a real one read as an integer T, for a
/// fraction in an integer file, for a number that does not fit T (one too small rounds to zero);
/// std::length_error when the shape does not fit I; std::bad_alloc. Complexity: O(bytes) time,
/// O(nnz) memory whatever sizes the file claims.
template <scalar T = double, index I = std::int32_t>
coo_matrix<T, I> read_matrix_market(const std::string& path) {
  return detail::with_text_of(path, [&](detail::byte_source& text) {
    return detail::parse_matrix_market<T, I>(path, text);
  });
}

template <scalar T = double, index I = std::int32_t>
coo_matrix<T, I> read_matrix_market(std::istream& in) {
  return detail::with_text_of(
      in, [](detail::byte_source& text) { return detail::parse_matrix_market<T, I>({}, text); });
}

/// Only the banner and the sizes. Throws: parse_error. O(1).
inline matrix_market_header read_matrix_market_header(const std::string& path) {
  return detail::with_text_of(path, [&](detail::byte_source& text) {
    detail::text_scanner in(path, text);
    return detail::parse_header(in);
  });
}

/// The same for a stream, which is read ahead of the header by a block.
inline matrix_market_header read_matrix_market_header(std::istream& stream) {
  return detail::with_text_of(stream, [](detail::byte_source& text) {
    const std::string no_name;
    detail::text_scanner in(no_name, text);
    return detail::parse_header(in);
  });
}

/// What to write beside the entries.
struct matrix_market_options {
  /// Other than general: A must have this symmetry, and one triangle is written.
  matrix_market_symmetry symmetry = matrix_market_symmetry::general;
  bool pattern = false; ///< positions only, without values
};

/// A in coordinate format to a path (packed when it ends in .gz and TILEBIT_USE_ZLIB is defined) or
/// a stream (const std::string& or std::ostream&), entries in storage order; reading gives the same
/// values to the last bit. Throws: std::runtime_error when it cannot be written;
/// std::invalid_argument when A lacks the symmetry asked for, and for .gz without zlib. O(nnz).
template <class Target, sparse_matrix A>
  requires std::convertible_to<Target&, std::ostream&> ||
           std::convertible_to<const Target&, std::string>
void write_matrix_market(Target&& target, const A& a, const matrix_market_options& options = {}) {
  using T = value_of_t<A>;
  using symmetry = matrix_market_symmetry;
  const bool general = options.symmetry == symmetry::general;
  if (options.pattern && options.symmetry == symmetry::skew_symmetric) {
    throw std::invalid_argument("write_matrix_market: a pattern has no signs to be skew-symmetric");
  }
  matrix_market_header h{a.rows(), a.cols(), a.nnz()};
  h.field = options.pattern ? matrix_market_field::pattern : detail::field_of<T>();
  h.symmetry = options.symmetry;
  if (!general) {
    if (h.symmetry == symmetry::hermitian && h.field != matrix_market_field::complex) {
      throw std::invalid_argument("write_matrix_market: only a complex matrix can be hermitian");
    }
    detail::require_symmetry(a, options.symmetry);
    h.entries = 0;
    for (const auto& [i, j, x] : entries(a)) h.entries += i >= j;
  }
  const auto write = [&](detail::text_writer& out) {
    detail::write_banner(out, h);
    for (const auto& [i, j, x] : entries(a)) {
      if (!general && i < j) continue;
      out << static_cast<std::int64_t>(i) + 1 << ' ' << static_cast<std::int64_t>(j) + 1;
      if (!options.pattern) detail::write_value(out << ' ', x);
      out << '\n';
    }
  };
  detail::with_writer_to(target, write);
}

/// D in array format, column by column; otherwise as above. O(rows * cols).
template <class Target, dense_matrix_like D>
  requires std::convertible_to<Target&, std::ostream&> ||
           std::convertible_to<const Target&, std::string>
void write_matrix_market(Target&& target, const D& d) {
  using T = value_of_t<D>;
  const auto view = detail::const_dense(d);
  matrix_market_header h{d.rows(), d.cols(), 0, matrix_market_format::array};
  h.field = detail::field_of<T>();
  detail::with_writer_to(target, [&](detail::text_writer& out) {
    detail::write_banner(out, h);
    for (std::int64_t j = 0; j < d.cols(); ++j) {
      for (std::int64_t i = 0; i < d.rows(); ++i) {
        detail::write_value(out, view(i, j));
        out << '\n';
      }
    }
  });
}

} // namespace TILEBIT_IO_ABI
} // namespace tilebit
