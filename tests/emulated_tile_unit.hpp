// The matrix unit of kernels/tile_unit_amx.inc.hpp in plain C++, so that the kernel that drives it
// is tested on machines without one. Included inside a namespace, before the kernel.

class tile_unit {
public:
  void clear() noexcept { std::memset(sums_, 0, sizeof sums_); }
  void load(const void* from) noexcept { std::memcpy(sums_, from, sizeof sums_); }
  template <class T>
  void multiply(const void* a, const void* b, std::int64_t stride, bool both) noexcept {
    std::memcpy(a_, a, sizeof a_);
    width_ = both ? 32 : 16;
    for (int row = 0; row < 16; ++row) {
      std::memcpy(b_ + 128 * row, static_cast<const char*>(b) + row * stride,
                  static_cast<std::size_t>(4 * width_));
    }
    if constexpr (sizeof(T) == 2) {
      for_each_word([](float sum, const unsigned char* of_a, const unsigned char* of_b) {
        float x[2];
        float y[2];
        widen(of_a, x);
        widen(of_b, y);
        return sum + x[0] * y[0] + x[1] * y[1];
      });
    } else {
      for_each_word([](std::int32_t sum, const unsigned char* of_a, const unsigned char* of_b) {
        for (int k = 0; k < 4; ++k) {
          sum += static_cast<std::int8_t>(of_a[k]) * static_cast<std::int8_t>(of_b[k]);
        }
        return sum;
      });
    }
  }
  /// The upper 32 rows are summed beside the lower ones.
  template <class T>
  void multiply_tall(const void* a, const void* b) noexcept {
    const auto beside = [&] {
      for (int row = 0; row < 32; ++row) {
        unsigned char* const sums = sums_ + 128 * row;
        std::swap_ranges(sums, sums + 64, sums + 64);
      }
    };
    multiply<T>(a, b, 64, false);
    beside();
    multiply<T>(static_cast<const char*>(a) + 2048, b, 64, false);
    beside();
  }
  void store(void* to) noexcept { std::memcpy(to, sums_, sizeof sums_); }
  void store_tall(void* to) noexcept {
    for (int row = 0; row < 64; ++row) {
      std::memcpy(static_cast<char*>(to) + 128 * row, sums_ + row % 32 * 128 + row / 32 * 64, 64);
    }
  }

private:
  /// f(sum, word of A, word of B) for all products of 32 rows and 32 columns.
  template <class F>
  void for_each_word(F&& f) noexcept {
    for (int i = 0; i < 32; ++i) {
      for (int j = 0; j < width_; ++j) {
        auto sum = f({}, a_, b_); // for its type
        std::memcpy(&sum, sums_ + 4 * (32 * i + j), 4);
        for (int k = 0; k < 16; ++k) sum = f(sum, a_ + 64 * i + 4 * k, b_ + 128 * k + 4 * j);
        std::memcpy(sums_ + 4 * (32 * i + j), &sum, 4);
      }
    }
  }

  /// A pair of bfloat16 as float, which are their upper halves: tests without optimization spend
  /// their time here.
  static void widen(const unsigned char* pair, float* to) noexcept {
    std::uint32_t bits[2];
    std::memcpy(bits, pair, 4);
    bits[1] = bits[0] & 0xffff0000U;
    bits[0] <<= 16;
    std::memcpy(to, bits, 8);
  }

  int width_ = 32;        ///< columns of B
  unsigned char a_[2048]; ///< 32 rows of 64 bytes
  unsigned char b_[2048]; ///< 16 rows of 128
  unsigned char sums_[4096];
};
