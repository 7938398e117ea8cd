// Exception types; every message carries the sizes and positions that explain it.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include "config.hpp"

namespace tilebit {

/// Shapes or array lengths do not fit together, or a leading dimension is smaller than a row.
class dimension_mismatch : public std::invalid_argument {
public:
  using std::invalid_argument::invalid_argument;
};

/// A matrix breaks an invariant of its format; position() is where in the array that the text
/// names.
class invalid_matrix : public std::invalid_argument {
public:
  invalid_matrix(const std::string& what, std::int64_t position)
      : std::invalid_argument(what), position_(position) {}

  std::int64_t position() const noexcept { return position_; }

private:
  std::int64_t position_;
};

namespace detail {

/// A piece of a message: a text or a number. Small, because a program compiles lists of these
/// wherever something may be wrong.
class message_part {
public:
  message_part(std::string_view text) noexcept
      : kind_(kind::text), text_{text.data(), text.size()} {}
  message_part(const char* text) noexcept : message_part(std::string_view(text)) {}
  message_part(const std::string& text) noexcept : message_part(std::string_view(text)) {}
  message_part(std::signed_integral auto n) noexcept : kind_(kind::whole), whole_(n) {}
  message_part(std::unsigned_integral auto n) noexcept : kind_(kind::natural), natural_(n) {}
  template <class N>
    requires std::is_floating_point_v<N>
  message_part(N x) noexcept : kind_(kind::real), real_(static_cast<double>(x)) {}

  void append_to(std::string& s) const {
    if (kind_ == kind::text) {
      s.append(text_.data, text_.size);
    } else {
      char digits[32];
      s.append(digits, static_cast<std::size_t>(print(digits)));
    }
  }

private:
  enum class kind : unsigned char { text, whole, natural, real };

  /// A number; of reals six digits that count. Returns how many characters it has.
  int print(char (&to)[32]) const {
    if (kind_ == kind::whole) return std::snprintf(to, sizeof to, "%lld", whole_);
    if (kind_ == kind::natural) return std::snprintf(to, sizeof to, "%llu", natural_);
    return std::snprintf(to, sizeof to, "%g", real_);
  }

  kind kind_;
  struct piece {
    const char* data;
    std::size_t size;
  };

  union {
    piece text_;
    long long whole_;
    unsigned long long natural_;
    double real_;
  };
};

/// One string from texts and numbers: message({"A is ", 3, "x", 4}).
TILEBIT_COLD inline std::string message(std::initializer_list<message_part> parts) {
  std::string s;
  for (const message_part& part : parts) part.append_to(s);
  return s;
}

/// Throws E, or invalid_matrix, with such a message. A call is all that is compiled where something
/// may be wrong.
template <class E>
[[noreturn]] TILEBIT_COLD void throw_message(std::initializer_list<message_part> parts) {
  throw E(message(parts));
}
[[noreturn]] TILEBIT_COLD inline void throw_invalid(std::int64_t position,
                                                    std::initializer_list<message_part> parts) {
  throw invalid_matrix(message(parts), position);
}

} // namespace detail

/// A file is malformed; line() counts from 1 and file() is the name it was opened by (may be
/// empty).
class parse_error : public std::runtime_error {
public:
  TILEBIT_COLD parse_error(std::string_view file, std::int64_t line, std::string_view reason)
      : std::runtime_error(
            detail::message({file.empty() ? "input" : file, ":", line, ": ", reason})),
        file_(file), line_(line) {}

  std::int64_t line() const noexcept { return line_; }
  const std::string& file() const noexcept { return file_; }

private:
  std::string file_;
  std::int64_t line_;
};

} // namespace tilebit
