// Exception types; every message carries the sizes and positions that explain it.
#pragma once

#include <concepts>
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

/// A piece of a message: a text or a number.
class message_part {
public:
  message_part(std::string_view text) noexcept : text_(text) {}
  message_part(const char* text) noexcept : text_(text) {}
  message_part(const std::string& text) noexcept : text_(text) {}
  message_part(std::signed_integral auto n) noexcept : kind_(kind::whole), whole_(n) {}
  message_part(std::unsigned_integral auto n) noexcept : kind_(kind::natural), natural_(n) {}
  template <class N>
    requires std::is_floating_point_v<N>
  message_part(N x) noexcept : kind_(kind::real), real_(static_cast<double>(x)) {}

  void append_to(std::string& s) const {
    switch (kind_) {
    case kind::text:
      s += text_;
      break;
    case kind::whole:
      s += std::to_string(whole_);
      break;
    case kind::natural:
      s += std::to_string(natural_);
      break;
    case kind::real:
      append_real_to(s);
      break;
    }
  }

private:
  enum class kind { text, whole, natural, real };

  /// Six digits that count.
  void append_real_to(std::string& s) const {
    char digits[32];
    const int length = std::snprintf(digits, sizeof digits, "%g", real_);
    s.append(digits, static_cast<std::size_t>(length));
  }

  kind kind_ = kind::text;
  std::string_view text_;
  std::int64_t whole_ = 0;
  std::uint64_t natural_ = 0;
  double real_ = 0;
};

TILEBIT_COLD inline std::string joined(std::initializer_list<message_part> parts) {
  std::string s;
  for (const message_part& part : parts) part.append_to(s);
  return s;
}

/// One string from texts and numbers: message("A is ", 3, "x", 4). Nothing but a list is
/// compiled for each combination of types.
template <class... Parts>
std::string message(const Parts&... parts) {
  return joined({message_part(parts)...});
}

} // namespace detail

/// A file is malformed; line() counts from 1 and file() is the name it was opened by (may be
/// empty).
class parse_error : public std::runtime_error {
public:
  TILEBIT_COLD parse_error(std::string_view file, std::int64_t line, std::string_view reason)
      : std::runtime_error(detail::message(file.empty() ? "input" : file, ":", line, ": ", reason)),
        file_(file), line_(line) {}

  std::int64_t line() const noexcept { return line_; }
  const std::string& file() const noexcept { return file_; }

private:
  std::string file_;
  std::int64_t line_;
};

} // namespace tilebit
