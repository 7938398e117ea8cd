// The arrays of owning matrices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "config.hpp"
#include "large_pages.hpp"

namespace tilebit::detail {

/// A std::vector as far as matrices need one, of a type without destructor, that lies in large
/// pages (with an allocator of our own g++ -O2 would copy and fill element by element) and that can
/// keep the memory of a std::vector.
template <class T>
class array_of {
  static_assert(std::is_trivially_copyable_v<T>);

public:
  using value_type = T;

  array_of() = default;
  explicit array_of(std::size_t n) { resize(n); }
  array_of(std::initializer_list<T> values) { append(values.begin(), values.end()); }
  template <std::forward_iterator It>
  array_of(It first, It last) {
    append(first, last);
  }
  /// Keeps what the vector holds where it is.
  explicit array_of(std::vector<T>&& given) noexcept
      : given_(std::move(given)), data_(given_.empty() ? nullptr : given_.data()),
        size_(given_.size()), capacity_(size_) {}

  array_of(const array_of& other) { append(other.begin(), other.end()); }
  array_of(array_of&& other) noexcept { swap(other); }
  array_of& operator=(array_of other) noexcept {
    swap(other);
    return *this;
  }
  ~array_of() {
    if (owns()) give_array(data_, capacity_ * sizeof(T));
  }

  std::size_t size() const noexcept { return size_; }
  std::size_t capacity() const noexcept { return capacity_; }
  bool empty() const noexcept { return size_ == 0; }
  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  T* begin() noexcept { return data_; }
  const T* begin() const noexcept { return data_; }
  T* end() noexcept { return data_ + size_; }
  const T* end() const noexcept { return data_ + size_; }
  T& operator[](std::size_t k) noexcept { return data_[k]; }
  const T& operator[](std::size_t k) const noexcept { return data_[k]; }
  T& back() noexcept { return data_[size_ - 1]; }
  const T& back() const noexcept { return data_[size_ - 1]; }

  /// Throws std::bad_alloc, as all that follows.
  void reserve(std::size_t n) {
    if (n > capacity_) move_to(n);
  }
  void shrink_to_fit() {
    if (size_ < capacity_) move_to(size_);
  }
  void push_back(T x) {
    if (size_ == capacity_) move_to(std::max(2 * size_, least_capacity));
    data_[size_++] = x;
  }
  template <std::forward_iterator It>
  void append(It first, It last) {
    const std::size_t n = size_;
    grow_to(n + static_cast<std::size_t>(std::distance(first, last)));
    std::copy(first, last, data_ + n);
  }
  void assign(std::size_t n, T x) {
    resize_for_overwrite(n);
    std::fill(begin(), end(), x);
  }
  void resize(std::size_t n, T added = T{}) {
    const std::size_t before = size_;
    grow_to(n);
    if (n > before) std::fill(data_ + before, data_ + n, added);
  }
  /// New elements are not initialised; old ones need not stay.
  void resize_for_overwrite(std::size_t n) {
    size_ = 0;
    reserve(n);
    size_ = n;
  }

  friend bool operator==(const array_of& a, const array_of& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

private:
  static constexpr std::size_t least_capacity = std::max<std::size_t>(1, 64 / sizeof(T));

  bool owns() const noexcept { return given_.empty() && data_ != nullptr; }

  void grow_to(std::size_t n) {
    if (n > capacity_) move_to(std::max(n, 2 * size_));
    size_ = n;
  }

  TILEBIT_NOINLINE void move_to(std::size_t capacity) {
    if (capacity > std::numeric_limits<std::size_t>::max() / 2 / sizeof(T)) throw std::bad_alloc();
    void* const there = copied_array(data_, size_ * sizeof(T), capacity * sizeof(T));
    if (owns()) give_array(data_, capacity_ * sizeof(T));
    std::vector<T>().swap(given_); // frees it, as assigning {} would not
    data_ = static_cast<T*>(there);
    capacity_ = capacity;
  }

  void swap(array_of& other) noexcept {
    given_.swap(other.given_);
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

  std::vector<T> given_; ///< empty unless the elements are its own
  T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

} // namespace tilebit::detail
