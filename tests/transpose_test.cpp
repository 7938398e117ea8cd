// Transposed copies by every kernel that the machine has: each element where it belongs, nothing
// read or written beyond, and words with some of their bits flipped.
#include <cstddef>
#include <cstdint>
#include <vector>

#include <tilebit/kernels/transposed_copy.hpp>

#include "catch.hpp"

namespace tb = tilebit;
namespace kernels = tb::kernels;

namespace {

constexpr std::int64_t untouched = 99;

struct extent {
  std::int64_t m, n, from_ld, to_ld;
};
std::vector<extent> extents() {
  std::vector<extent> all;
  for (const std::int64_t m : {0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 64, 70}) {
    for (const std::int64_t n : {0, 1, 2, 5, 8, 11, 16, 19, 32, 35}) {
      all.push_back({m, n, m, n});
      all.push_back({m, n, m + 5, n + 3});
    }
  }
  return all;
}

/// As long as lines of a leading dimension are: the last one ends where its elements do.
std::size_t length(std::int64_t lines, std::int64_t ld, std::int64_t of_line) {
  return lines == 0 ? 0 : static_cast<std::size_t>((lines - 1) * ld + of_line);
}

template <class T>
std::vector<T> numbered(std::size_t count) {
  std::vector<T> out(count);
  for (std::size_t k = 0; k < count; ++k) out[k] = static_cast<T>(k + 100);
  return out;
}

template <class T>
bool is_transposed(const std::vector<T>& from, const std::vector<T>& to, const extent& e,
                   T (*change)(T)) {
  for (std::size_t k = 0; k < to.size(); ++k) {
    const auto i = static_cast<std::int64_t>(k) / e.to_ld;
    const auto j = static_cast<std::int64_t>(k) % e.to_ld;
    const T expected = j < e.n ? change(from[static_cast<std::size_t>(j * e.from_ld + i)])
                               : static_cast<T>(untouched);
    if (to[k] != expected) return false;
  }
  return true;
}

} // namespace

TEMPLATE_TEST_CASE("transposed copies have every element in its place", "[spmm]", float, double,
                   std::int32_t, std::uint16_t) {
  using T = TestType;
  for (const auto& row : kernels::transpose_table<T>::rows) {
    if (row.level > tb::detail::best_isa()) {
      WARN("skipped: this machine has no kernel \"" << row.name << "\"");
      continue;
    }
    INFO(row.name);
    for (const extent& e : extents()) {
      INFO(e.m << " x " << e.n << " of " << e.from_ld << ", " << e.to_ld);
      const auto from = numbered<T>(length(e.n, e.from_ld, e.m));
      std::vector<T> to(e.n == 0 ? 0 : length(e.m, e.to_ld, e.n), static_cast<T>(untouched));
      row.function(from.data(), e.from_ld, e.m, e.n, to.data(), e.to_ld);
      REQUIRE(is_transposed<T>(from, to, e, [](T x) { return x; }));
    }
  }
}

TEST_CASE("transposed words have their bits flipped", "[low precision]") {
  auto* const transpose = kernels::transpose_words();
  if (transpose == nullptr) {
    WARN("skipped: this machine has no AVX-512");
    return;
  }
  using T = std::uint32_t;
  constexpr T flip = 0x80808080U;
  for (const extent& e : extents()) {
    INFO(e.m << " x " << e.n << " of " << e.from_ld << ", " << e.to_ld);
    const auto from = numbered<T>(length(e.n, e.from_ld, e.m));
    std::vector<T> to(e.n == 0 ? 0 : length(e.m, e.to_ld, e.n), T{untouched});
    transpose(from.data(), 4 * e.from_ld, e.m, e.n, to.data(), 4 * e.to_ld, flip);
    REQUIRE(is_transposed<T>(from, to, e, [](T x) { return x ^ flip; }));
  }
}
