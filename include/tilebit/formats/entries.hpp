// entries(a): the (row, column, value) triples of any sparse matrix or lazy view, in storage order.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>

#include "../core/concepts.hpp"
#include "../core/numeric.hpp"
#include "views.hpp"

namespace tilebit {

/// One stored entry: a(row, col) = value.
template <class T, class I>
struct entry {
  I row;
  I col;
  T value;

  friend constexpr bool operator==(const entry&, const entry&) = default;
};

namespace detail {

/// Where a walk through the entries stands; one specialisation per format.
template <class View>
class entry_cursor;

template <class T, class I>
class entry_cursor<coo_view<T, I>> {
public:
  explicit entry_cursor(const coo_view<T, I>& a) noexcept : a_(a) {}
  bool done() const noexcept { return k_ == a_.values().size(); }
  void next() noexcept { ++k_; }
  entry<std::remove_const_t<T>, I> get() const noexcept {
    return {a_.row_indices()[k_], a_.col_indices()[k_], a_.values()[k_]};
  }

private:
  coo_view<T, I> a_;
  std::size_t k_ = 0;
};

template <class T, class I, class O>
class entry_cursor<csr_view<T, I, O>> {
public:
  explicit entry_cursor(const csr_view<T, I, O>& a) noexcept : a_(a) { skip_empty_rows(); }
  bool done() const noexcept { return k_ == a_.values().size(); }
  void next() noexcept {
    ++k_;
    skip_empty_rows();
  }
  entry<std::remove_const_t<T>, I> get() const noexcept {
    return {static_cast<I>(row_), a_.col_indices()[k_], a_.values()[k_]};
  }

private:
  void skip_empty_rows() noexcept {
    while (!done() && std::cmp_less_equal(a_.row_offsets()[row_ + 1], k_)) ++row_;
  }

  csr_view<T, I, O> a_;
  std::size_t k_ = 0;
  std::size_t row_ = 0;
};

template <class T, class I>
class entry_cursor<bitmap_view<T, I>> {
public:
  explicit entry_cursor(const bitmap_view<T, I>& a) noexcept : a_(a), tile_(a.tiles().begin()) {
    load();
  }
  bool done() const noexcept { return k_ == a_.elements().size(); }
  void next() noexcept {
    ++k_;
    left_ &= left_ - 1;
    if (left_ == 0 && !done()) {
      ++tile_;
      load();
    }
  }
  entry<std::remove_const_t<T>, I> get() const noexcept {
    const int bit = std::countr_zero(left_);
    return {static_cast<I>(4 * row_ + bit / 4), static_cast<I>(4 * col_ + bit % 4),
            a_.elements()[k_]};
  }

private:
  void load() noexcept {
    if (done()) return;
    const bitmap_tile<I> t = *tile_;
    row_ = static_cast<std::int64_t>(t.row);
    col_ = static_cast<std::int64_t>(t.col);
    left_ = t.bitmap;
  }

  bitmap_view<T, I> a_;
  typename tile_range<I>::iterator tile_;
  std::int64_t row_ = 0;
  std::int64_t col_ = 0;
  unsigned left_ = 0;
  std::size_t k_ = 0;
};

template <class T, class I>
class entry_cursor<bitmap_grid_view<T, I>> {
public:
  explicit entry_cursor(const bitmap_grid_view<T, I>& a) noexcept : a_(a) {
    if (!done()) load();
  }
  bool done() const noexcept { return k_ == a_.elements().size(); }
  void next() noexcept {
    ++k_;
    left_ &= left_ - 1;
    if (left_ != 0 || done()) return;
    step();
    load();
  }
  entry<std::remove_const_t<T>, I> get() const noexcept {
    const int bit = std::countr_zero(left_);
    return {static_cast<I>(4 * row_ + bit / 4), static_cast<I>(4 * col_ + bit % 4),
            a_.elements()[k_]};
  }

private:
  void step() noexcept {
    ++tile_;
    if (++col_ < a_.tiles_per_row()) return;
    col_ = 0;
    ++row_;
  }
  void load() noexcept {
    while (a_.bitmaps()[tile_] == 0) step();
    left_ = a_.bitmaps()[tile_];
  }

  bitmap_grid_view<T, I> a_;
  std::size_t tile_ = 0;
  std::int64_t row_ = 0;
  std::int64_t col_ = 0;
  unsigned left_ = 0;
  std::size_t k_ = 0;
};

template <class T, class I>
class entry_cursor<diagonal_view<T, I>> {
public:
  explicit entry_cursor(const diagonal_view<T, I>& a) noexcept : a_(a) { load(); }
  bool done() const noexcept { return piece_ == a_.masks().size(); }
  void next() noexcept {
    left_ &= left_ - 1;
    if (left_ != 0) return;
    ++piece_;
    load();
  }
  entry<std::remove_const_t<T>, I> get() const noexcept {
    const int r = std::countr_zero(left_);
    return {static_cast<I>(16 * slice_ + r),
            static_cast<I>(static_cast<std::int64_t>(a_.first_cols()[piece_]) + r),
            a_.values()[16 * piece_ + static_cast<std::size_t>(r)]};
  }

private:
  void load() noexcept {
    if (done()) return;
    while (std::cmp_less_equal(a_.slice_offsets()[at(slice_) + 1], piece_)) ++slice_;
    left_ = a_.masks()[piece_];
  }

  diagonal_view<T, I> a_;
  std::int64_t slice_ = 0;
  std::size_t piece_ = 0;
  unsigned left_ = 0;
};

template <class T, class I>
class entry_cursor<sliced_view<T, I>> {
public:
  explicit entry_cursor(const sliced_view<T, I>& a) noexcept : a_(a), active_(rows_of_slice()) {
    settle();
  }
  bool done() const noexcept { return k_ == a_.values().size(); }
  void next() noexcept {
    ++k_;
    if (++row_ == active_) {
      row_ = 0;
      ++step_;
    }
    settle();
  }
  entry<std::remove_const_t<T>, I> get() const noexcept {
    const std::int64_t col =
        a_.column(static_cast<std::int64_t>(slice_), static_cast<std::int64_t>(k_));
    return {a_.row_order()[first_row() + row_], static_cast<I>(col), a_.values()[k_]};
  }

private:
  std::size_t first_row() const noexcept { return at(a_.slice_rows()[slice_]); }
  std::size_t rows_of_slice() const noexcept {
    return a_.slices() == 0 ? 0 : at(a_.slice_rows()[slice_ + 1]) - first_row();
  }
  /// Finds the slice of entry k_ and drops the rows that have ended.
  void settle() noexcept {
    if (k_ == a_.values().size()) return;
    while (std::cmp_greater_equal(k_, a_.slice_offsets()[slice_ + 1])) {
      ++slice_;
      active_ = rows_of_slice();
      row_ = 0;
      step_ = 0;
    }
    while (active_ > 1 && a_.row_lengths()[first_row() + active_ - 1] <= step_) --active_;
  }

  sliced_view<T, I> a_;
  std::size_t slice_ = 0;
  std::size_t active_ = 0;
  std::size_t row_ = 0;
  std::int32_t step_ = 0;
  std::size_t k_ = 0;
};

template <class T, class I>
class entry_cursor<grouped_view<T, I>> {
public:
  explicit entry_cursor(const grouped_view<T, I>& a) noexcept : a_(a) { settle(); }
  bool done() const noexcept { return value_ == a_.values().size(); }
  void next() noexcept {
    ++value_;
    left_ &= left_ - 1;
    if (left_ != 0) return;
    ++column_;
    ++counted_;
    settle();
  }
  entry<std::remove_const_t<T>, I> get() const noexcept {
    const std::int64_t block = static_cast<std::int64_t>(group_ / 15) % a_.blocks();
    return {static_cast<I>(4 * block + std::countr_zero(left_)), a_.col_indices()[column_],
            a_.values()[value_]};
  }

private:
  /// Finds the group, 15 of a block, of the column.
  void settle() noexcept {
    if (done()) return;
    for (; counted_ == a_.pattern_counts()[group_]; ++group_) counted_ = 0;
    left_ = static_cast<unsigned>(group_ % 15) + 1;
  }

  grouped_view<T, I> a_;
  std::size_t group_ = 0;
  std::uint32_t counted_ = 0; ///< columns of the group before this one
  std::size_t column_ = 0;
  std::size_t value_ = 0;
  unsigned left_ = 0; ///< rows of the column that are still to come
};

/// The tiles first, then the diagonals, the slices, the grouped rows, CSR, COO, and the grid.
template <class T, class I>
class entry_cursor<optimized_view<T, I>> {
public:
  explicit entry_cursor(const optimized_view<T, I>& a) noexcept
      : tiles_(a.tiles()), diagonals_(a.diagonals()), sliced_(a.sliced()), grouped_(a.grouped()),
        csr_(a.csr()), coo_(a.coo()), grid_(a.grid()) {}
  bool done() const noexcept {
    return tiles_.done() && diagonals_.done() && sliced_.done() && grouped_.done() && csr_.done() &&
           coo_.done() && grid_.done();
  }
  void next() noexcept {
    if (!tiles_.done()) return tiles_.next();
    if (!diagonals_.done()) return diagonals_.next();
    if (!sliced_.done()) return sliced_.next();
    if (!grouped_.done()) return grouped_.next();
    if (!csr_.done()) return csr_.next();
    if (!coo_.done()) return coo_.next();
    grid_.next();
  }
  entry<std::remove_const_t<T>, I> get() const noexcept {
    if (!tiles_.done()) return tiles_.get();
    if (!diagonals_.done()) return diagonals_.get();
    if (!sliced_.done()) return sliced_.get();
    if (!grouped_.done()) return grouped_.get();
    if (!csr_.done()) return csr_.get();
    return coo_.done() ? grid_.get() : coo_.get();
  }

private:
  entry_cursor<bitmap_view<T, I>> tiles_;
  entry_cursor<diagonal_view<T, I>> diagonals_;
  entry_cursor<sliced_view<T, I>> sliced_;
  entry_cursor<grouped_view<T, I>> grouped_;
  entry_cursor<csr_view<T, I>> csr_;
  entry_cursor<coo_view<T, I>> coo_;
  entry_cursor<bitmap_grid_view<T, I>> grid_;
};

} // namespace detail

/// An input range of entry{row, col, value}. The slow, general road; kernels do not use it.
template <class A>
class entry_range {
  using operand_type = decltype(detail::resolve(std::declval<const A&>()));
  using view_type = typename operand_type::view_type;

public:
  using value_type = entry<typename A::scalar_type, typename A::index_type>;

  class iterator {
  public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = entry_range::value_type;
    using difference_type = std::ptrdiff_t;

    explicit iterator(const operand_type& op) noexcept : op_(op), cursor_(op.base) {}
    value_type operator*() const noexcept {
      value_type e = cursor_.get();
      if (op_.transposed) std::swap(e.row, e.col);
      e.value = op_.apply(e.value);
      return e;
    }
    iterator& operator++() noexcept {
      cursor_.next();
      return *this;
    }
    void operator++(int) noexcept { cursor_.next(); }
    friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept {
      return i.cursor_.done();
    }

  private:
    operand_type op_;
    detail::entry_cursor<view_type> cursor_;
  };

  explicit entry_range(A a) : a_(std::move(a)) {}
  iterator begin() const { return iterator(detail::resolve(a_)); }
  std::default_sentinel_t end() const noexcept { return {}; }
  std::size_t size() const noexcept { return static_cast<std::size_t>(a_.nnz()); }

private:
  A a_;
};

/// The stored entries of any format or lazy view: for (auto [i, j, x] : entries(a)).
/// Order: of storage (a bitmap matrix goes tile by tile). A matrix passed as an rvalue is kept
/// alive. Complexity: O(nnz + rows) for the whole walk.
template <class A>
  requires sparse_matrix<A>
entry_range<detail::kept_t<A>> entries(A&& a) {
  return entry_range<detail::kept_t<A>>(detail::keep(std::forward<A>(a)));
}

} // namespace tilebit
