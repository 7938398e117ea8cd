// Exception types; every message carries the sizes and positions that explain it.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

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

/// A file is malformed; line() counts from 1 and file() is the name it was opened by (may be
/// empty).
class parse_error : public std::runtime_error {
public:
  parse_error(std::string_view file, std::int64_t line, std::string_view reason)
      : std::runtime_error(text(file, line, reason)), file_(file), line_(line) {}

  std::int64_t line() const noexcept { return line_; }
  const std::string& file() const noexcept { return file_; }

private:
  static std::string text(std::string_view file, std::int64_t line, std::string_view reason) {
    std::string s(file.empty() ? std::string_view("input") : file);
    s += ':';
    s += std::to_string(line);
    s += ": ";
    s += reason;
    return s;
  }

  std::string file_;
  std::int64_t line_;
};

namespace detail {

inline void append(std::string& s, std::string_view part) {
  s += part;
}

template <class N>
  requires std::is_arithmetic_v<N>
void append(std::string& s, N number) {
  s += std::to_string(number);
}

/// One string from texts and numbers: message("A is ", 3, "x", 4).
template <class... Parts>
std::string message(const Parts&... parts) {
  std::string s;
  (append(s, parts), ...);
  return s;
}

} // namespace detail
} // namespace tilebit
