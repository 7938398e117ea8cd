// Where readers take bytes from: a file, a stream, and gzip data in either of them.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <istream>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "../core/config.hpp"
#include "../core/error.hpp"

#if TILEBIT_HAS_ZLIB
#include <zlib.h>
#endif

namespace tilebit::detail::inline TILEBIT_IO_ABI {

/// Thrown by sources, which know neither lines nor names; becomes a parse_error at the line
/// reached.
struct source_failure {
  std::string reason;
};

/// A sequence of bytes, read once from front to back.
class byte_source {
public:
  byte_source() = default;
  byte_source(const byte_source&) = delete;
  byte_source& operator=(const byte_source&) = delete;
  virtual ~byte_source() = default;

  /// Up to n bytes into `to`; 0 at the end only. Throws source_failure when they cannot be had.
  virtual std::size_t read(char* to, std::size_t n) = 0;
  /// Bytes in all, or 0 when that is not known.
  virtual std::int64_t size_hint() const noexcept { return 0; }
};

class file_source final : public byte_source {
public:
  explicit file_source(const std::string& path) : file_(std::fopen(path.c_str(), "rb")) {
    if (!file_) throw parse_error(path, 0, message({"cannot be opened: ", std::strerror(errno)}));
    std::setvbuf(file_.get(), nullptr, _IONBF, 0); // blocks are large already
    if (std::fseek(file_.get(), 0, SEEK_END) == 0) {
      size_ = std::ftell(file_.get());
      std::rewind(file_.get());
    }
  }

  std::size_t read(char* to, std::size_t n) override {
    const std::size_t got = std::fread(to, 1, n, file_.get());
    if (got < n && std::ferror(file_.get()) != 0) {
      throw source_failure{message({"cannot be read: ", std::strerror(errno)})};
    }
    return got;
  }
  std::int64_t size_hint() const noexcept override { return size_ > 0 ? size_ : 0; }

private:
  struct close {
    void operator()(std::FILE* f) const noexcept { static_cast<void>(std::fclose(f)); }
  };
  std::unique_ptr<std::FILE, close> file_;
  std::int64_t size_ = 0;
};

class stream_source final : public byte_source {
public:
  explicit stream_source(std::istream& in) : in_(in) {}

  std::size_t read(char* to, std::size_t n) override {
    if (!in_.good()) {
      if (in_.eof()) return 0;
      throw source_failure{"the stream cannot be read"};
    }
    in_.read(to, static_cast<std::streamsize>(n));
    if (in_.bad()) throw source_failure{"the stream cannot be read"};
    return static_cast<std::size_t>(in_.gcount());
  }

private:
  std::istream& in_;
};

/// First bytes of a source that were looked at already, and then the rest of it.
class resumed_source final : public byte_source {
public:
  resumed_source(std::string head, byte_source& rest) : head_(std::move(head)), rest_(rest) {}

  std::size_t read(char* to, std::size_t n) override {
    if (used_ == head_.size()) return rest_.read(to, n);
    const std::size_t count = std::min(n, head_.size() - used_);
    std::memcpy(to, head_.data() + used_, count);
    used_ += count;
    return count;
  }
  std::int64_t size_hint() const noexcept override { return rest_.size_hint(); }

private:
  std::string head_;
  std::size_t used_ = 0;
  byte_source& rest_;
};

#if TILEBIT_HAS_ZLIB
/// The text inside gzip data (RFC 1952); several members follow each other as one text.
class gzip_source final : public byte_source {
public:
  explicit gzip_source(byte_source& packed) : packed_(packed), input_(block) {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, gzip_only) != Z_OK) throw std::bad_alloc();
  }
  ~gzip_source() override { inflateEnd(&stream_); }

  std::size_t read(char* to, std::size_t n) override {
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    const std::size_t want = std::min<std::size_t>(n, 1U << 30U);
    stream_.avail_out = static_cast<uInt>(want);
    while (stream_.avail_out == want) {
      if (stream_.avail_in == 0 && !refill()) {
        if (inside_) throw source_failure{"the gzip data is cut off"};
        return 0;
      }
      if (!inside_) {
        inflateReset(&stream_);
        inside_ = true;
      }
      switch (inflate(&stream_, Z_NO_FLUSH)) {
      case Z_OK:
      case Z_BUF_ERROR:
        break;
      case Z_STREAM_END:
        inside_ = false;
        break;
      case Z_MEM_ERROR:
        throw std::bad_alloc();
      default:
        throw source_failure{"the gzip data is damaged"};
      }
    }
    return want - stream_.avail_out;
  }
  std::int64_t size_hint() const noexcept override {
    return 4 * packed_.size_hint(); // matrix text packs about that well; a guess for reserve()
  }

private:
  static constexpr std::size_t block = std::size_t{1} << 16U;

  bool refill() {
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(packed_.read(input_.data(), input_.size()));
    return stream_.avail_in > 0;
  }

  byte_source& packed_;
  std::vector<char> input_;
  z_stream stream_{};
  bool inside_ = true;
};
#endif

/// The first bytes of a source, two if it has so many.
TILEBIT_COLD inline std::string two_bytes_of(const std::string& name, byte_source& source) {
  std::string head(2, '\0');
  std::size_t got = 0;
  try {
    for (std::size_t n = 1; n != 0 && got < 2; got += n) n = source.read(&head[got], 2 - got);
  } catch (const source_failure& failure) {
    throw parse_error(name, 0, failure.reason);
  }
  head.resize(got);
  return head;
}

/// Calls read(text) with the source's text, unpacked when it is gzip data, which its first two
/// bytes tell.
template <class F>
auto with_text(const std::string& name, byte_source& source, F&& read) {
  std::string head = two_bytes_of(name, source);
  const bool gzip = head == "\x1f\x8b";
  resumed_source all(std::move(head), source);
  if (!gzip) return read(static_cast<byte_source&>(all));
#if TILEBIT_HAS_ZLIB
  gzip_source text(all);
  return read(static_cast<byte_source&>(text));
#else
  throw parse_error(name, 1,
                    "is gzip data; build with TILEBIT_USE_ZLIB (CMake target tilebit::zlib)");
#endif
}

/// The same for the file at a path or for a stream.
template <class F>
auto with_text_of(const std::string& path, F&& read) {
  file_source file(path);
  return with_text(path, file, std::forward<F>(read));
}
template <class F>
auto with_text_of(std::istream& in, F&& read) {
  stream_source stream(in);
  return with_text(std::string(), stream, std::forward<F>(read));
}

} // namespace tilebit::detail::inline TILEBIT_IO_ABI
