// The first lines of a Matrix Market file: the banner and the sizes.
//
//   %%MatrixMarket matrix coordinate real symmetric
//   % comments
//   rows cols entries
//
// Source: Boisvert, Pozo, Remington, The Matrix Market exchange formats, NISTIR 5935, 1996.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "../core/config.hpp"
#include "text_scanner.hpp"

namespace tilebit {

enum class matrix_market_format { coordinate, array };
enum class matrix_market_field { real, integer, complex, pattern };
enum class matrix_market_symmetry { general, symmetric, skew_symmetric, hermitian };

/// What a Matrix Market file says about itself.
struct matrix_market_header {
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t entries = 0; ///< entries in the file, before symmetric expansion
  matrix_market_format format = matrix_market_format::coordinate;
  matrix_market_field field = matrix_market_field::real;
  matrix_market_symmetry symmetry = matrix_market_symmetry::general;

  friend bool operator==(const matrix_market_header&, const matrix_market_header&) = default;
};

namespace detail::inline TILEBIT_IO_ABI {

inline constexpr std::array<std::string_view, 2> format_names{"coordinate", "array"};
inline constexpr std::array<std::string_view, 4> field_names{"real", "integer", "complex",
                                                             "pattern"};
inline constexpr std::array<std::string_view, 4> symmetry_names{"general", "symmetric",
                                                                "skew-symmetric", "hermitian"};

template <class Enum, std::size_t N>
constexpr std::string_view name_of(Enum e, const std::array<std::string_view, N>& names) noexcept {
  return names[static_cast<std::size_t>(e)];
}

inline std::string lower_case(std::string s) {
  for (char& c : s) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return s;
}

/// The next word of the banner as its place among the names.
TILEBIT_COLD inline std::size_t banner_word(text_scanner& in, const char* what,
                                            std::span<const std::string_view> names) {
  const std::string word = in.word();
  if (word.empty()) in.fail({"the banner lacks the ", what});
  const std::string lower = lower_case(word);
  for (std::size_t k = 0; k < names.size(); ++k) {
    if (names[k] == lower) return k;
  }
  in.fail({"the banner's ", what, " \"", word, "\" is unknown"});
}

/// Throws parse_error for kinds of matrices that the format does not know.
inline void check_banner(const text_scanner& in, const matrix_market_header& h) {
  using field = matrix_market_field;
  using symmetry = matrix_market_symmetry;
  if (h.field == field::pattern && h.format == matrix_market_format::array) {
    in.fail("an array file holds values, so it cannot be a pattern");
  }
  if (h.field == field::pattern && h.symmetry == symmetry::skew_symmetric) {
    in.fail("a pattern has no signs, so it cannot be skew-symmetric");
  }
  if (h.symmetry == symmetry::hermitian && h.field != field::complex) {
    in.fail("only a complex matrix can be hermitian");
  }
}

/// Entries that an array file holds: all, or one triangle column by column.
inline std::int64_t array_entries(std::int64_t rows, std::int64_t cols,
                                  matrix_market_symmetry symmetry) noexcept {
  switch (symmetry) {
  case matrix_market_symmetry::general:
    return rows * cols;
  case matrix_market_symmetry::skew_symmetric:
    return rows * (rows - 1) / 2;
  default:
    return rows * (rows + 1) / 2;
  }
}

/// Banner and size line; leaves the scanner before the first entry.
TILEBIT_COLD inline matrix_market_header parse_header(text_scanner& in) {
  matrix_market_header h;
  if (lower_case(in.word()) != "%%matrixmarket") {
    in.fail("the file does not begin with %%MatrixMarket");
  }
  const std::string object = in.word();
  if (lower_case(object) != "matrix") {
    in.fail({"the banner's object is \"", object, "\", not \"matrix\""});
  }
  h.format = static_cast<matrix_market_format>(banner_word(in, "format", format_names));
  h.field = static_cast<matrix_market_field>(banner_word(in, "field", field_names));
  h.symmetry = static_cast<matrix_market_symmetry>(banner_word(in, "symmetry", symmetry_names));
  check_banner(in, h);
  in.end_line();

  if (!in.to_next_line_with_data('%')) in.fail("the input ends where the size line is expected");
  h.rows = in.integer("the number of rows");
  h.cols = in.integer("the number of columns");
  if (h.rows < 0 || h.cols < 0) in.fail("a size is negative");
  if (h.symmetry != matrix_market_symmetry::general && h.rows != h.cols) {
    in.fail({"a ", name_of(h.symmetry, symmetry_names), " matrix is square, not ", h.rows, "x",
             h.cols});
  }
  if (h.format == matrix_market_format::coordinate) {
    h.entries = in.integer("the number of entries");
    if (h.entries < 0) in.fail("the number of entries is negative");
    if (h.entries > 0 && (h.rows == 0 || h.cols == 0)) {
      in.fail({"a ", h.rows, "x", h.cols, " matrix cannot have ", h.entries, " entries"});
    }
  } else {
    if (h.cols > 0 && h.rows > INT64_MAX / h.cols - 1) in.fail("the sizes do not fit 64 bits");
    h.entries = array_entries(h.rows, h.cols, h.symmetry);
  }
  in.end_line();
  return h;
}

} // namespace detail::inline TILEBIT_IO_ABI
} // namespace tilebit
