// Products with a matrix unit: included by simd.hpp behind tile_unit and what makes rows dense, and
// by the tests behind an emulation of the unit.
//
// Rows of A are expanded into dense blocks of 32 rows and 64 bytes, as the unit reads them, a few
// at a time, and multiplied by all panels of B before the next ones: the blocks stay in the
// first-level cache, from which alone the unit is fed as fast as it multiplies (Emerald Rapids:
// four multiplications take 27 ns, their four loads 14 from there and 35 from the second level). A
// block is expanded one step before it is multiplied, because its stores have to reach the cache
// first.

/// 32 rows of A from tile row or band `first` on, as far as they are before `end`.
template <class T, class View>
class rows_of_blocks {
public:
  rows_of_blocks(const View& a, std::int64_t first, std::int64_t end) noexcept {
    for (std::int64_t k = 0; k < 8 && first + k < end; ++k) {
      rows_[k] = block_writer<T, View>(a, first + k);
    }
  }
  /// The next block of columns, 2 KB.
  void write(std::int64_t block, unsigned char* to) noexcept {
    for (std::int64_t r = 0; r < 8; ++r) rows_[r].write(block, to + 256 * r);
  }

private:
  block_writer<T, View> rows_[8];
};

template <class T>
class rows_of_blocks<T, masked_view<const T>> {
public:
  using view = masked_view<const T>;

  rows_of_blocks(const view& a, std::int64_t first, std::int64_t end) noexcept
      : bands_(std::min<std::int64_t>(2, end - first)) {
    for (std::int64_t k = 0; k < bands_; ++k) {
      bits_[k] = a.bitmaps().data() + (first + k) * a.pieces() * view::height;
      e_[k] = a.elements().data() + a.element_offsets()[at(first + k)];
    }
  }
  void write(std::int64_t, unsigned char* to) noexcept {
    for (std::int64_t k = 0; k < 2; ++k) {
      if (k >= bands_) {
        std::memset(to + 1024 * k, 0, 1024);
        continue;
      }
      const T* e = e_[k];
      prefetch_sixteen(bits_[k]);
      TILEBIT_UNROLL
      for (int r = 0; r < view::height; ++r) {
        const auto bits = *bits_[k]++;
        prefetch_elements(e);
        _mm512_store_si512(to + 1024 * k + 64 * r, expand_piece(moved_masks::of(bits), e));
        e += std::popcount(bits);
      }
      e_[k] = e;
    }
  }

private:
  const typename view::bitmap_type* bits_[2];
  const T* e_[2];
  std::int64_t bands_;
};

/// 32 rows, from tile row or band `first` on, as far as they are before `end`, times panels of 16
/// or 32 columns, whose rows are words of a column each, padded with zeros to whole blocks and
/// columns. blocks: memory for eight of them. sums: 32 rows of 32 for each panel.
template <class View, class T = typename View::scalar_type>
void multiply_by_tile_unit(const View& a, std::int64_t first, std::int64_t end,
                           std::span<const block_panel> panels, unsigned char* blocks,
                           accumulator_t<T>* sums) noexcept {
  constexpr std::int64_t block = 2048; // bytes
  const std::int64_t count = blocks_along<T>(a.cols());
  if (count == 0) {
    std::fill_n(sums, 1024 * panels.size(), accumulator_t<T>{});
    return;
  }
  rows_of_blocks<T, View> rows(a, first, end);
  tile_unit unit;
  const bool alone = panels.size() == 1;
  for (std::int64_t begin = 0; begin < count; begin += blocks_at_a_time) {
    const std::int64_t stop = std::min(begin + blocks_at_a_time, count);
    rows.write(begin, blocks);
    for (std::size_t p = 0; p < panels.size(); ++p) {
      accumulator_t<T>* const to = sums + 1024 * p;
      if (begin == 0) {
        unit.clear();
      } else if (!alone) {
        unit.load(to);
      }
      const std::int64_t ld = panels[p].ld;
      const auto* words = static_cast<const unsigned char*>(panels[p].data) + begin * 64 * ld;
      for (std::int64_t k = begin; k < stop; ++k, words += 64 * ld) {
        if (p == 0 && k + 1 < stop) rows.write(k + 1, blocks + (k + 1 - begin) * block);
        unit.template multiply<T>(blocks + (k - begin) * block, words, 4 * ld, ld > 16);
      }
      if (!alone || stop == count) unit.store(to);
    }
  }
}
