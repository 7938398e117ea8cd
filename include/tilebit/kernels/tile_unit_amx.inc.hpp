// The matrix unit of AMX: included by simd.hpp in its target region. tests/emulated_tile_unit.hpp
// has the same names.
//
// Eight tiles of 16 rows of 64 bytes. Tiles 0 to 3 hold sums, of 32 rows and columns or of 64 rows
// and 16 columns, 4 and 5 rows of A, 6 and 7 columns of B, whose words hold as many entries of a
// column as fit. Numbers of tiles are literals, because compilers want them so.

/// Adds products of tiles of T to a tile of sums.
#define TILEBIT_TILE_DOT(sums, a, b)                                                               \
  do {                                                                                             \
    if constexpr (sizeof(T) == 2) {                                                                \
      _tile_dpbf16ps(sums, a, b);                                                                  \
    } else {                                                                                       \
      _tile_dpbssd(sums, a, b);                                                                    \
    }                                                                                              \
  } while (false)

class tile_unit {
public:
  /// Configures the tiles of the calling thread; what it had configured comes back at the end. What
  /// its tiles held is lost, as in any call of a function.
  tile_unit() noexcept {
    _tile_storeconfig(before_);
    alignas(64) unsigned char wanted[64] = {1}; // palette 1
    for (int t = 0; t < 8; ++t) {
      wanted[16 + 2 * t] = 64; // bytes of a row
      wanted[48 + t] = 16;     // rows
    }
    // g++ 12 knows of the first 8 of 64 bytes that are read and written.
    asm volatile("" ::"r"(wanted), "r"(before_) : "memory");
    _tile_loadconfig(wanted);
  }
  tile_unit(const tile_unit&) = delete;
  tile_unit& operator=(const tile_unit&) = delete;
  ~tile_unit() {
    _tile_release();
    if (before_[0] != 0) _tile_loadconfig(before_);
  }

  void clear() noexcept {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  /// Takes sums up again that store() has stored.
  void load(const void* from) noexcept {
    asm volatile("" ::: "memory"); // g++ 12 does not know that a tile is loaded from memory
    const char* const sums = static_cast<const char*>(from);
    _tile_loadd(0, sums, 128);
    _tile_loadd(1, sums + 64, 128);
    _tile_loadd(2, sums + 16 * 128, 128);
    _tile_loadd(3, sums + 16 * 128 + 64, 128);
  }
  /// Adds products of two tiles of A, one behind the other, and two tiles of B, one beside the
  /// other, or the first one; rows of B are `stride` bytes apart. What is loaded last is needed
  /// last.
  template <class T>
  void multiply(const void* a, const void* b, std::int64_t stride, bool both) noexcept {
    asm volatile("" ::: "memory");
    _tile_loadd(6, b, stride);
    _tile_loadd(4, a, 64);
    TILEBIT_TILE_DOT(0, 4, 6);
    _tile_loadd(5, static_cast<const char*>(a) + 1024, 64);
    TILEBIT_TILE_DOT(2, 5, 6);
    if (!both) return;
    _tile_loadd(7, static_cast<const char*>(b) + 64, stride);
    TILEBIT_TILE_DOT(1, 4, 7);
    TILEBIT_TILE_DOT(3, 5, 7);
  }
  /// Four tiles of A, one behind the other, and one of B.
  template <class T>
  void multiply_tall(const void* a, const void* b) noexcept {
    asm volatile("" ::: "memory");
    const char* const rows = static_cast<const char*>(a);
    _tile_loadd(6, b, 64);
    _tile_loadd(4, rows, 64);
    TILEBIT_TILE_DOT(0, 4, 6);
    _tile_loadd(5, rows + 1024, 64);
    TILEBIT_TILE_DOT(1, 5, 6);
    _tile_loadd(4, rows + 2048, 64);
    TILEBIT_TILE_DOT(2, 4, 6);
    _tile_loadd(5, rows + 3072, 64);
    TILEBIT_TILE_DOT(3, 5, 6);
  }
  /// 32 rows of 32 sums.
  void store(void* to) noexcept {
    char* const sums = static_cast<char*>(to);
    _tile_stored(0, sums, 128);
    _tile_stored(1, sums + 64, 128);
    _tile_stored(2, sums + 16 * 128, 128);
    _tile_stored(3, sums + 16 * 128 + 64, 128);
  }
  /// 64 rows of 16 sums, 32 apart.
  void store_tall(void* to) noexcept {
    char* const sums = static_cast<char*>(to);
    _tile_stored(0, sums, 128);
    _tile_stored(1, sums + 16 * 128, 128);
    _tile_stored(2, sums + 32 * 128, 128);
    _tile_stored(3, sums + 48 * 128, 128);
  }

private:
  alignas(64) unsigned char before_[64];
};

#undef TILEBIT_TILE_DOT
