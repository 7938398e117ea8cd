// Products of tile rows that are expanded into dense blocks, by dot products: included by simd.hpp
// behind block_writer and the lanes of packed entries.
//
// As with a matrix unit (spmm_tile_unit.inc.hpp), but blocks are of 8 rows and 64 bytes, of which
// a word at a time is broadcast, columns of B are lanes, and all blocks of 32 rows are expanded
// before the first panel.

/// A block after `count` blocks of the rows before it.
inline constexpr std::int64_t block_of_eight = 512; // bytes

/// Elements that will be expanded next, asked for while blocks are multiplied, a few lines at each
/// step: from beyond the second-level cache they come as slowly as blocks of 16 columns are
/// multiplied (4096 x 4096 at 50%, Zen 4: 1.25 in bfloat16, 1.19 in 8-bit integers).
class lines_ahead {
public:
  lines_ahead(const void* from, std::int64_t bytes, std::int64_t steps) noexcept
      : next_(static_cast<const char*>(from)), left_((bytes + 63) / 64),
        of_step_(left_ / std::max<std::int64_t>(steps, 1) + 1) {}

  TILEBIT_ALWAYS_INLINE void step() noexcept {
    for (std::int64_t k = 0; k < of_step_ && left_ > 0; ++k, --left_, next_ += 64) {
      TILEBIT_PREFETCH_L2(next_);
    }
  }

private:
  const char* next_;
  std::int64_t left_;
  std::int64_t of_step_;
};

/// 16 / Vectors rows of `count` blocks, the ninth and following `apart` bytes from the first, times
/// a panel of so many registers, added to the sums of the rows, which are 32 apart.
template <int Vectors, class P>
void multiply_rows_of_blocks(const unsigned char* blocks, std::int64_t apart, std::int64_t count,
                             const P* b, accumulator_t<P>* sums, lines_ahead& ahead) noexcept {
  using v = lanes<P>;
  constexpr int rows = 16 / Vectors; // sixteen sums, enough that none waits for itself
  typename v::reg s[rows][Vectors];
  TILEBIT_UNROLL
  for (int r = 0; r < rows; ++r) {
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) {
      s[r][j] = lanes<accumulator_t<P>>::load(sums + 32 * r + v::count * j);
    }
  }
  for (std::int64_t k = 0; k < count; ++k) {
    ahead.step();
    const unsigned char* a = blocks + k * block_of_eight;
    for (int word = 0; word < 16; ++word, a += sizeof(P), b += v::count * Vectors) {
      typename v::data x[Vectors];
      TILEBIT_UNROLL
      for (int j = 0; j < Vectors; ++j) x[j] = v::load(b + v::count * j);
      TILEBIT_UNROLL
      for (int r = 0; r < rows; ++r) {
        P entries;
        std::memcpy(&entries, a + r / 8 * apart + r % 8 * 64, sizeof entries);
        const auto y = v::broadcast(&entries);
        TILEBIT_UNROLL
        for (int j = 0; j < Vectors; ++j) s[r][j] = v::fma(y, x[j], s[r][j]);
      }
    }
  }
  TILEBIT_UNROLL
  for (int r = 0; r < rows; ++r) {
    TILEBIT_UNROLL
    for (int j = 0; j < Vectors; ++j) {
      lanes<accumulator_t<P>>::store(sums + 32 * r + v::count * j, s[r][j]);
    }
  }
}

/// Where the sums of a row start: B is moved by 128 where entries are bytes, and so are its
/// products.
inline float start_of_sums(const bfloat16*, const unsigned char*, std::int64_t) noexcept {
  return 0;
}
inline std::int32_t start_of_sums(const std::int8_t*, const unsigned char* row,
                                  std::int64_t count) noexcept {
  __m512i sum = _mm512_setzero_si512();
  for (std::int64_t k = 0; k < count; ++k) {
    sum =
        _mm512_dpbusd_epi32(sum, _mm512_set1_epi8(1), _mm512_load_si512(row + k * block_of_eight));
  }
  return static_cast<std::int32_t>(
      0U - 128U * static_cast<std::uint32_t>(_mm512_reduce_add_epi32(sum))); // modulo 2^32
}

/// The same as multiply_by_tile_unit, for 32 rows and a single slice. blocks: memory for all blocks
/// of them and behind these for what their sums start from.
template <class View, class T = typename View::scalar_type>
void multiply_by_dots(const View& a, std::int64_t first, std::int64_t end, std::int64_t,
                      const block_slice&, std::span<const block_panel> panels,
                      unsigned char* blocks, accumulator_t<T>* sums) noexcept {
  using P = detail::packed_t<T>;
  using S = accumulator_t<T>;
  const std::int64_t count = blocks_along<T>(a.cols());
  auto* const starts = reinterpret_cast<S*>(blocks + 4 * count * block_of_eight);
  const auto rows_at = [&](std::int64_t row) {
    return blocks + row / 8 * count * block_of_eight + row % 8 * 64;
  };
  const std::int64_t rows = 4 * std::min<std::int64_t>(8, end - first);
  for (std::int64_t k = 0; k < 8; ++k) {
    block_writer<T, View> writer;
    if (first + k < end) writer = block_writer<T, View>(a, first + k);
    for (std::int64_t c = 0; c < count; ++c) {
      writer.write(c, rows_at(4 * k) + c * block_of_eight);
    }
  }
  for (std::int64_t r = 0; r < 32; ++r) {
    starts[r] = start_of_sums(static_cast<const T*>(nullptr), rows_at(r), count);
  }
  const std::int64_t next = std::min(first + 8, end);
  lines_ahead ahead(elements_in(a, next),
                    entries_of(a, next, std::min(next + 8, end)) * std::int64_t{sizeof(T)},
                    count * rows * panels.front().ld / 256);
  const std::int64_t apart = count * block_of_eight;
  for (const block_panel& b : panels) {
    for (std::int64_t r = 0; r < 32; ++r) std::fill_n(sums + 32 * r, b.ld, starts[r]);
    const auto* const words = static_cast<const P*>(b.data);
    for (std::int64_t r = 0; r < rows; r += b.ld == 16 ? 16 : 8) {
      if (b.ld == 16) {
        multiply_rows_of_blocks<1>(rows_at(r), apart, count, words, sums + 32 * r, ahead);
      } else {
        multiply_rows_of_blocks<2>(rows_at(r), apart, count, words, sums + 32 * r, ahead);
      }
    }
    sums += 1024;
  }
}

/// Finishes and stores rows of sums, 32 apart, as far as C has them.
template <class S>
void store_sums(const S* sums, std::int64_t width, const panel_output<S>& out) noexcept {
  const std::int64_t rows = std::min<std::int64_t>(32, out.rows);
  if (width > lanes<S>::count) {
    finish_rows<2>(sums, 32, 0, rows, width, out);
  } else {
    finish_rows<1>(sums, 32, 0, rows, width, out);
  }
}
