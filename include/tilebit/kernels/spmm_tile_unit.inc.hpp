// Products of tile rows with a matrix unit: included by simd.hpp behind tile_unit and block_writer,
// and by the tests behind an emulation of the unit.
//
// Eight tile rows are expanded into dense blocks of 32 rows and 64 bytes, as the unit reads them,
// and multiplied by all panels of B. A block is expanded one step before it is multiplied, because
// its stores have to reach the cache first.

/// Tile rows [first, first + 8), as far as they are below `end`, times a panel of 16 or 32 columns:
/// rows of b are words of a column each, ldb of them, padded with zeros to whole blocks and
/// columns. Where `fresh`, the tile rows are expanded into `blocks` first; otherwise they stand
/// there already. sums: 32 rows of 32.
template <class View, class T = typename View::scalar_type>
void multiply_by_tile_unit(const View& a, std::int64_t first, std::int64_t end, const void* b,
                           std::int64_t ldb, bool fresh, unsigned char* blocks,
                           accumulator_t<T>* sums) noexcept {
  constexpr std::int64_t block = 2048; // bytes
  const std::int64_t count = blocks_along<T>(a.cols());
  block_writer<T, View> rows[8];
  if (fresh) {
    for (std::int64_t k = 0; k < 8 && first + k < end; ++k) {
      rows[k] = block_writer<T, View>(a, first + k);
    }
  }
  tile_unit unit;
  unit.clear();
  const bool both = ldb > 16;
  const auto* const words = static_cast<const unsigned char*>(b);
  for (std::int64_t k = fresh ? -1 : 0; k < count; ++k) {
    if (fresh && k + 1 < count) {
      unsigned char* const to = blocks + (k + 1) * block;
      for (std::int64_t r = 0; r < 8; ++r) rows[r].write(k + 1, to + 256 * r);
    }
    if (k < 0) continue;
    unit.load_a(blocks + k * block);
    unit.load_b(words + k * 64 * ldb, 4 * ldb, both);
    unit.multiply(static_cast<const T*>(nullptr), both);
  }
  unit.store(sums);
}
