// SpMV with the transpose, for every instruction set: included by simd.hpp behind the vocabulary.
//
// Each kernel reads its units as plain SpMV does, scatter_products some values more than once, and
// adds to z at the columns, each by a store of its own: the scatters of AVX-512 are no faster.
// Columns of different rows may coincide, those of one row do not.

/// z_j += a_j * factor for the n entries of one row. Unless the row is short, four or eight
/// elements are loaded before the first is stored, so that no load waits for a store. Inlined,
/// because a call takes as long as a short row. Far: entries are fetched ahead.
template <bool Far = false, class T, class I>
TILEBIT_ALWAYS_INLINE void scatter_row(const T* values, const I* cols, std::int64_t n, T factor,
                                       T* z) noexcept {
  std::int64_t k = 0;
  if constexpr (scatters_vectors<T>) {
    for (const std::int64_t eights = n < 16 ? 0 : n - 7; k < eights; k += 8) {
      if constexpr (Far) {
        prefetch_elements(values + k);
        prefetch_elements(cols + k);
      }
      add_at<8>(z, cols + k, values + k, factor);
    }
    for (const std::int64_t fours = n < 6 ? 0 : n - 3; k < fours; k += 4) {
      add_at<4>(z, cols + k, values + k, factor);
    }
  } else {
    for (const std::int64_t fours = n < 16 ? 0 : n - 3; k < fours; k += 4) {
      if constexpr (Far) {
        prefetch_elements(values + k);
        prefetch_elements(cols + k);
      }
      T* const to[4] = {z + cols[k], z + cols[k + 1], z + cols[k + 2], z + cols[k + 3]};
      const T s0 = fused(values[k], factor, *to[0]);
      const T s1 = fused(values[k + 1], factor, *to[1]);
      const T s2 = fused(values[k + 2], factor, *to[2]);
      const T s3 = fused(values[k + 3], factor, *to[3]);
      *to[0] = s0;
      *to[1] = s1;
      *to[2] = s2;
      *to[3] = s3;
    }
  }
  for (; k < n; ++k) z[cols[k]] = fused(values[k], factor, z[cols[k]]);
}

/// Rows [first, last) where their lengths are not foreseen, so that the end of each would cost as
/// much as seven entries (Zen 4). Each is multiplied as if it had Width entries, longer ones by
/// steps of 16, and the products of the next row overwrite the surplus; one loop over the products
/// of many rows then adds them to z. A width of 32 is repaid where hardly any length is foreseen,
/// not where rows have one of a few lengths (0.8 with 1 or 60 entries at random).
template <int Width, class T, class I, class O>
TILEBIT_NOINLINE void scatter_products(const csr_view<const T, I, O>& a, std::int64_t first,
                                       std::int64_t last, const T* x, T alpha, T* z) noexcept {
  using v = lanes<T>;
  constexpr std::int64_t step = 16;
  constexpr std::int64_t longest = Width == step ? step : 64;
  constexpr std::int64_t most = 256;
  const O* const offsets = a.row_offsets().data();
  const T* const values = a.values().data();
  const I* const cols = a.col_indices().data();
  const std::int64_t last_read = a.nnz() - longest;
  T products[most + longest];
  auto k = static_cast<std::int64_t>(offsets[first]);
  std::int64_t begin = k; // the entry of the first product
  const auto add_products = [&] {
    const I* const at = cols + begin;
    const std::int64_t n = k - begin;
    std::int64_t p = 0;
    for (; p + 4 <= n; p += 4) {
      TILEBIT_UNROLL
      for (std::int64_t q = p; q < p + 4; ++q) z[at[q]] += products[q];
    }
    for (; p < n; ++p) z[at[p]] += products[p];
    begin = k;
  };
  for (std::int64_t i = first; i < last; ++i) {
    const std::int64_t n = static_cast<std::int64_t>(offsets[i + 1]) - k;
    const T factor = alpha * x[i];
    if (n > longest || k > last_read) {
      add_products();
      scatter_row(values + k, cols + k, n, factor, z);
      begin = k += n;
      continue;
    }
    if (k - begin > most) add_products();
    if constexpr (Width > step) { // products and sums take turns, so that nobody else asks ahead
      TILEBIT_UNROLL
      for (int j = 0; j < Width; j += step) prefetch_sixteen(values + k + j);
      TILEBIT_UNROLL
      for (int j = 0; j < Width; j += step) prefetch_sixteen(cols + k + j);
    }
    const auto multiply = [&](std::int64_t j) {
      v::store(products + (k - begin) + j, v::mul(v::load(values + k + j), v::broadcast(&factor)));
    };
    TILEBIT_UNROLL
    for (std::int64_t j = 0; j < Width; j += v::count) multiply(j);
    if constexpr (Width < longest) {
      for (std::int64_t from = Width; from < n; from += step) {
        TILEBIT_UNROLL
        for (std::int64_t j = from; j < from + step; j += v::count) multiply(j);
      }
    }
    k += n;
  }
  add_products();
}

/// Exactly N entries of a row: all elements are loaded before the first is stored.
template <int N, class T, class I>
TILEBIT_ALWAYS_INLINE void scatter_few(const T* values, const I* cols, T factor, T* z) noexcept {
  T sums[N];
  TILEBIT_UNROLL
  for (int k = 0; k < N; ++k) sums[k] = fused(values[k], factor, z[cols[k]]);
  TILEBIT_UNROLL
  for (int k = 0; k < N; ++k) z[cols[k]] = sums[k];
}

/// Rows [first, last), most of which have four to seven entries and as many as their neighbours, so
/// that a processor foresees a jump for each length.
template <class T, class I, class O>
TILEBIT_NOINLINE void scatter_few_alike(const csr_view<const T, I, O>& a, std::int64_t first,
                                        std::int64_t last, const T* x, T alpha, T* z) noexcept {
  const O* offsets = a.row_offsets().data();
  for (std::int64_t i = first; i < last; ++i) {
    const T* const values = a.values().data() + offsets[i];
    const I* const cols = a.col_indices().data() + offsets[i];
    const T factor = alpha * x[i];
    switch (const auto n = static_cast<std::int64_t>(offsets[i + 1] - offsets[i])) {
    case 4: scatter_few<4>(values, cols, factor, z); break;
    case 5: scatter_few<5>(values, cols, factor, z); break;
    case 6: scatter_few<6>(values, cols, factor, z); break;
    case 7: scatter_few<7>(values, cols, factor, z); break;
    default: scatter_row(values, cols, n, factor, z);
    }
  }
}

/// Rows [first, last) with their entries fetched ahead.
template <class T, class I, class O>
TILEBIT_NOINLINE void scatter_far_rows(const csr_view<const T, I, O>& a, std::int64_t first,
                                       std::int64_t last, const T* x, T alpha, T* z) noexcept {
  const O* offsets = a.row_offsets().data();
  for (std::int64_t i = first; i < last; ++i) {
    const auto k = static_cast<std::int64_t>(offsets[i]);
    scatter_row<true>(a.values().data() + k, a.col_indices().data() + k,
                      static_cast<std::int64_t>(offsets[i + 1]) - k, alpha * x[i], z);
  }
}

template <class T, class I, class O>
void spmv_transposed(const csr_view<const T, I, O>& a, std::int64_t first, std::int64_t last,
                     const T* x, T alpha, T* z) noexcept {
  constexpr std::int64_t entry = sizeof(T) + sizeof(I);
  const bool short_rows = a.nnz() <= 16 * a.rows();
  const bool far = !short_rows && detail::comes_from_far(a.nnz() * entry);
  // Doubles from far take as long as their bytes: products next to nothing would add to that.
  const bool multiplied_apart = short_rows || (a.nnz() <= 28 * a.rows() && !(far && sizeof(T) > 4));
  if (multiplied_apart && a.rows() > most_remembered_rows &&
      foreseen_lengths(a.row_offsets().data(), first, last) < (short_rows ? 0.5 : 0.1)) {
    return short_rows ? scatter_products<16>(a, first, last, x, alpha, z)
                      : scatter_products<32>(a, first, last, x, alpha, z);
  }
  if (far) return scatter_far_rows(a, first, last, x, alpha, z);
  constexpr std::uint32_t four_to_seven = 0xf0;
  if (mostly_alike(a.row_offsets().data(), first, last, four_to_seven)) {
    return scatter_few_alike(a, first, last, x, alpha, z);
  }
  // Written out here, where g++ 12 keeps the offsets in a register: a processor waits for them when
  // it has not foreseen the end of a row (otherwise 0.85 to 0.97 of the speed in float, Zen 4).
  const O* offsets = a.row_offsets().data();
  for (std::int64_t i = first; i < last; ++i) {
    const auto k = static_cast<std::int64_t>(offsets[i]);
    scatter_row(a.values().data() + k, a.col_indices().data() + k,
                static_cast<std::int64_t>(offsets[i + 1]) - k, alpha * x[i], z);
  }
}

template <class T, class I>
void spmv_transposed(const coo_view<const T, I>& a, std::int64_t first, std::int64_t last,
                     const T* x, T alpha, T* z) noexcept {
  const I* rows = a.row_indices().data();
  const I* cols = a.col_indices().data();
  const T* values = a.values().data();
  for (std::int64_t k = first; k < last; ++k) {
    z[cols[k]] = fused(values[k], alpha * x[rows[k]], z[cols[k]]);
  }
}

/// x for the next N rows, where it lies; copied and continued with zeros at the end of the matrix.
template <int N, class T>
struct row_factors {
  const T* first;
  T copy[N];

  row_factors(std::int64_t rows, std::int64_t row, const T* x) noexcept : first(x + row) {
    if (rows - row >= N) return;
    std::fill(copy, copy + N, T{});
    std::copy(x + row, x + rows, copy);
    first = copy;
  }
};

/// A tile close to the end of the matrix, copied, so that nothing behind the matrix is read.
template <class T>
struct copied_tile {
  T elements[16] = {};

  copied_tile(const T* e, const T* end) noexcept {
    std::copy_n(e, std::min<std::ptrdiff_t>(16, end - e), elements);
  }
};

/// Adds tiles [k, end), which lie inside the matrix, to z; gives the end of their elements.
template <bool Full, class T, class I>
TILEBIT_ALWAYS_INLINE const T* scatter_tiles(const tile_scatter<T>& scatter,
                                             const std::uint16_t* bitmaps, const I* cols,
                                             std::int64_t k, std::int64_t end, const T* e,
                                             T* z) noexcept {
  if constexpr (requires { scatter.template add_four<Full>(bitmaps, cols, e, z); }) {
    for (; k + 4 <= end; k += 4) {
      if constexpr (always_far) {
        prefetch_elements(e);
        prefetch_elements(e + 64 / sizeof(T));
      }
      e = scatter.template add_four<Full>(bitmaps + k, cols + k, e, z);
    }
  }
  for (; k < end; ++k) {
    if constexpr (always_far && sizeof(T) == 8) prefetch_elements(e);
    e = scatter.template add<Full>(bitmaps[k], e, z + 4 * static_cast<std::int64_t>(cols[k]));
  }
  return e;
}

/// Tile rows [first, last). The products of a tile are added up over its rows and stored at once.
/// Full: tile rows may have full tiles alone.
template <bool Full, class T, class I>
void scatter_tile_rows(const bitmap_view<const T, I>& a, std::int64_t first, std::int64_t last,
                       const T* x, T alpha, T* z) noexcept {
  const std::int64_t* offsets = a.tile_row_offsets().data();
  const std::uint16_t* bitmaps = a.bitmaps().data();
  const I* cols = a.tile_cols().data();
  const T* e = a.elements().data() + a.element_offsets()[at(first)];
  const T* const elements_end = a.elements().data() + a.nnz();
  const std::int64_t whole_cols = a.cols() / 4; // tile columns that lie inside
  const std::int64_t to_add = tiles_to_add(a);
  for (std::int64_t tr = first; tr < last; ++tr) {
    const row_factors<4, T> factors(a.rows(), 4 * tr, x);
    const tile_scatter<T> scatter(factors.first, alpha);
    std::int64_t k = offsets[tr];
    const std::int64_t end = offsets[tr + 1];
    if (Full && has_full_tiles(a, tr)) {
      e = scatter_tiles<true>(scatter, bitmaps, cols, k, end, e, z);
      continue;
    }
    std::int64_t inner = std::clamp(to_add, k, end);
    // Only the last tile can reach over the matrix's edge.
    if (k < inner && static_cast<std::int64_t>(cols[inner - 1]) == whole_cols) --inner;
    e = scatter_tiles<false>(scatter, bitmaps, cols, k, inner, e, z);
    for (k = inner; k < end; ++k) {
      const auto col = static_cast<std::int64_t>(cols[k]);
      const copied_tile<T> tile(e, elements_end);
      T edge[4] = {};
      const std::int64_t width = std::min<std::int64_t>(4, a.cols() - 4 * col);
      std::copy_n(z + 4 * col, width, edge);
      e += scatter.add(bitmaps[k], tile.elements, edge) - tile.elements;
      std::copy_n(edge, width, z + 4 * col);
    }
  }
}

template <class T, class I>
void spmv_transposed(const bitmap_view<const T, I>& a, std::int64_t first, std::int64_t last,
                     const T* x, T alpha, T* z) noexcept {
  if (detail::nearly_full(stored_tile_rows<T, I>(a).fill())) {
    scatter_tile_rows<true>(a, first, last, x, alpha, z);
  } else {
    scatter_tile_rows<false>(a, first, last, x, alpha, z);
  }
}

/// The next entries of each of 16 rows of a slice, row by row: columns of a row differ, as those of
/// neighbouring rows might not, so that all its elements are loaded before the first is stored.
template <int Steps, class T, class I>
TILEBIT_ALWAYS_INLINE void scatter_steps(const T* values, const I* cols, const T (&factors)[16],
                                         T* z) noexcept {
  for (int r = 0; r < 16; ++r) {
    const T factor = factors[r];
    T* to[Steps];
    T sums[Steps];
    TILEBIT_UNROLL
    for (int k = 0; k < Steps; ++k) to[k] = z + cols[16 * k + r];
    TILEBIT_UNROLL
    for (int k = 0; k < Steps; ++k) sums[k] = fused(values[16 * k + r], factor, *to[k]);
    TILEBIT_UNROLL
    for (int k = 0; k < Steps; ++k) *to[k] = sums[k];
  }
}

/// Slices [first, last), columns as with_columns hands them over.
template <class C, class T, class I>
void scatter_slices(const C* all_cols, const sliced_view<const T, I>& a, std::int64_t first,
                    std::int64_t last, const T* x, T alpha, T* z_of_all) noexcept {
  const std::int64_t* offsets = a.slice_offsets().data();
  for (std::int64_t s = first; s < last; ++s) {
    const T* values = a.values().data() + offsets[s];
    const C* cols = all_cols + offsets[s];
    T* const z = z_of_all + a.column_base(s);
    const std::int64_t row0 = a.slice_rows()[at(s)];
    const std::int64_t rows = a.slice_rows()[at(s) + 1] - row0;
    const I* const order = a.row_order().data() + row0;
    T factors[16];
    std::int64_t scaled = 0;
    if constexpr (scatters_vectors<T>) { // stored as they are loaded again
      for (; scaled + 4 <= rows; scaled += 4) {
        store_four(factors + scaled, collect(x, four_columns<I>(order + scaled).at), alpha);
      }
    }
    for (; scaled < rows; ++scaled) factors[scaled] = alpha * x[order[scaled]];
    if (rows == 1) {
      scatter_row(values, cols, offsets[s + 1] - offsets[s], factors[0], z);
      continue;
    }
    std::int32_t step = 0;
    const std::int32_t whole = rows == 16 ? a.row_lengths()[at(row0) + 15] : 0;
    const auto scatter_whole = [&]<int Steps>(std::integral_constant<int, Steps>) {
      for (; step + Steps <= whole; step += Steps) {
        scatter_steps<Steps>(values, cols, factors, z);
        values += 16 * Steps;
        cols += 16 * Steps;
      }
    };
    scatter_whole(std::integral_constant<int, 8>{});
    scatter_whole(std::integral_constant<int, 4>{});
    const slice_lengths ends(a.row_lengths().data() + row0, rows);
    const std::int32_t longest = a.row_lengths()[at(row0)];
    for (; step < longest; ++step) {
      const std::int64_t n = ends.longer_than(step);
      for (std::int64_t r = 0; r < n; ++r) {
        z[cols[r]] = fused(values[r], factors[r], z[cols[r]]);
      }
      values += n;
      cols += n;
    }
  }
}
template <class T, class I>
void spmv_transposed(const sliced_view<const T, I>& a, std::int64_t first, std::int64_t last,
                     const T* x, T alpha, T* z) noexcept {
  a.with_columns(
      [&](const auto* cols) { scatter_slices(cols, a, first, last, x, alpha, z); });
}

/// Slices [first, last) of diagonals: the columns of a piece follow each other, as its rows do.
///
/// Pieces of neighbouring diagonals overlap, and a load that a store still on its way overlaps in
/// part waits for it to arrive: so the slices of a group take turns, one piece each.
template <class T, class I>
void spmv_transposed(const diagonal_view<const T, I>& a, std::int64_t first, std::int64_t last,
                     const T* x, T alpha, T* z) noexcept {
  constexpr std::int64_t most =
      32 / std::int64_t{sizeof(T)}; // 4 to 16 are close, these the best (Zen 4)
  const std::int64_t* const offsets = a.slice_offsets().data();
  for (std::int64_t s = first; s < last; s += most) {
    const std::int64_t slices = std::min(most, last - s);
    T factors[most][16];
    std::int64_t pieces = 0;
    for (std::int64_t g = 0; g < slices; ++g) {
      const row_factors<16, T> own(a.rows(), 16 * (s + g), x);
      std::copy_n(own.first, 16, factors[g]);
      pieces = std::max(pieces, offsets[s + g + 1] - offsets[s + g]);
    }
    for (std::int64_t k = 0; k < pieces; ++k) {
      for (std::int64_t g = 0; g < slices; ++g) {
        const std::int64_t piece = offsets[s + g] + k;
        if (piece >= offsets[s + g + 1]) continue;
        const diagonal_scatter<T> scatter(factors[g], alpha);
        T* const to = z + a.first_cols()[at(piece)];
        const unsigned mask = a.masks()[at(piece)];
        const T* const e = a.values().data() + 16 * piece;
        if (mask == 0xffff) {
          scatter.add(e, to);
        } else {
          scatter.add(mask, e, to);
        }
      }
    }
  }
}
