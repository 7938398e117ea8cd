// One vector added to another: included by simd.hpp behind lanes.
template <class T>
void add_vector(const T* p, std::int64_t n, T* z) noexcept {
  using v = lanes<T>;
  constexpr std::int64_t step = 4 * v::count;
  std::int64_t i = 0;
  for (; i + step <= n; i += step) {
    TILEBIT_UNROLL
    for (std::int64_t k = i; k < i + step; k += v::count) {
      v::store(z + k, v::add(v::load(z + k), v::load(p + k)));
    }
  }
  for (; i < n; ++i) z[i] += p[i];
}
