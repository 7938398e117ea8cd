// Numbers and words out of large blocks of text, with the number of the current line.
//
// The scanner keeps at least `lookahead` bytes in memory while the input has them, so that
// std::from_chars works on a token without ever crossing the end of a block. Nothing depends on the
// locale.
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

#include "../core/config.hpp"
#include "../core/error.hpp"
#include "../core/large_pages.hpp"
#include "byte_source.hpp"

namespace tilebit::detail::inline TILEBIT_IO_ABI {

class text_scanner {
public:
  static constexpr std::size_t lookahead = 2048; ///< the longest token
  static constexpr std::size_t block = std::size_t{1} << 18U;

  text_scanner(const std::string& name, byte_source& source)
      : name_(name), source_(source), buffer_(block + lookahead), at_(buffer_.get()), end_(at_) {
    refill();
  }

  std::int64_t line() const noexcept { return line_; }

  [[noreturn]] TILEBIT_COLD void fail(std::initializer_list<message_part> reason) const {
    throw parse_error(name_, line_, message(reason));
  }
  [[noreturn]] TILEBIT_COLD void fail(const char* reason) const {
    throw parse_error(name_, line_, reason);
  }

  /// Moves over spaces, tabs and carriage returns, and shows whether something follows on the line.
  bool more_on_line() {
    while (true) {
      while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\r')) ++at_;
      if (static_cast<std::size_t>(end_ - at_) >= lookahead || exhausted_) break;
      refill();
    }
    return at_ != end_ && *at_ != '\n';
  }

  /// The end of the line, or an error that shows what stands there instead.
  void end_line() {
    if (more_on_line()) fail({"unexpected \"", shown(), "\" at the end of the line"});
    step_over_newline();
  }

  /// To the first character of the next line that is neither blank nor a comment; false at the end.
  bool to_next_line_with_data(char comment) {
    while (true) {
      if (more_on_line()) {
        if (*at_ != comment) return true;
        skip_line();
      } else {
        if (at_ == end_) return false;
        step_over_newline();
      }
    }
  }

  /// Moves over blanks, line ends and commas: free-form lists of numbers. False at the end.
  bool to_next_item() {
    while (true) {
      if (more_on_line()) {
        if (*at_ != ',') return true;
        ++at_;
      } else {
        if (at_ == end_) return false;
        step_over_newline();
      }
    }
  }

  /// The text up to the next blank; empty at the end of the line.
  TILEBIT_COLD std::string word() {
    if (!more_on_line()) return {};
    const std::string_view token = peek_token();
    at_ += token.size();
    return std::string(token);
  }

  /// An integer; `what` names it in messages.
  std::int64_t integer(const char* what) {
    std::int64_t n = 0;
    parse(what, n);
    return n;
  }

  /// A number of any arithmetic type.
  template <class T>
  T number(const char* what) {
    T x{};
    parse(what, x);
    return x;
  }

private:
  static bool ends_token(char c) noexcept {
    return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == ',';
  }

  std::string_view peek_token() const noexcept {
    const char* last = at_;
    while (last != end_ && !ends_token(*last)) ++last;
    return {at_, static_cast<std::size_t>(last - at_)};
  }

  /// What stands here, fit for a message: short, printable, never empty.
  TILEBIT_COLD std::string shown() const {
    constexpr std::size_t most = 40;
    std::string text(peek_token().substr(0, most));
    if (text.empty() && at_ != end_) text = *at_;
    for (char& c : text) {
      if (c < ' ' || c > '~') c = '?';
    }
    return text;
  }

  void step_over_newline() noexcept {
    if (at_ == end_) return;
    ++at_;
    ++line_;
  }

  void skip_line() {
    while (true) {
      const void* newline = std::memchr(at_, '\n', static_cast<std::size_t>(end_ - at_));
      if (newline != nullptr) {
        at_ = static_cast<const char*>(newline);
        return step_over_newline();
      }
      at_ = end_;
      refill();
      if (at_ == end_) return;
    }
  }

  TILEBIT_NOINLINE void refill() {
    if (exhausted_) return;
    const auto kept = static_cast<std::size_t>(end_ - at_);
    std::memmove(buffer_.get(), at_, kept);
    at_ = buffer_.get();
    end_ = at_ + kept;
    while (static_cast<std::size_t>(end_ - at_) < lookahead && !exhausted_) {
      try {
        const std::size_t got = source_.read(buffer_.get() + (end_ - at_), block);
        end_ += got;
        exhausted_ = got == 0;
      } catch (const source_failure& failure) {
        fail({failure.reason});
      }
    }
  }

  [[noreturn]] TILEBIT_COLD void fail_to_read(const char* what) const {
    fail({"\"", shown(), "\" is not ", what});
  }
  [[noreturn]] TILEBIT_COLD void fail_to_fit(const char* what, std::size_t bits) const {
    fail({what, " ", shown(), " does not fit ", bits, " bits"});
  }

  template <class N>
  void parse(const char* what, N& out) {
    if (!more_on_line()) {
      fail({at_ == end_ ? "the input ends" : "the line ends", " where ", what, " is expected"});
    }
    const char* first = at_;
    if (*first == '+' && first + 1 != end_ && first[1] != '-' && first[1] != '+') ++first;
    std::from_chars_result r{};
    if constexpr (std::is_floating_point_v<N>) {
      r = std::from_chars(first, end_, out, std::chars_format::general);
      if (r.ec != std::errc::invalid_argument && r.ptr != end_ &&
          (*r.ptr == 'd' || *r.ptr == 'D')) {
        return parse_fortran(what, first, out);
      }
      if (r.ec == std::errc::result_out_of_range && underflows({first, r.ptr})) {
        out = N{};
        r.ec = std::errc{};
      }
    } else {
      r = std::from_chars(first, end_, out);
    }
    if (r.ptr - at_ >= static_cast<std::ptrdiff_t>(lookahead)) {
      fail({what, " has more than ", lookahead, " characters"});
    }
    if (r.ec == std::errc::result_out_of_range) fail_to_fit(what, 8 * sizeof(N));
    if (r.ec != std::errc{} || (r.ptr != end_ && !ends_token(*r.ptr))) fail_to_read(what);
    at_ = r.ptr;
  }

  /// Fortran writes double precision as 1.5D+03.
  template <class N>
  TILEBIT_COLD void parse_fortran(const char* what, const char* first, N& out) {
    const char* last = first;
    while (last != end_ && !ends_token(*last)) ++last;
    std::string token(first, last);
    for (char& c : token) {
      if (c == 'd' || c == 'D') c = 'e';
    }
    const char* const end = token.data() + token.size();
    const auto r = std::from_chars(token.data(), end, out);
    if (r.ec == std::errc::invalid_argument || r.ptr != end) fail_to_read(what);
    if (r.ec == std::errc::result_out_of_range) {
      if (!underflows(token)) fail_to_fit(what, 8 * sizeof(N));
      out = N{};
    }
    at_ = last;
  }

  /// Is a number that is out of range too small, not too large? Such numbers round to zero and are
  /// no error.
  TILEBIT_COLD static bool underflows(std::string_view token) noexcept {
    const std::size_t e = token.find_first_of("eE");
    const std::string_view digits = token.substr(0, e);
    std::int32_t exponent = 0;
    if (e != std::string_view::npos) {
      const std::size_t first = e + 1 + (token.substr(e + 1, 1) == "+" ? 1 : 0);
      const auto r = std::from_chars(token.data() + first, token.data() + token.size(), exponent);
      if (r.ec == std::errc::result_out_of_range) return token[first] == '-';
    }
    const std::size_t point = std::min(digits.find('.'), digits.size());
    const std::size_t first = digits.find_first_of("123456789"); // there is one
    return static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first) + exponent < 0;
  }

  const std::string& name_;
  byte_source& source_;
  scratch_array<char> buffer_;
  const char* at_;
  const char* end_;
  std::int64_t line_ = 1;
  bool exhausted_ = false;
};

} // namespace tilebit::detail::inline TILEBIT_IO_ABI
