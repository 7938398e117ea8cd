// The matrix unit of AMX: included by simd.hpp in its target region. tests/emulated_tile_unit.hpp
// has the same names.
//
// Eight tiles of 16 rows of 64 bytes. Tiles 0 to 3 hold sums, 4 and 5 rows of A, 6 and 7 columns of
// B, whose words hold as many entries of a column as fit. Numbers of tiles are literals, because
// compilers want them so.

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
  /// Two tiles of A, one behind the other.
  void load_a(const void* a) noexcept {
    asm volatile("" ::: "memory"); // g++ 12 does not know that a tile is loaded from memory
    _tile_loadd(4, a, 64);
    _tile_loadd(5, static_cast<const char*>(a) + 1024, 64);
  }
  /// Two tiles of B, one beside the other, or the first one; rows are `stride` bytes apart.
  void load_b(const void* b, std::int64_t stride, bool both) noexcept {
    asm volatile("" ::: "memory");
    _tile_loadd(6, b, stride);
    if (both) _tile_loadd(7, static_cast<const char*>(b) + 64, stride);
  }
  /// Adds products with both tiles of B or with the first one.
  void multiply(const bfloat16*, bool both) noexcept {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(2, 5, 6);
    if (!both) return;
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(3, 5, 7);
  }
  void multiply(const std::int8_t*, bool both) noexcept {
    _tile_dpbssd(0, 4, 6);
    _tile_dpbssd(2, 5, 6);
    if (!both) return;
    _tile_dpbssd(1, 4, 7);
    _tile_dpbssd(3, 5, 7);
  }
  /// 32 rows of 32 sums.
  void store(void* to) noexcept {
    char* const sums = static_cast<char*>(to);
    _tile_stored(0, sums, 128);
    _tile_stored(1, sums + 64, 128);
    _tile_stored(2, sums + 16 * 128, 128);
    _tile_stored(3, sums + 16 * 128 + 64, 128);
  }

private:
  alignas(64) unsigned char before_[64];
};
