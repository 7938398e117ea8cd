// The bitmap grid: its picture, every invariant that can break, conversions and products.
#include <complex>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

#include <tilebit/inspect.hpp>
#include <tilebit/multiply.hpp>
#include <tilebit/optimize.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using generators::source;
using oracle::contains;
using oracle::message_of;
using oracle::position_of;

namespace {

using reals = std::vector<double>;
using maps = std::vector<std::uint16_t>;
using offsets64 = std::vector<std::int64_t>;
using grid = tb::bitmap_grid<double>;

// The arrays of the picture in formats/bitmap_grid.hpp, to be broken one at a time.
struct arrays {
  reals elements{1, 2, 3, 4, 5, 6, 7};
  maps bitmaps{0x2042, 0x8020, 0x0000, 0x0081};
  offsets64 element_offsets{0, 5, 7};
  tb::shape shape{6, 8};

  tb::bitmap_grid_view<const double> view() const {
    return {elements, bitmaps, element_offsets, shape};
  }
  grid matrix() const { return {elements, bitmaps, element_offsets, shape}; }
};

tb::coo_matrix<double> picture() {
  return {{1, 2, 4, 3, 5, 6, 7}, {0, 1, 1, 3, 3, 4, 5}, {1, 2, 5, 1, 7, 4, 7}, {6, 8}};
}

void check_invalid(const arrays& a, std::int64_t position, const char* text) {
  CAPTURE(text);
  CHECK_NOTHROW(a.view());
  CHECK(position_of<tb::invalid_matrix>([&] { tb::validate(a.view()); }) == position);
  CHECK(position_of<tb::invalid_matrix>([&] { a.matrix(); }) == position);
  CHECK(contains(message_of<tb::invalid_matrix>([&] { a.matrix(); }), text));
  CHECK_THROWS_AS(tb::to_coo(a.view()), tb::invalid_matrix);
  CHECK_THROWS_AS(tb::to_bitmap(a.view()), tb::invalid_matrix);
  CHECK_THROWS_AS(tb::to_bitmap_grid(a.view()), tb::invalid_matrix);
  CHECK_THROWS_AS(tb::to_dense(tb::transposed(a.view())), tb::invalid_matrix);
  CHECK_THROWS_AS(tb::analyze(a.view()), tb::invalid_matrix);
}

void check_mismatch(const arrays& a, const char* text) {
  CAPTURE(text);
  CHECK(contains(message_of<tb::dimension_mismatch>([&] { a.view(); }), text));
  CHECK_THROWS_AS(a.matrix(), tb::dimension_mismatch);
}

template <class G>
std::int64_t bytes_of(const G& g) {
  return static_cast<std::int64_t>(g.elements().size_bytes() + g.bitmaps().size_bytes() +
                                   g.element_offsets().size_bytes());
}

/// All roads to the grid and from it; a is in row-major order without duplicates.
template <class T, class I>
void check_conversions(const tb::coo_matrix<T, I>& a, source& from) {
  CAPTURE(a.rows(), a.cols(), a.nnz());
  const auto csr = tb::to_csr(a);
  const auto bitmap = tb::to_bitmap(a);
  const auto g = tb::to_bitmap_grid(a);
  CHECK_NOTHROW(tb::validate(g));
  CHECK(g.nnz() == a.nnz());
  CHECK(g.tile_rows() == (a.rows() + 3) / 4);
  CHECK(g.tiles_per_row() == (a.cols() + 3) / 4);
  CHECK(tb::to_coo(g) == a);
  CHECK(tb::to_csr(g.view()) == csr);
  CHECK(tb::to_bitmap(g) == bitmap);
  CHECK(tb::to_dense(g) == tb::to_dense(a));
  CHECK(tb::to_bitmap_grid(g) == g);
  CHECK(tb::to_bitmap_grid(csr) == g);
  CHECK(tb::to_bitmap_grid(bitmap.view()) == g);
  CHECK(tb::to_bitmap_grid(generators::shuffled(a, from)) == g);
  CHECK(tb::to_bitmap_grid(tb::optimize(a)) == g);
  CHECK(tb::to_coo(tb::optimize(g)) == a);
  CHECK(tb::to_bitmap_grid(tb::transposed(tb::to_csr(tb::transposed(g)))) == g);
  CHECK(tb::to_bitmap_grid(tb::transposed(tb::to_bitmap_grid(tb::transposed(a)))) == g);
  CHECK(tb::to_bitmap(tb::scaled(2, g)) == tb::to_bitmap(tb::scaled(2, a)));
  const auto wide = tb::to_bitmap_grid<std::int64_t>(g);
  CHECK(std::is_same_v<decltype(wide), const tb::bitmap_grid<T, std::int64_t>>);
  CHECK(tb::to_bitmap<I>(wide) == bitmap);
  if constexpr (std::is_same_v<I, std::int32_t>) {
    CHECK(tb::to_bitmap_grid(tb::to_dense<tb::col_major>(a), {.threshold = -1}).nnz() ==
          a.rows() * a.cols());
  }
  std::size_t k = 0;
  bool in_order = true;
  auto tile_by_tile = tb::entries(bitmap).begin();
  for (const auto e : tb::entries(g)) {
    in_order = in_order && e == *tile_by_tile;
    ++tile_by_tile;
    ++k;
  }
  CHECK(in_order);
  CHECK(k == static_cast<std::size_t>(a.nnz()));
  const auto s = tb::analyze(g);
  const auto expected = tb::analyze(a);
  CHECK(s.tiles == expected.tiles);
  CHECK(s.fill_histogram == expected.fill_histogram);
  CHECK(s.bytes.bitmap_grid == bytes_of(g));
  CHECK(s.bytes.bitmap == expected.bytes.bitmap);
}

} // namespace

TEST_CASE("the picture comes out of COO and goes back", "[grid]") {
  const auto g = tb::to_bitmap_grid(picture());
  const arrays a;
  CHECK(reals(g.elements().begin(), g.elements().end()) == a.elements);
  CHECK(maps(g.bitmaps().begin(), g.bitmaps().end()) == a.bitmaps);
  CHECK(offsets64(g.element_offsets().begin(), g.element_offsets().end()) == a.element_offsets);
  CHECK(g == a.matrix());
  CHECK(g == grid(a.elements, a.bitmaps, {6, 8}));
  CHECK(g == grid({1, 2, 3, 4, 5, 6, 7}, {0x2042, 0x8020, 0, 0x0081}, {6, 8}));
  CHECK(tb::to_coo(g) == picture());
  CHECK(tb::to_bitmap_grid(a.view()) == g);
}

TEST_CASE("a grid is a value, a view refers", "[grid]") {
  arrays a;
  tb::bitmap_grid g(a.elements, a.bitmaps, a.shape);
  CHECK(std::is_same_v<decltype(g), grid>);
  tb::bitmap_grid_view v(a.elements, a.bitmaps, a.element_offsets, a.shape);
  CHECK(std::is_same_v<decltype(v), tb::bitmap_grid_view<double>>);
  v.elements()[2] = 30;
  CHECK(a.elements[2] == 30);
  const tb::bitmap_grid_view<const double> c = v;
  CHECK(c.elements().data() == a.elements.data());
  g.elements()[2] = 30;
  CHECK(g == a.matrix());
  const auto copy = g;
  const auto moved = std::move(g);
  CHECK(moved == copy);
  CHECK(g == grid()); // NOLINT: a moved-from grid is the empty one
  CHECK(g.element_offsets().size() == 1);
  tb::validate(g);
  tb::validate(tb::bitmap_grid_view<const float>());
  CHECK(grid({}, {}, {0, 0}) == grid());
  CHECK(grid({}, {}, {0, 5}) != grid({}, {}, {5, 0}));
  CHECK(grid({}, {}, {5, 0}).element_offsets().size() == 3);
}

TEST_CASE("a broken grid is refused with its first broken place", "[grid]") {
  arrays a;
  a.element_offsets = {1, 5, 7};
  check_invalid(a, 0, "element_offsets[0] is 1");
  a.element_offsets = {0, 8, 7};
  check_invalid(a, 1, "element_offsets[1] is 8");
  a.element_offsets = {0, 4, 7};
  check_invalid(a, 0, "tile row 0 count 5 elements, its element offsets 4");
  a = {};
  a.bitmaps[3] = 0x0101; // row 2 of the lower tiles lies outside
  check_invalid(a, 3, "tile 3 at (1, 1) stores entries outside the 6x8");
  a = {};
  a.shape = {6, 7};
  check_invalid(a, 1, "tile 1 at (0, 1) stores entries outside the 6x7");
  a = {};
  a.bitmaps[2] = 1;
  check_invalid(a, 1, "tile row 1 count 3 elements");
}

TEST_CASE("arrays of wrong lengths are refused", "[grid]") {
  arrays a;
  a.bitmaps.pop_back();
  check_mismatch(a, "a 6x8 matrix has 4 tiles, got 3 bitmaps");
  CHECK_THROWS_AS(grid(a.elements, a.bitmaps, a.shape), tb::dimension_mismatch);
  a = {};
  a.element_offsets.push_back(7);
  check_mismatch(a, "6 rows need 3 element offsets, got 4");
  a = {};
  a.elements.push_back(0);
  check_mismatch(a, "the last element offset is 7, there are 8 elements");
  CHECK_THROWS_AS(grid(a.elements, a.bitmaps, a.shape), tb::dimension_mismatch);
}

TEST_CASE("grids that do not fit are refused", "[grid]") {
  const auto most = std::numeric_limits<std::int64_t>::max();
  const tb::coo_matrix<float, std::int64_t> huge(tb::shape(most, most));
  CHECK(contains(message_of<std::length_error>([&] { tb::to_bitmap_grid(huge); }),
                 "do not fit 64 bits"));
  CHECK_THROWS_AS((tb::bitmap_grid_view<const float, std::int64_t>({}, {}, {}, {most, most})),
                  std::length_error);
  const tb::coo_matrix<float, std::int64_t> wide(tb::shape(1, std::int64_t{1} << 31));
  CHECK_THROWS_AS(tb::to_bitmap_grid<std::int32_t>(wide), std::length_error);
  CHECK_THROWS_AS(grid({}, {}, {0, std::int64_t{1} << 31}), std::length_error);
  CHECK(tb::to_bitmap_grid(tb::coo_matrix<float, std::int64_t>(tb::shape(0, most))).nnz() == 0);
}

TEMPLATE_TEST_CASE("conversions to the grid and from it are exact", "[grid]", double, tb::bfloat16,
                   std::int8_t) {
  source from(61);
  for (const int m : {0, 1, 3, 4, 5, 16, 17, 65}) {
    for (const int n : {0, 1, 3, 4, 5, 16, 17, 65}) {
      check_conversions(generators::uniform<TestType>(m, n, m % 4 == 0 ? 50 : 8, from), from);
    }
  }
  check_conversions(generators::uniform<TestType, std::int64_t>(37, 41, 100, from), from);
  check_conversions(generators::empty_rows<TestType, std::uint32_t>(50, 90, from), from);
}

TEST_CASE("options of conversions hold for the grid", "[grid]") {
  const tb::coo_matrix<double> a({1, -1, 0, 5}, {0, 0, 1, 4}, {2, 2, 0, 4}, {5, 5});
  const auto g = tb::to_bitmap_grid(a);
  CHECK(g.nnz() == 3); // explicit zeros are kept
  CHECK(tb::to_bitmap_grid(a, {.drop_zeros = true}).nnz() == 1);
  CHECK(tb::to_bitmap(g, {.drop_zeros = true}).nnz() == 1);
  CHECK(tb::to_bitmap_grid(g, {.drop_zeros = true}).bitmaps()[0] == 0);
  CHECK_THROWS_AS(tb::to_bitmap_grid(a, {.duplicates = tb::duplicates::error}), tb::invalid_matrix);
  const tb::dense_matrix<float> d({0, 2, -3, 0.5F}, {2, 2});
  CHECK(tb::to_bitmap_grid(d).nnz() == 3);
  CHECK(tb::to_bitmap_grid(d.view(), {.threshold = 1}).bitmaps()[0] == 0x12);
}

TEMPLATE_TEST_CASE("products with a grid", "[grid]", float, double, std::complex<float>,
                   std::int32_t) {
  using T = TestType;
  source from(62);
  for (const auto& a :
       {generators::uniform<T>(33, 70, 40, from), generators::uniform<T>(70, 33, 5, from),
        generators::uniform<T>(3, 2, 100, from), generators::uniform<T>(700, 301, 60, from),
        tb::coo_matrix<T>(tb::shape(9, 0)), tb::coo_matrix<T>(tb::shape(0, 9))}) {
    const auto check = [&from](const auto& f) {
      const auto x = generators::vector<T>(f.cols(), from);
      const auto y0 = generators::vector<T>(f.rows(), from);
      std::vector<T> y(y0.size());
      tb::multiply(f, x, y);
      oracle::check_spmv(f, x, y);
      tb::multiply(tb::scaled(3, f), x, tb::scaled(2, y0), y);
      oracle::check_spmv(f, x, y, T{3}, T{2}, y0);
      std::vector<T> other(y.size());
      tb::multiply(tb::threads(3), tb::scaled(3, f), x, tb::scaled(2, y0), other);
      CHECK(other == y);
      const tb::dense_matrix<T, tb::col_major> b(generators::vector<T>(f.cols() * 35, from),
                                                 {f.cols(), 35});
      tb::dense_matrix<T> c({f.rows(), 35});
      tb::multiply(f, b, c);
      oracle::check_spmm(f, b, c);
      const auto c0 = c;
      tb::multiply(tb::par, tb::scaled(2, f), b, tb::scaled(3, c), c);
      oracle::check_spmm(f, b, c, T{2}, T{3}, c0);
    };
    const auto g = tb::to_bitmap_grid(a);
    check(g);
    check(g.view());
    check(tb::transposed(g));
    check(tb::conjugated(tb::transposed(g)));
  }
}

TEST_CASE("a product overlapping a grid is refused", "[grid]") {
  arrays a;
  const tb::bitmap_grid_view v(a.elements, a.bitmaps, a.element_offsets, a.shape);
  const reals x(8, 1);
  const std::span<double> z(a.elements.data(), 6);
  CHECK(contains(message_of<std::invalid_argument>([&] { tb::multiply(v, x, z); }),
                 "the elements of A overlaps"));
  CHECK(a.elements == arrays().elements);
}

TEST_CASE("structural zeros of a grid never multiply", "[grid]") {
  const auto g = tb::to_bitmap_grid(picture());
  reals x(8, 1);
  x[5] = std::numeric_limits<double>::infinity();
  reals y(6);
  tb::multiply(g, x, y);
  CHECK(y == reals{1, x[5], 0, 8, 6, 7});
}
