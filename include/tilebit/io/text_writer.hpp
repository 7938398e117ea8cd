// Text to a file, a stream, or a gzip file, through one large buffer; numbers by std::to_chars,
// which writes the shortest digits that read back to the same value.
#pragma once

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "../core/config.hpp"
#include "../core/error.hpp"

#if TILEBIT_HAS_ZLIB
#include <zlib.h>
#endif

namespace tilebit::detail::inline TILEBIT_IO_ABI {

class byte_sink {
public:
  byte_sink() = default;
  byte_sink(const byte_sink&) = delete;
  byte_sink& operator=(const byte_sink&) = delete;
  virtual ~byte_sink() = default;
  virtual bool write(std::string_view text) = 0; ///< false when it failed
  virtual bool finish() = 0;
};

class file_sink final : public byte_sink {
public:
  explicit file_sink(const std::string& path) : file_(std::fopen(path.c_str(), "wb")) {}
  ~file_sink() override { static_cast<void>(finish()); }

  bool write(std::string_view text) override {
    return file_ != nullptr && std::fwrite(text.data(), 1, text.size(), file_) == text.size();
  }
  bool finish() override {
    const bool done = file_ != nullptr && std::fclose(file_) == 0;
    file_ = nullptr;
    return done;
  }

private:
  std::FILE* file_;
};

class stream_sink final : public byte_sink {
public:
  explicit stream_sink(std::ostream& out) : out_(out) {}
  bool write(std::string_view text) override {
    out_.write(text.data(), static_cast<std::streamsize>(text.size()));
    return out_.good();
  }
  bool finish() override {
    out_.flush();
    return out_.good();
  }

private:
  std::ostream& out_;
};

#if TILEBIT_HAS_ZLIB
class gzip_sink final : public byte_sink {
public:
  explicit gzip_sink(const std::string& path) : file_(gzopen(path.c_str(), "wb6")) {}
  ~gzip_sink() override { static_cast<void>(finish()); }

  bool write(std::string_view text) override {
    return file_ != nullptr &&
           (text.empty() || gzwrite(file_, text.data(), static_cast<unsigned>(text.size())) > 0);
  }
  bool finish() override {
    const bool done = file_ != nullptr && gzclose(file_) == Z_OK;
    file_ = nullptr;
    return done;
  }

private:
  gzFile file_;
};
#endif

/// The sink for a path; names that end in .gz are packed.
/// Throws: std::invalid_argument for such a name when the program was built without zlib.
inline std::unique_ptr<byte_sink> open_sink(const std::string& path) {
  if (std::string_view(path).ends_with(".gz")) {
#if TILEBIT_HAS_ZLIB
    return std::make_unique<gzip_sink>(path);
#else
    throw std::invalid_argument(
        path + ": to write .gz, build with TILEBIT_USE_ZLIB (CMake target tilebit::zlib)");
#endif
  }
  return std::make_unique<file_sink>(path);
}

/// Collects text; throws std::runtime_error when it cannot be written.
class text_writer {
public:
  text_writer(std::string name, byte_sink& sink) : name_(std::move(name)), sink_(sink) {
    text_.reserve(block + longest_number);
  }

  text_writer& operator<<(std::string_view text) {
    text_ += text;
    if (text_.size() > block) flush();
    return *this;
  }
  text_writer& operator<<(char c) { return *this << std::string_view(&c, 1); }

  template <class N>
    requires std::is_arithmetic_v<N>
  text_writer& operator<<(N number) {
    std::array<char, longest_number> digits;
    const auto r = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    return *this << std::string_view(digits.data(),
                                     static_cast<std::size_t>(r.ptr - digits.data()));
  }

  void finish() {
    flush();
    if (!sink_.finish()) fail();
  }

private:
  static constexpr std::size_t block = std::size_t{1} << 18U;
  static constexpr std::size_t longest_number = 64;

  void flush() {
    if (!sink_.write(text_)) fail();
    text_.clear();
  }
  [[noreturn]] void fail() const {
    throw_message<std::runtime_error>({name_, ": cannot be written: ", std::strerror(errno)});
  }

  std::string name_;
  byte_sink& sink_;
  std::string text_;
};

/// write(out) with a writer for the file at a path or for a stream.
template <class F>
void with_writer_to(const std::string& path, F&& write) {
  const auto sink = open_sink(path);
  text_writer out(path, *sink);
  write(out);
  out.finish();
}
template <class F>
void with_writer_to(std::ostream& stream, F&& write) {
  stream_sink sink(stream);
  text_writer out("output", sink);
  write(out);
  out.finish();
}

} // namespace tilebit::detail::inline TILEBIT_IO_ABI
