// Portable kernels: SpMV and SpMM for any scalar and index type, plain and transposed.
//
// They define what the other kernels must compute, and serve every type that has no kernel of its
// own. All are noexcept, allocate nothing and touch only stored entries: a zero that is not stored
// never multiplies, so an Inf or NaN in x reaches only rows that store an entry in its column.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "../core/config.hpp"
#include "../core/numeric.hpp"
#include "../formats/views.hpp"
#include "blocks.hpp"

namespace tilebit::inline TILEBIT_ABI::kernels {

using detail::accumulator_t;
using detail::at;

/// z_i = alpha * s + beta * y_i, where s is a sum of products of T and z holds R; y is not read
/// when beta is 0, and may be z.
template <class T, class R = T>
struct vector_update {
  T alpha;
  R beta;
  const R* y;
  R* z;

  void store(std::int64_t i, const accumulator_t<T>& s) const noexcept {
    const accumulator_t<R> p = scaled(s);
    z[i] = static_cast<R>(beta == R{} ? p : detail::multiply_add<R>(p, beta, y[i]));
  }
  /// z_i += alpha * s, after prepare.
  void accumulate(std::int64_t i, const accumulator_t<T>& s) const noexcept {
    z[i] = static_cast<R>(detail::add<accumulator_t<R>>(z[i], scaled(s)));
  }
  /// z_i = beta * y_i for [first, last): empty rows, and the start of kernels that add into z.
  void prepare(std::int64_t first, std::int64_t last) const noexcept {
    if (beta == R{}) {
      std::fill(z + first, z + last, R{});
    } else {
      for (std::int64_t i = first; i < last; ++i) z[i] = detail::mul(beta, y[i]);
    }
  }

private:
  accumulator_t<R> scaled(const accumulator_t<T>& s) const noexcept {
    using S = accumulator_t<R>;
    return alpha == T{1} ? static_cast<S>(s)
                         : detail::mul<S>(static_cast<S>(alpha), static_cast<S>(s));
  }
};

/// Bare sums of products of T.
template <class T>
using sums_of = vector_update<T, accumulator_t<T>>;

template <bool Conjugate, class T>
T element(const T& x) noexcept {
  return Conjugate ? detail::conj_value(x) : x;
}

/// Calls f(row, col, value) for the entries of rows [first, last) of a CSR matrix.
template <bool Conjugate, class T, class I, class O, class F>
void for_each_entry(const csr_view<const T, I, O>& a, std::int64_t first, std::int64_t last,
                    F&& f) {
  const O* offsets = a.row_offsets().data();
  const I* cols = a.col_indices().data();
  const T* values = a.values().data();
  for (std::int64_t i = first; i < last; ++i) {
    for (O k = offsets[i]; k < offsets[i + 1]; ++k) {
      f(i, static_cast<std::int64_t>(cols[k]), element<Conjugate>(values[k]));
    }
  }
}

/// The same for tile rows [first, last) of a bitmap matrix.
template <bool Conjugate, class T, class I, class F>
void for_each_entry(const bitmap_view<const T, I>& a, std::int64_t first, std::int64_t last,
                    F&& f) {
  const std::int64_t* offsets = a.tile_row_offsets().data();
  for (std::int64_t tr = first; tr < last; ++tr) {
    const T* e = a.elements().data() + a.element_offsets()[at(tr)];
    for (std::int64_t k = offsets[tr]; k < offsets[tr + 1]; ++k) {
      const std::int64_t col = 4 * static_cast<std::int64_t>(a.tile_cols()[at(k)]);
      for (unsigned left = a.bitmaps()[at(k)]; left != 0; left &= left - 1) {
        const int bit = std::countr_zero(left);
        f(4 * tr + bit / 4, col + bit % 4, element<Conjugate>(*e++));
      }
    }
  }
}

/// The same for tile rows [first, last) of a bitmap grid.
template <bool Conjugate, class T, class I, class F>
void for_each_entry(const bitmap_grid_view<const T, I>& a, std::int64_t first, std::int64_t last,
                    F&& f) {
  const std::int64_t width = a.tiles_per_row();
  const T* e = a.elements().data() + a.element_offsets()[at(first)];
  for (std::int64_t tr = first; tr < last; ++tr) {
    const std::uint16_t* bitmaps = a.bitmaps().data() + tr * width;
    for (std::int64_t j = 0; j < width; ++j) {
      for (unsigned left = bitmaps[j]; left != 0; left &= left - 1) {
        const int bit = std::countr_zero(left);
        f(4 * tr + bit / 4, 4 * j + bit % 4, element<Conjugate>(*e++));
      }
    }
  }
}

/// The same for entries [first, last) of a COO matrix.
template <bool Conjugate, class T, class I, class F>
void for_each_entry(const coo_view<const T, I>& a, std::int64_t first, std::int64_t last, F&& f) {
  for (std::size_t k = at(first); k < at(last); ++k) {
    f(static_cast<std::int64_t>(a.row_indices()[k]), static_cast<std::int64_t>(a.col_indices()[k]),
      element<Conjugate>(a.values()[k]));
  }
}

/// The same for slices [first, last) of sliced rows.
template <bool Conjugate, class T, class I, class F>
void for_each_entry(const sliced_view<const T, I>& a, std::int64_t first, std::int64_t last,
                    F&& f) {
  detail::for_each_sliced_entry(
      a, first, last,
      [&](std::int64_t i, std::int64_t j, const T& value) { f(i, j, element<Conjugate>(value)); });
}

/// The same for slices [first, last) of diagonals.
template <bool Conjugate, class T, class I, class F>
void for_each_entry(const diagonal_view<const T, I>& a, std::int64_t first, std::int64_t last,
                    F&& f) {
  detail::for_each_diagonal_entry(
      a, first, last,
      [&](std::int64_t i, std::int64_t j, const T& value) { f(i, j, element<Conjugate>(value)); });
}

/// The same for blocks [first, last) of grouped rows.
template <bool Conjugate, class T, class I, class F>
void for_each_entry(const grouped_view<const T, I>& a, std::int64_t first, std::int64_t last,
                    F&& f) {
  detail::for_each_grouped_entry(
      a, first, last,
      [&](std::int64_t i, std::int64_t j, const T& value) { f(i, j, element<Conjugate>(value)); });
}

/// SpMV of CSR rows [first, last).
template <bool Conjugate, class T, class I, class O>
void spmv(const csr_view<const T, I, O>& a, std::int64_t first, std::int64_t last, const T* x,
          const sums_of<T>& out) noexcept {
  const O* offsets = a.row_offsets().data();
  const I* cols = a.col_indices().data();
  const T* values = a.values().data();
  for (std::int64_t i = first; i < last; ++i) {
    accumulator_t<T> sum{};
    for (O k = offsets[i]; k < offsets[i + 1]; ++k) {
      sum = detail::multiply_add<T>(sum, element<Conjugate>(values[k]), x[cols[k]]);
    }
    out.store(i, sum);
  }
}

/// SpMV of bitmap tile rows [first, last).
template <bool Conjugate, class T, class I>
void spmv(const bitmap_view<const T, I>& a, std::int64_t first, std::int64_t last, const T* x,
          const sums_of<T>& out) noexcept {
  const std::int64_t* offsets = a.tile_row_offsets().data();
  const std::uint16_t* bitmaps = a.bitmaps().data();
  const I* cols = a.tile_cols().data();
  for (std::int64_t tr = first; tr < last; ++tr) {
    const T* e = a.elements().data() + a.element_offsets()[at(tr)];
    accumulator_t<T> sums[4] = {};
    for (std::int64_t k = offsets[tr]; k < offsets[tr + 1]; ++k) {
      const T* xt = x + 4 * static_cast<std::int64_t>(cols[k]);
      for (unsigned left = bitmaps[k]; left != 0; left &= left - 1) {
        const int bit = std::countr_zero(left);
        accumulator_t<T>& sum = sums[bit / 4];
        sum = detail::multiply_add<T>(sum, element<Conjugate>(*e++), xt[bit % 4]);
      }
    }
    const std::int64_t height = a.rows() - 4 * tr;
    for (std::int64_t r = 0; r < 4 && r < height; ++r) out.store(4 * tr + r, sums[r]);
  }
}

/// SpMV of tile rows [first, last) of a bitmap grid.
template <bool Conjugate, class T, class I>
void spmv(const bitmap_grid_view<const T, I>& a, std::int64_t first, std::int64_t last, const T* x,
          const sums_of<T>& out) noexcept {
  for (std::int64_t tr = first; tr < last; ++tr) {
    accumulator_t<T> sums[4] = {};
    for_each_entry<Conjugate>(a, tr, tr + 1, [&](std::int64_t i, std::int64_t j, const T& v) {
      accumulator_t<T>& sum = sums[i - 4 * tr];
      sum = detail::multiply_add<T>(sum, v, x[j]);
    });
    const std::int64_t height = a.rows() - 4 * tr;
    for (std::int64_t r = 0; r < 4 && r < height; ++r) out.store(4 * tr + r, sums[r]);
  }
}

/// sums[r] += entries r of `steps` whole steps, for four of the 16 rows, whose sums stay in
/// registers.
template <bool Conjugate, class T, class I>
void add_whole_steps(const T* values, const I* cols, std::int64_t steps, const T* x,
                     accumulator_t<T>* TILEBIT_RESTRICT sums) noexcept {
  accumulator_t<T> s[4] = {};
  for (std::int64_t k = 0; k < 16 * steps; k += 16) {
    for (std::int64_t r = 0; r < 4; ++r) {
      s[r] = detail::multiply_add<T>(s[r], element<Conjugate>(values[k + r]), x[cols[k + r]]);
    }
  }
  for (std::int64_t r = 0; r < 4; ++r) sums[r] = s[r];
}

/// SpMV of slices [first, last), columns as with_columns hands them over.
template <bool Conjugate, class C, class T, class I>
void spmv_of_slices(const C* all_cols, const sliced_view<const T, I>& a, std::int64_t first,
                    std::int64_t last, const T* x_of_all, const sums_of<T>& out) noexcept {
  for (std::int64_t s = first; s < last; ++s) {
    const T* const x = x_of_all + a.column_base(s);
    const T* values = a.values().data() + a.slice_offsets()[at(s)];
    const T* const end = a.values().data() + a.slice_offsets()[at(s) + 1];
    const C* cols = all_cols + a.slice_offsets()[at(s)];
    const I* const rows = a.row_order().data() + a.slice_rows()[at(s)];
    if (const std::int64_t empty = a.empty_rows(s); empty > 0) {
      const auto row = static_cast<std::int64_t>(rows[0]);
      out.prepare(row, row + empty);
      continue;
    }
    const std::int32_t* const lengths = a.row_lengths().data() + a.slice_rows()[at(s)];
    std::int64_t active = a.slice_rows()[at(s) + 1] - a.slice_rows()[at(s)];
    const std::int64_t height = active;
    accumulator_t<T> sums[16] = {};
    if (height == 1) {
      accumulator_t<T> sum{};
      for (; values < end; ++values, ++cols) {
        sum = detail::multiply_add<T>(sum, element<Conjugate>(*values), x[*cols]);
      }
      sums[0] = sum;
    } else {
      const std::int32_t whole = height == 16 ? lengths[15] : 0;
      for (std::int64_t r = 0; whole > 0 && r < 16; r += 4) {
        add_whole_steps<Conjugate>(values + r, cols + r, whole, x, sums + r);
      }
      values += 16 * static_cast<std::int64_t>(whole);
      cols += 16 * static_cast<std::int64_t>(whole);
      for (std::int32_t step = whole; values < end; ++step) {
        while (lengths[active - 1] <= step) --active;
        for (std::int64_t r = 0; r < active; ++r) {
          sums[r] = detail::multiply_add<T>(sums[r], element<Conjugate>(*values++), x[*cols++]);
        }
      }
    }
    for (std::int64_t r = 0; r < height; ++r) {
      out.store(static_cast<std::int64_t>(rows[r]), sums[r]);
    }
  }
}
template <bool Conjugate, class T, class I>
void spmv(const sliced_view<const T, I>& a, std::int64_t first, std::int64_t last, const T* x,
          const sums_of<T>& out) noexcept {
  a.with_columns(
      [&](const auto* cols) { spmv_of_slices<Conjugate>(cols, a, first, last, x, out); });
}

/// SpMV of slices [first, last) of diagonals.
template <bool Conjugate, class T, class I>
void spmv(const diagonal_view<const T, I>& a, std::int64_t first, std::int64_t last, const T* x,
          const sums_of<T>& out) noexcept {
  for (std::int64_t s = first; s < last; ++s) {
    accumulator_t<T> sums[16] = {};
    for (std::int64_t k = a.slice_offsets()[at(s)]; k < a.slice_offsets()[at(s) + 1]; ++k) {
      const auto col = static_cast<std::int64_t>(a.first_cols()[at(k)]);
      const unsigned mask = a.masks()[at(k)];
      const T* const e = a.values().data() + 16 * k;
      if (mask == 0xffff) {
        for (int r = 0; r < 16; ++r) {
          sums[r] = detail::multiply_add<T>(sums[r], element<Conjugate>(e[r]), x[col + r]);
        }
        continue;
      }
      for (unsigned left = mask; left != 0; left &= left - 1) {
        const int r = std::countr_zero(left);
        sums[r] = detail::multiply_add<T>(sums[r], element<Conjugate>(e[r]), x[col + r]);
      }
    }
    for (std::int64_t r = 0; r < 16 && 16 * s + r < a.rows(); ++r) out.store(16 * s + r, sums[r]);
  }
}

/// SpMV of blocks [first, last) of grouped rows.
template <bool Conjugate, class T, class I>
void spmv(const grouped_view<const T, I>& a, std::int64_t first, std::int64_t last, const T* x,
          const sums_of<T>& out) noexcept {
  for (std::int64_t k = first; k < last; ++k) {
    accumulator_t<T> sums[4] = {};
    for_each_entry<Conjugate>(a, k, k + 1, [&](std::int64_t i, std::int64_t j, const T& value) {
      sums[i - 4 * k] = detail::multiply_add<T>(sums[i - 4 * k], value, x[j]);
    });
    for (std::int64_t r = 0; r < 4 && 4 * k + r < a.rows(); ++r) out.store(4 * k + r, sums[r]);
  }
}

/// z_i += p_i for n elements.
template <class T>
void add_vector(const T* p, std::int64_t n, T* z) noexcept {
  for (std::int64_t i = 0; i < n; ++i) z[i] = detail::add(z[i], p[i]);
}

/// Are the n row indices of COO entries in order?
template <class I>
bool never_fall(const I* rows, std::int64_t n) noexcept {
  for (std::int64_t k = 1; k < n; ++k) {
    if (rows[k] < rows[k - 1]) return false;
  }
  return true;
}

/// SpMV of COO entries [first, last) in any order: z_i += alpha * a * x_j, added up in a register
/// as long as the row stays the same.
template <bool Conjugate, class T, class I>
void spmv(const coo_view<const T, I>& a, std::int64_t first, std::int64_t last, const T* x,
          const sums_of<T>& out) noexcept {
  const I* rows = a.row_indices().data();
  const I* cols = a.col_indices().data();
  const T* values = a.values().data();
  for (std::int64_t k = first; k < last;) {
    const I row = rows[k];
    accumulator_t<T> sum{};
    do {
      sum = detail::multiply_add<T>(sum, element<Conjugate>(values[k]), x[cols[k]]);
    } while (++k < last && rows[k] == row);
    out.accumulate(static_cast<std::int64_t>(row), sum);
  }
}

/// SpMV with the transpose of units [first, last): z_j += a * (alpha * x_i).
template <bool Conjugate, class View, class T>
void spmv_transposed(const View& a, std::int64_t first, std::int64_t last, const T* x, T alpha,
                     T* z) noexcept {
  for_each_entry<Conjugate>(a, first, last, [&](std::int64_t i, std::int64_t j, const T& v) {
    z[j] = detail::add(z[j], detail::mul(v, alpha == T{1} ? x[i] : detail::mul(alpha, x[i])));
  });
}

/// C_ij = epilogue(i, alpha * s + beta * C0_ij), where s is a sum of products of T and C holds R;
/// C0 is not read when beta is 0, and may be C.
template <class T, class R, class LayoutC0, class LayoutC, class Epilogue>
struct matrix_update {
  using factor_type = T;
  using result_type = R;

  T alpha;
  R beta;
  dense_view<const R, LayoutC0> c0;
  dense_view<R, LayoutC> c;
  const Epilogue& epilogue;

  void store(std::int64_t i, std::int64_t j, const accumulator_t<T>& s) const {
    using S = accumulator_t<R>;
    const S p = alpha == T{1} ? static_cast<S>(s)
                              : detail::mul<S>(static_cast<S>(alpha), static_cast<S>(s));
    const S sum = beta == R{} ? p : detail::multiply_add<R>(p, beta, c0(i, j));
    c(i, j) = static_cast<R>(epilogue(i, sum));
  }
};

/// C = epilogue(beta * C0): what is left of an SpMM when alpha is 0.
template <class Update>
void store_everywhere(const Update& out) {
  for (std::int64_t i = 0; i < out.c.rows(); ++i) {
    for (std::int64_t j = 0; j < out.c.cols(); ++j) out.store(i, j, {});
  }
}

inline constexpr std::int64_t panel_width = 32; ///< columns of C summed up at a time

/// sums[p] += v * b[p * stride]; the full panel has a constant trip count, which compilers
/// vectorise.
template <class T>
void add_scaled_row(accumulator_t<T>* TILEBIT_RESTRICT sums, const T& v,
                    const T* TILEBIT_RESTRICT b, std::int64_t stride, std::int64_t width) noexcept {
  if (stride == 1 && width == panel_width) {
    for (std::int64_t p = 0; p < panel_width; ++p)
      sums[p] = detail::multiply_add<T>(sums[p], v, b[p]);
  } else {
    for (std::int64_t p = 0; p < width; ++p) {
      sums[p] = detail::multiply_add<T>(sums[p], v, b[p * stride]);
    }
  }
}

/// The rows of one unit: row, tile row, slice, block. More than `most` of them are empty.
template <class View>
struct unit_rows {
  static constexpr bool tiles = requires(const View& a) { a.bitmaps(); };
  static constexpr bool slices = requires(const View& a) { a.row_order(); };
  static constexpr bool diagonals = requires(const View& a) { a.masks(); };
  static constexpr bool grouped = requires(const View& a) { a.pattern_counts(); };
  static constexpr std::int64_t most = tiles || grouped ? 4 : slices || diagonals ? 16 : 1;

  const View& a;
  std::int64_t unit;

  std::int64_t count() const noexcept {
    if constexpr (tiles || grouped || diagonals) {
      return std::min(most, a.rows() - most * unit);
    } else if constexpr (slices) {
      return std::max(a.slice_rows()[at(unit) + 1] - a.slice_rows()[at(unit)], a.empty_rows(unit));
    } else {
      return 1;
    }
  }
  std::int64_t operator[](std::int64_t r) const noexcept {
    if constexpr (slices) {
      const auto* const rows = a.row_order().data() + a.slice_rows()[at(unit)];
      const bool run = a.empty_rows(unit) > 0;
      return static_cast<std::int64_t>(run ? rows[0] : rows[r]) + (run ? r : 0);
    } else {
      return most * unit + r;
    }
  }
  /// Calls f(r, column, value) for the entries of the unit.
  template <bool Conjugate, class F>
  void for_each_entry(F&& f) const {
    if constexpr (slices) {
      detail::for_each_in_slice(a, unit, [&](std::size_t r, std::int64_t k, const auto& v) {
        f(static_cast<std::int64_t>(r), k, element<Conjugate>(v));
      });
    } else {
      kernels::for_each_entry<Conjugate>(
          a, unit, unit + 1,
          [&](std::int64_t i, std::int64_t k, const auto& v) { f(i - most * unit, k, v); });
    }
  }
};

/// SpMM of units [first, last): the sums of one unit of rows for a panel of columns at a time.
template <bool Conjugate, class View, class T, class LayoutB, class Update>
void spmm(const View& a, std::int64_t first, std::int64_t last,
          const dense_view<const T, LayoutB>& b, const Update& out) {
  const std::int64_t n = b.cols();
  const std::int64_t bs = b.col_stride();
  for (std::int64_t unit = first; unit < last; ++unit) {
    const unit_rows<View> rows{a, unit};
    for (std::int64_t j0 = 0; j0 < n; j0 += panel_width) {
      const std::int64_t width = n - j0 < panel_width ? n - j0 : panel_width;
      accumulator_t<T> sums[unit_rows<View>::most][panel_width] = {};
      rows.template for_each_entry<Conjugate>([&](std::int64_t r, std::int64_t k, const T& v) {
        add_scaled_row(sums[r], v, b.data() + k * b.row_stride() + j0 * bs, bs, width);
      });
      for (std::int64_t r = 0; r < rows.count(); ++r) {
        const std::int64_t i = rows[r];
        const auto& of_row = sums[std::min(r, unit_rows<View>::most - 1)];
        for (std::int64_t p = 0; p < width; ++p) out.store(i, j0 + p, of_row[p]);
      }
    }
  }
}

/// SpMM that adds into C, entry by entry: COO in any order, and the transpose of any format.
template <bool Conjugate, bool Transposed, class View, class T, class LayoutB, class Update>
void spmm_scatter(const View& a, const dense_view<const T, LayoutB>& b, const Update& out) {
  const auto& c = out.c;
  for (std::int64_t i = 0; i < c.rows(); ++i) {
    for (std::int64_t j = 0; j < c.cols(); ++j) {
      c(i, j) = out.beta == T{} ? T{} : detail::mul(out.beta, out.c0(i, j));
    }
  }
  const auto add = [&](std::int64_t i, std::int64_t k, const T& v) {
    const std::int64_t to = Transposed ? k : i;
    const std::int64_t from = Transposed ? i : k;
    const T scaled = out.alpha == T{1} ? v : detail::mul(out.alpha, v);
    for (std::int64_t j = 0; j < c.cols(); ++j) {
      c(to, j) = detail::add(c(to, j), detail::mul(scaled, b(from, j)));
    }
  };
  for_each_part(a, [&](const auto& part, std::span<const unit_range> bands) {
    for (const unit_range& band : bands) {
      for_each_entry<Conjugate>(part, band.first, band.last, add);
    }
  });
  for (std::int64_t i = 0; i < c.rows(); ++i) {
    for (std::int64_t j = 0; j < c.cols(); ++j) c(i, j) = out.epilogue(i, c(i, j));
  }
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
