// The bitmap format: the published figure, every tile there is, every invariant that can break.
#include <bit>
#include <cstdint>
#include <type_traits>
#include <vector>

#include <tilebit/inspect.hpp>
#include <tilebit/multiply.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using oracle::contains;
using oracle::message_of;
using oracle::position_of;

namespace {

using reals = std::vector<double>;
using maps = std::vector<std::uint16_t>;
using cols32 = std::vector<std::int32_t>;
using offsets64 = std::vector<std::int64_t>;
using tile = tb::bitmap_tile<std::int32_t>;
using tiles = std::vector<tile>;
using bitmap = tb::bitmap_matrix<double>;

// a1 .. a9 are 1 .. 9; row-major here, so that the order of the elements below is the library's.
tb::coo_matrix<double> figure_as_coo() {
  return {{1, 2, 3, 4, 5, 6, 7, 8, 9},
          {0, 1, 1, 1, 2, 3, 3, 6, 6},
          {1, 2, 4, 5, 5, 1, 7, 4, 7},
          {8, 8}};
}
const reals figure_elements{1, 2, 6, 3, 4, 5, 7, 8, 9};
const tiles figure_tiles{{0, 0, 0, 0x2042}, {0, 1, 3, 0x8230}, {1, 1, 7, 0x0900}};

// The five arrays of the figure, to be broken one at a time.
struct arrays {
  reals elements = figure_elements;
  maps bitmaps{0x2042, 0x8230, 0x0900};
  cols32 tile_cols{0, 1, 1};
  offsets64 tile_row_offsets{0, 2, 3};
  offsets64 element_offsets{0, 7, 9};
  tb::shape shape{8, 8};

  tb::bitmap_view<const double> view() const {
    return {elements, bitmaps, tile_cols, tile_row_offsets, element_offsets, shape};
  }
  bitmap matrix() const {
    return {elements, bitmaps, tile_cols, tile_row_offsets, element_offsets, shape};
  }
};

void check_invalid(const arrays& a, std::int64_t position, const char* text) {
  CAPTURE(text);
  CHECK_NOTHROW(a.view());
  CHECK(position_of<tb::invalid_matrix>([&] { tb::validate(a.view()); }) == position);
  CHECK(position_of<tb::invalid_matrix>([&] { a.matrix(); }) == position);
  CHECK(contains(message_of<tb::invalid_matrix>([&] { a.matrix(); }), text));
  CHECK_THROWS_AS(tb::to_coo(a.view()), tb::invalid_matrix);
  CHECK_THROWS_AS(tb::analyze(a.view()), tb::invalid_matrix);
}

void check_mismatch(const arrays& a, const char* text) {
  CAPTURE(text);
  CHECK(contains(message_of<tb::dimension_mismatch>([&] { a.view(); }), text));
  CHECK_THROWS_AS(a.matrix(), tb::dimension_mismatch);
}

void check_refused(const tiles& t, const reals& elements, tb::shape s, std::int64_t position,
                   const char* text) {
  CAPTURE(text);
  CHECK(position_of<tb::invalid_matrix>([&] { bitmap(elements, t, s); }) == position);
  CHECK(contains(message_of<tb::invalid_matrix>([&] { bitmap(elements, t, s); }), text));
}

} // namespace

TEST_CASE("the published figure comes out of COO and goes back", "[bitmap]") {
  const auto coo = figure_as_coo();
  const auto b = tb::to_bitmap(coo);
  const auto listed = b.tiles();
  CHECK(listed.size() == 3);
  CHECK(tiles(listed.begin(), listed.end()) == figure_tiles);
  CHECK(reals(b.elements().begin(), b.elements().end()) == figure_elements);
  CHECK(b == bitmap(figure_elements, figure_tiles, {8, 8}));
  CHECK(b ==
        bitmap(figure_elements, {{0, 0, 0, 0x2042}, {0, 1, 3, 0x8230}, {1, 1, 7, 0x0900}}, {8, 8}));
  CHECK(b == bitmap(figure_elements, listed, {8, 8}));
  CHECK(b == arrays().matrix());
  CHECK(tb::to_coo(b) == coo);
  CHECK(tb::to_dense(b) == tb::to_dense(coo));
  CHECK(tb::to_bitmap(tb::to_dense(coo)) == b);
  CHECK(b.rows() == 8);
  CHECK(b.cols() == 8);
  CHECK(b.nnz() == 9);
  CHECK(b.tile_rows() == 2);
  CHECK(b.bitmaps().size() == 3);
  CHECK(b.tile_cols().size() == 3);
  CHECK(b.tile_row_offsets()[1] == 2);
  CHECK(b.element_offsets()[1] == 7);
}

TEST_CASE("bitmap types are deduced, moved and converted", "[bitmap]") {
  const tb::bitmap_matrix from_tiles(figure_elements, figure_tiles, {8, 8});
  static_assert(std::is_same_v<decltype(from_tiles), const bitmap>);
  const arrays a;
  const tb::bitmap_matrix from_arrays(a.elements, a.bitmaps, offsets64{0, 1, 1}, a.tile_row_offsets,
                                      a.element_offsets, {8, 8});
  static_assert(
      std::is_same_v<decltype(from_arrays), const tb::bitmap_matrix<double, std::int64_t>>);
  const tb::bitmap_view v(a.elements, a.bitmaps, a.tile_cols, a.tile_row_offsets, a.element_offsets,
                          {8, 8});
  static_assert(std::is_same_v<decltype(v), const tb::bitmap_view<const double>>);
  CHECK(tb::to_coo(v) == figure_as_coo());

  reals elements = figure_elements;
  const double* const data = elements.data();
  bitmap owner(std::move(elements), figure_tiles, {8, 8});
  CHECK(owner.elements().data() == data);
  owner.elements()[0] = 10;
  CHECK(tb::to_dense(owner)(0, 1) == 10);
  static_assert(std::is_same_v<decltype(tb::bitmap_view(owner)), tb::bitmap_view<double>>);
  static_assert(std::is_same_v<decltype(tb::bitmap_view(std::as_const(owner))),
                               tb::bitmap_view<const double>>);
  const tb::bitmap_view<double> writable = owner;
  const tb::bitmap_view<const double> read_only = writable;
  writable.elements()[1] = 20;
  CHECK(read_only.elements()[1] == 20);
  CHECK(tb::bitmap_view<double>().tiles().empty());
  CHECK(tb::bitmap_view<double>().tile_row_offsets().size() == 1);
}

TEST_CASE("all 65536 tiles convert and multiply exactly at every level", "[bitmap]") {
  const tb::isa before = tb::active_isa();
  const reals x{1, 10, 100, 1000};
  std::vector<unsigned> wrong_conversion;
  std::vector<unsigned> wrong_product;
  for (unsigned bits = 1; bits < 65536; ++bits) {
    reals elements(static_cast<std::size_t>(std::popcount(bits)));
    reals expected(4);
    tb::dense_matrix<double> dense({4, 4});
    std::size_t k = 0;
    for (unsigned bit = 0; bit < 16; ++bit) {
      if ((bits >> bit & 1) == 0) continue;
      elements[k] = static_cast<double>(bit + 1);
      dense(bit / 4, bit % 4) = elements[k];
      expected[bit / 4] += elements[k++] * x[bit % 4];
    }
    const bitmap b(elements, tiles{{0, 0, 0, static_cast<std::uint16_t>(bits)}}, {4, 4});
    const bool converts = tb::to_dense(b) == dense && tb::to_bitmap(dense) == b &&
                          tb::to_bitmap(tb::to_coo(b)) == b && tb::to_bitmap(tb::to_csr(b)) == b &&
                          tb::to_dense(tb::to_csr(b)) == dense &&
                          tb::to_dense(tb::to_coo(b)) == dense;
    if (!converts) wrong_conversion.push_back(bits);
    for (const tb::isa level : tb::supported_isas()) {
      tb::set_isa(level);
      reals y(4, -1.0);
      tb::multiply(b, x, y);
      if (y != expected) wrong_product.push_back(bits);
    }
  }
  tb::set_isa(before);
  CHECK(wrong_conversion.empty());
  CHECK(wrong_product.empty());
  CHECK(position_of<tb::invalid_matrix>([] { bitmap(reals{}, tiles{{0, 0, 0, 0}}, {4, 4}); }) == 0);
}

TEST_CASE("all tiles in one row of tiles, in order and shuffled", "[bitmap]") {
  reals elements;
  tiles row;
  for (std::int32_t bits = 1; bits < 65536; ++bits) {
    row.push_back({0, bits - 1, static_cast<std::int64_t>(elements.size()),
                   static_cast<std::uint16_t>(bits)});
    for (int k = std::popcount(static_cast<unsigned>(bits)); k > 0; --k) {
      elements.push_back(static_cast<double>(elements.size() % 1000));
    }
  }
  const bitmap b(elements, row, {4, 4 * 65535});
  CHECK(tiles(b.tiles().begin(), b.tiles().end()) == row);
  const auto coo = tb::to_coo(b);
  generators::source from(4);
  CHECK(tb::to_bitmap(coo) == b);
  CHECK(tb::to_bitmap(tb::to_csr(b)) == b);
  CHECK(tb::to_bitmap(generators::shuffled(coo, from)) == b);
  CHECK(tb::to_bitmap(generators::column_ordered(coo)) == b);
  CHECK(tb::to_bitmap(tb::transposed(tb::to_bitmap(tb::transposed(b)))) == b);
}

TEST_CASE("edge tiles hold exactly the bits inside the matrix", "[bitmap]") {
  for (std::int64_t m = 1; m <= 4; ++m) {
    for (std::int64_t n = 1; n <= 4; ++n) {
      CAPTURE(m, n);
      for (unsigned bit = 0; bit < 16; ++bit) {
        const auto map = static_cast<std::uint16_t>(1U << bit);
        const tiles corner{{1, 2, 0, map}};
        if (bit / 4 < m && bit % 4 < n) {
          const bitmap b(reals{5}, corner, {4 + m, 8 + n});
          const auto coo = tb::to_coo(b);
          CHECK(coo.row_indices()[0] == static_cast<std::int32_t>(4 + bit / 4));
          CHECK(coo.col_indices()[0] == static_cast<std::int32_t>(8 + bit % 4));
          CHECK(tb::to_bitmap(coo) == b);
        } else {
          check_refused(corner, {5}, {4 + m, 8 + n}, 0, "tile 0 at (1, 2) stores entries outside");
        }
      }
    }
  }
}

TEST_CASE("tables of tiles with a broken invariant are refused with the position", "[bitmap]") {
  const reals one{1};
  const reals two{1, 2};
  const tb::shape s(8, 8);
  check_refused({{1, 0, 0, 1}, {0, 0, 1, 1}}, two, s, 1, "after a larger one");
  check_refused({{0, 1, 0, 1}, {0, 0, 1, 1}}, two, s, 1, "tile column 0 after 1");
  check_refused({{0, 1, 0, 1}, {0, 1, 1, 2}}, two, s, 1, "tile column 1 after 1");
  check_refused({{0, 0, 0, 1}, {0, 1, 1, 0}}, one, s, 1, "empty");
  check_refused({{0, 0, 0, 1}, {0, 1, 2, 1}}, two, s, 1, "has index 2");
  check_refused({{0, 0, 1, 1}}, one, s, 0, "has index 1");
  check_refused({{2, 0, 0, 1}}, one, s, 0, "tile row 2, outside [0, 2)");
  check_refused({{-1, 0, 0, 1}}, one, s, 0, "tile row -1");
  check_refused({{0, 2, 0, 1}}, one, s, 0, "tile_cols[0] is 2, outside [0, 2)");
  check_refused({{0, -1, 0, 1}}, one, s, 0, "tile_cols[0] is -1");
  check_refused({{0, 0, 0, 1}}, one, {0, 0}, 0, "tile row 0, outside [0, 0)");
  CHECK(contains(message_of<tb::dimension_mismatch>([&] {
                   bitmap(two, tiles{{0, 0, 0, 1}}, {8, 8});
                 }),
                 "count 1 elements, got 2"));
  CHECK_THROWS_AS(bitmap(one, tiles{{0, 0, 0, 3}}, s), tb::dimension_mismatch);
  CHECK_THROWS_AS(bitmap(reals{}, tiles{}, {1LL << 40, 4}), std::length_error);
}

TEST_CASE("compressed arrays with a broken invariant are refused with the position", "[bitmap]") {
  CHECK_NOTHROW(tb::validate(arrays().view()));
  arrays a;
  const auto broken = [&](auto&& change) {
    a = arrays();
    change();
    return a;
  };
  check_invalid(broken([&] { a.tile_row_offsets = {1, 2, 3}; }), 0, "tile_row_offsets[0] is 1");
  check_invalid(broken([&] { a.tile_row_offsets = {0, 4, 3}; }), 1, "tile_row_offsets[1] is 4");
  check_invalid(broken([&] { a.tile_row_offsets = {0, -1, 3}; }), 1, "tile_row_offsets[1] is -1");
  check_invalid(broken([&] { a.element_offsets = {1, 7, 9}; }), 0, "element_offsets[0] is 1");
  check_invalid(broken([&] { a.element_offsets = {0, 10, 9}; }), 1, "element_offsets[1] is 10");
  check_invalid(broken([&] { a.element_offsets = {0, 6, 9}; }), 0, "count 7 elements");
  check_invalid(broken([&] { a.bitmaps[1] = 0x8231; }), 0, "count 8 elements");
  check_invalid(broken([&] { a.bitmaps[2] = 0; }), 2, "is empty");
  check_invalid(broken([&] { a.tile_cols[1] = 0; }), 1, "tile column 0 after 0");
  check_invalid(broken([&] { a.tile_cols[0] = 2; }), 0, "tile_cols[0] is 2");
  check_invalid(broken([&] { a.tile_cols[2] = -1; }), 2, "tile_cols[2] is -1");
  check_invalid(broken([&] { a.shape = {8, 7}; }), 1, "outside the 8x7 matrix");
  check_invalid(broken([&] { a.shape = {6, 8}; }), 2, "outside the 6x8 matrix");
  check_mismatch(broken([&] { a.bitmaps.pop_back(); }), "2 bitmaps, 3 tile columns");
  check_mismatch(broken([&] { a.tile_row_offsets.push_back(3); }), "got 4 and 3");
  check_mismatch(broken([&] { a.element_offsets.clear(); }), "got 3 and 0");
  check_mismatch(broken([&] { a.tile_row_offsets[2] = 2; }), "last tile row offset is 2");
  check_mismatch(broken([&] { a.element_offsets[2] = 8; }), "last element offset is 8");
  check_mismatch(broken([&] { a.elements.push_back(0); }), "there are 10 elements");
  check_mismatch(broken([&] { a.shape = {9, 8}; }), "9 rows need 4");
}
