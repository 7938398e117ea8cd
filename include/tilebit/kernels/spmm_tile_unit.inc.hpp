// Products with a matrix unit: included by simd.hpp behind tile_unit and what makes rows dense, and
// by the tests behind an emulation of the unit.
//
// Rows of A are expanded into dense blocks of 64 bytes a row, as the unit reads them, a few blocks
// at a time, which all panels of B are multiplied by before the next ones: they stay in the
// first-level cache, from which alone the unit is fed as fast as it multiplies. The next ones are
// expanded meanwhile, eight rows after some multiplications, into memory of their own: the unit
// reads nothing that has just been stored, and neither waits for the other. (Granite Rapids, one
// core, a block of 32 rows: expanding takes 27 ns, four multiplications 21 from the first level;
// 16 columns of bytes 47 to 57 ns, where it took 64 to 72 to expand a block one step ahead.)

/// Rows of A from tile row or band `first` on, as far as they are before `end`, at most 64.
template <class T, class View>
class rows_of_blocks {
public:
  rows_of_blocks(const View& a, std::int64_t first, std::int64_t end) noexcept
      : elements_(a.elements().data()), units_(std::min<std::int64_t>(16, end - first)) {
    for (std::int64_t k = 0; k < units_; ++k) rows_[k] = block_writer<T, View>(a, first + k);
  }
  void save(std::int64_t (*places)[2]) const noexcept {
    for (std::int64_t k = 0; k < units_; ++k) rows_[k].save(elements_, places[k]);
  }
  void resume(const std::int64_t (*places)[2]) noexcept {
    for (std::int64_t k = 0; k < units_; ++k) rows_[k].resume(elements_, places[k]);
  }
  /// The eight rows from row 8 * part on of a block, 512 bytes; of each part its blocks in turn.
  void write(std::int64_t block, std::int64_t part, unsigned char* to) noexcept {
    rows_[2 * part].write(block, to);
    rows_[2 * part + 1].write(block, to + 256);
  }

private:
  const T* elements_;
  std::int64_t units_;
  block_writer<T, View> rows_[16];
};

template <class T>
class rows_of_blocks<T, masked_view<const T>> {
public:
  using view = masked_view<const T>;

  rows_of_blocks(const view& a, std::int64_t first, std::int64_t end) noexcept
      : elements_(a.elements().data()), bands_(std::min<std::int64_t>(4, end - first)) {
    for (std::int64_t k = 0; k < bands_; ++k) {
      bits_[k] = a.bitmaps().data() + (first + k) * a.pieces() * view::height;
      e_[k] = a.elements().data() + a.element_offsets()[at(first + k)];
    }
  }
  void save(std::int64_t (*places)[2]) const noexcept {
    for (std::int64_t k = 0; k < bands_; ++k) places[k][0] = e_[k] - elements_;
  }
  void resume(const std::int64_t (*places)[2]) noexcept {
    for (std::int64_t k = 0; k < bands_; ++k) e_[k] = elements_ + places[k][0];
  }
  /// Parts in turn within their blocks, too: two of them are a band.
  void write(std::int64_t block, std::int64_t part, unsigned char* to) noexcept {
    const std::int64_t band = part / 2;
    if (band >= bands_) {
      std::memset(to, 0, 512);
      return;
    }
    const auto* const bits = bits_[band] + view::height * block + part % 2 * 8;
    const T* e = e_[band];
    fetch_soon(bits);
    TILEBIT_UNROLL
    for (int r = 0; r < 8; ++r) {
      if (r % 2 == 0) fetch_soon(e); // two rows that are half full have a line
      _mm512_store_si512(to + 64 * r, expand_piece(bits[r], e));
      e += std::popcount(bits[r]);
    }
    e_[band] = e;
  }

private:
  /// Nearer than prefetch_elements: what lies ready longer in the first-level cache drives out
  /// blocks (4,096 bytes ahead: 64 ns a block of bytes and 16 columns, 512 bytes: 55).
  static TILEBIT_ALWAYS_INLINE void fetch_soon(const void* from) noexcept {
    _mm_prefetch(static_cast<const char*>(from) + 512, _MM_HINT_T0);
  }

  const T* elements_;
  std::int64_t bands_;
  const typename view::bitmap_type* bits_[4];
  const T* e_[4];
};

/// `rows` rows, from tile row or band `first` on, as far as they are before `end`, times panels of
/// 16 or 32 columns, whose rows are words of a column each, padded with zeros to whole blocks and
/// columns; of these rows and panels a slice, added to the sums of those before it. rows: 32, or 64
/// where there is a single panel of 16 columns and a single slice: B is then read half as often.
/// blocks: memory for bytes_of_blocks. sums: `rows` rows of 32 for each panel.
template <class View, class T = typename View::scalar_type>
void multiply_by_tile_unit(const View& a, std::int64_t first, std::int64_t end, std::int64_t rows,
                           const block_slice& slice, std::span<const block_panel> panels,
                           unsigned char* blocks, accumulator_t<T>* sums) noexcept {
  const std::int64_t block = 64 * rows; // bytes
  if (slice.last == 0) {
    std::fill_n(sums, 32 * rows * detail::length(panels), accumulator_t<T>{});
    return;
  }
  rows_of_blocks<T, View> from(a, first, end);
  auto* const places = reinterpret_cast<std::int64_t(*)[2]>(slice.places);
  if (slice.first > 0) from.resume(places);
  std::int64_t written = slice.first; // blocks
  std::int64_t part = 0;              // eights of rows of the block behind
  const auto write_part = [&](unsigned char* to) {
    from.write(written, part, to);
    part += 1;
    if (8 * part == rows) {
      part = 0;
      written += 1;
    }
  };
  const bool tall = rows > 32;
  const bool alone = panels.size() == 1;
  const std::int64_t most = blocks_at_a_time(panels.size());
  unsigned char* ready = blocks;
  unsigned char* next = blocks + most * block;
  const std::int64_t at_first = std::min(most, slice.last - slice.first) * block;
  for (std::int64_t byte = 0; byte < at_first; byte += 512) write_part(ready + byte);
  tile_unit unit;
  for (std::int64_t begin = slice.first; begin < slice.last; begin += most) {
    const std::int64_t there = std::min(most, slice.last - begin);
    const std::int64_t parts = std::min(most, slice.last - written) * (rows / 8); // to be written
    const std::int64_t steps = there * detail::length(panels);
    std::int64_t due = 0;
    unsigned char* to = next;
    for (std::size_t p = 0; p < panels.size(); ++p) {
      accumulator_t<T>* const of_panel = sums + 1024 * p;
      if (begin == 0) {
        unit.clear();
      } else if (!alone || begin == slice.first) {
        unit.load(of_panel);
      }
      const std::int64_t ld = panels[p].ld;
      const auto* words = static_cast<const unsigned char*>(panels[p].data) + begin * 64 * ld;
      for (std::int64_t k = 0; k < there; ++k, words += 64 * ld) {
        if (tall) {
          unit.template multiply_tall<T>(ready + k * block, words);
        } else {
          unit.template multiply<T>(ready + k * block, words, 4 * ld, ld > 16);
        }
        for (due += parts; due >= steps; due -= steps, to += 512) write_part(to);
      }
      if (!alone) unit.store(of_panel);
    }
    std::swap(ready, next);
  }
  if (tall) {
    unit.store_tall(sums);
  } else if (alone) {
    unit.store(sums);
  }
  if (slice.places != nullptr) from.save(places);
}
