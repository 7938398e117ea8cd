// COO, CSR and dense, views and owning: what constructors accept, refuse and deduce.
#include <array>
#include <cerrno>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/core/array_of.hpp>
#include <tilebit/inspect.hpp>

#include "catch.hpp"
#include "generators.hpp"
#include "oracle.hpp"

namespace tb = tilebit;
using oracle::contains;
using oracle::message_of;
using oracle::position_of;

namespace {

using i32 = std::vector<std::int32_t>;
using i64 = std::vector<std::int64_t>;
using reals = std::vector<double>;

// The picture of the headers: 2 7 in row 0, columns 0 and 2; 5 in row 1, column 1.
tb::coo_matrix<double> picture() {
  return {reals{2, 7, 5}, i32{0, 0, 1}, i32{0, 2, 1}, {2, 3}};
}

template <class A>
void check_empty(const A& a) {
  CHECK(a.rows() == 0);
  CHECK(a.cols() == 0);
  CHECK(a.nnz() == 0);
  CHECK_NOTHROW(tb::validate(a));
  CHECK(tb::to_coo(a).nnz() == 0);
  CHECK(tb::to_csr(a).row_offsets().size() == 1);
  CHECK(tb::to_bitmap(a).tile_row_offsets().size() == 1);
  for (const auto e : tb::entries(a)) CHECK(e.value != e.value);
}

template <class A>
void check_life_cycle(A a) {
  const A copy = a;
  A moved = std::move(a);
  CHECK(moved == copy);
  check_empty(a);
  a = copy;
  CHECK(a == copy);
  moved = std::move(a);
  check_empty(a);
  CHECK(moved == copy);
  check_empty(A());
  CHECK(A() == A());
  CHECK(!(A() == copy));
}

template <class Matrix>
void check_shapes() {
  CHECK_THROWS_AS(Matrix({-1, 2}), std::invalid_argument);
  CHECK_THROWS_AS(Matrix({2, -1}), std::invalid_argument);
}

} // namespace

TEST_CASE("shapes take any integer type and refuse negative and huge ones", "[formats]") {
  CHECK(tb::shape(std::size_t{2}, short{3}) == tb::shape(2, 3));
  CHECK(tb::shape() == tb::shape(0U, 0L));
  CHECK_THROWS_AS(tb::shape(std::numeric_limits<std::uint64_t>::max(), 1), std::length_error);
  check_shapes<tb::coo_matrix<double>>();
  check_shapes<tb::dense_matrix<double>>();
  CHECK(contains(message_of<std::invalid_argument>([] { tb::shape(1, -7); }), "-7"));
  // 2^31 - 1 rows fit 32-bit indices, 2^31 do not.
  CHECK_NOTHROW(tb::coo_matrix<float>({std::int64_t{0x7fffffff}, 1}));
  CHECK_THROWS_AS(tb::coo_matrix<float>({std::int64_t{1} << 31, 1}), std::length_error);
  CHECK_NOTHROW(tb::coo_matrix<float, std::uint32_t>({std::int64_t{1} << 31, 1}));
  CHECK_NOTHROW(tb::coo_matrix<float, std::int64_t>({std::int64_t{1} << 62, 1}));
  CHECK_THROWS_AS(tb::csr_matrix<float>(std::vector<float>{}, i32{0}, i32{}, {0, 1LL << 40}),
                  std::length_error);
  CHECK_THROWS_AS(tb::dense_matrix<double>({1LL << 62, 1LL << 62}), std::length_error);
}

TEST_CASE("COO constructors deduce, move, convert and check", "[formats]") {
  reals values{2, 7, 5};
  const double* const data = values.data();
  const i64 rows{0, 0, 1};
  const tb::coo_matrix moved(std::move(values), rows, i64{0, 2, 1}, {2, 3});
  static_assert(std::is_same_v<decltype(moved), const tb::coo_matrix<double, std::int64_t>>);
  CHECK(moved.values().data() == data);
  CHECK(moved.rows() == 2);
  CHECK(moved.cols() == 3);
  CHECK(moved.nnz() == 3);

  const std::array<float, 1> one{1.5F};
  const int index[1] = {0};
  const tb::coo_matrix small(one, index, std::span(index), {1, 1});
  static_assert(std::is_same_v<decltype(small), const tb::coo_matrix<float, int>>);
  CHECK(small.values()[0] == 1.5F);
  CHECK(
      tb::coo_matrix<double>(reals{1}, std::vector<short>{0}, std::vector<unsigned char>{2}, {1, 3})
          .col_indices()[0] == 2);
  CHECK(tb::coo_matrix<double>({2.0, 7.0, 5.0}, {0, 0, 1}, {0, 2, 1}, {2, 3}) == picture());

  using coo = tb::coo_matrix<double>;
  CHECK_THROWS_AS(coo(reals{1}, i32{0, 1}, i32{0}, {2, 2}), tb::dimension_mismatch);
  CHECK_THROWS_AS(coo(reals{1}, i32{0}, i32{}, {2, 2}), tb::dimension_mismatch);
  CHECK_THROWS_AS(coo(reals{1, 2}, i32{0}, i32{0}, {2, 2}), tb::dimension_mismatch);
  CHECK(contains(message_of<tb::dimension_mismatch>([] {
                   coo({1.0}, {0, 1}, {}, {2, 2});
                 }),
                 "1 values, 2 row indices, 0 column indices"));
  CHECK(position_of<tb::invalid_matrix>([] { coo({1, 2}, {0, 2}, {0, 0}, {2, 2}); }) == 1);
  CHECK(position_of<tb::invalid_matrix>([] { coo({1, 2}, {0, -1}, {0, 0}, {2, 2}); }) == 1);
  CHECK(position_of<tb::invalid_matrix>([] { coo({1, 2}, {0, 1}, {2, 0}, {2, 2}); }) == 0);
  CHECK(position_of<tb::invalid_matrix>([] {
          coo(reals{1, 2}, i64{0, std::int64_t{1} << 33}, i32{0, 0}, {2, 2});
        }) == 1);
  CHECK(contains(message_of<tb::invalid_matrix>([] {
                   coo({1}, {0}, {9}, {2, 2});
                 }),
                 "col_indices[0] is 9, outside [0, 2)"));
  CHECK_THROWS_AS(coo({1}, {0}, {0}, {0, 1}), tb::invalid_matrix);
}

TEST_CASE("COO views wrap arrays and are checked by validate", "[formats]") {
  reals values{2, 7};
  const i32 rows{0, 5};
  const i32 cols{0, -2};
  tb::coo_view v(values, rows, cols, {2, 3});
  static_assert(std::is_same_v<decltype(v), tb::coo_view<double, std::int32_t>>);
  tb::coo_view<const double, std::int32_t> read_only = v;
  static_assert(!std::is_convertible_v<tb::coo_view<const double>, tb::coo_view<double>>);
  v.values()[0] = 3;
  CHECK(read_only.values()[0] == 3);
  CHECK(position_of<tb::invalid_matrix>([&] { tb::validate(v); }) == 1);
  CHECK(contains(message_of<tb::invalid_matrix>([&] { tb::validate(read_only); }), "row_indices"));
  CHECK_THROWS_AS(tb::coo_view(values, i32{0}, cols, {2, 3}), tb::dimension_mismatch);
  CHECK_THROWS_AS(tb::coo_view(values, rows, cols, {1LL << 32, 3}), std::length_error);
  tb::coo_matrix<double> owner = picture();
  static_assert(std::is_same_v<decltype(tb::coo_view(owner)), tb::coo_view<double, int>>);
  static_assert(std::is_same_v<decltype(tb::coo_view(std::as_const(owner))),
                               tb::coo_view<const double, int>>);
  tb::coo_view<double>(owner).values()[2] = 50;
  CHECK(owner.values()[2] == 50);
  check_empty(tb::coo_view<double>());
}

TEST_CASE("CSR constructors deduce, convert and check", "[formats]") {
  const tb::csr_matrix a(reals{2, 7, 5}, i32{0, 2, 3}, i64{0, 2, 1}, {2, 3});
  static_assert(
      std::is_same_v<decltype(a), const tb::csr_matrix<double, std::int64_t, std::int32_t>>);
  CHECK(tb::to_coo<std::int32_t>(a) == picture());
  reals values{2, 7, 5};
  const double* const data = values.data();
  tb::csr_matrix<double> moved(std::move(values), {0, 2, 3}, {0, 2, 1}, {2, 3});
  CHECK(moved.values().data() == data);
  moved.values()[1] = 70;
  CHECK(tb::to_dense(moved)(0, 2) == 70);
  CHECK_NOTHROW(tb::csr_matrix<double>({}, {0}, {}, {0, 5}));
  CHECK_NOTHROW(tb::csr_matrix<double>({}, {0, 0, 0}, {}, {2, 0}));

  using csr = tb::csr_matrix<double>;
  const auto mismatch = [](reals v, i32 offsets, i32 cols) {
    CHECK_THROWS_AS(csr(v, offsets, cols, {2, 3}), tb::dimension_mismatch);
    CHECK_THROWS_AS(tb::csr_view(v, offsets, cols, {2, 3}), tb::dimension_mismatch);
  };
  mismatch({1, 2}, {0, 1, 2}, {0});
  mismatch({1, 2}, {0, 2}, {0, 1});
  mismatch({1, 2}, {}, {0, 1});
  mismatch({1, 2}, {0, 1, 1}, {0, 1});
  mismatch({1, 2}, {0, 1, 3}, {0, 1});
  mismatch({1, 2}, {0, 1, -2}, {0, 1});

  const auto invalid = [](i32 offsets, i32 cols, std::int64_t position, const char* text) {
    CAPTURE(text);
    const reals v(cols.size(), 1.0);
    const tb::csr_view view(v, offsets, cols, {3, 3});
    CHECK(position_of<tb::invalid_matrix>([&] { tb::validate(view); }) == position);
    CHECK(position_of<tb::invalid_matrix>([&] { csr(v, offsets, cols, {3, 3}); }) == position);
    CHECK(contains(message_of<tb::invalid_matrix>([&] { tb::validate(view); }), text));
  };
  invalid({1, 1, 2, 3}, {0, 0, 0}, 0, "row_offsets[0] is 1, not 0");
  invalid({0, 2, 1, 3}, {0, 1, 0}, 2, "row_offsets[2] is 1 after 2");
  invalid({0, 4, 4, 3}, {0, 1, 0}, 1, "row_offsets[1] is 4");
  invalid({0, -1, 2, 3}, {0, 1, 0}, 1, "row_offsets[1] is -1");
  invalid({0, 1, 2, 3}, {0, 3, 0}, 1, "col_indices[1] is 3, outside [0, 3)");
  invalid({0, 1, 2, 3}, {0, 0, -1}, 2, "col_indices[2] is -1");
  invalid({0, 1, 1, 3}, {0, 2, 1}, 2, "row 2 holds column 1 after column 2");
  invalid({0, 2, 2, 3}, {1, 1, 0}, 1, "row 0 holds column 1 after column 1");
}

TEST_CASE("CSR views convert to const and from matrices", "[formats]") {
  reals values{2, 7, 5};
  const std::array<std::int64_t, 3> offsets{0, 2, 3};
  const std::uint32_t cols[3] = {0, 2, 1};
  tb::csr_view v(values, offsets, cols, {2, 3});
  static_assert(std::is_same_v<decltype(v), tb::csr_view<double, std::uint32_t, std::int64_t>>);
  tb::csr_view<const double, std::uint32_t> read_only = v;
  v.values()[0] = 4;
  CHECK(read_only.values()[0] == 4);
  tb::csr_matrix<double> owner = tb::to_csr(picture());
  static_assert(std::is_same_v<decltype(tb::csr_view(owner)), tb::csr_view<double>>);
  static_assert(
      std::is_same_v<decltype(tb::csr_view(std::as_const(owner))), tb::csr_view<const double>>);
  static_assert(std::is_same_v<decltype(std::as_const(owner).values()), std::span<const double>>);
  static_assert(std::is_same_v<decltype(owner.col_indices()), std::span<const std::int32_t>>);
  CHECK_THROWS_AS(tb::csr_view(values, offsets, cols, {2, 1LL << 32}), std::length_error);
  const std::string largest = message_of<std::logic_error>([&] {
    tb::csr_view(values, offsets, cols, {std::numeric_limits<std::int64_t>::max(), 3});
  });
  CHECK(!contains(largest, "-")); // rows + 1 offsets do not fit 64 signed bits
  check_empty(tb::csr_view<double>());
}

TEST_CASE("moved-from and default-constructed matrices are valid 0x0 ones", "[formats]") {
  check_life_cycle(picture());
  check_life_cycle(tb::to_csr(picture()));
  check_life_cycle(tb::to_bitmap(picture()));
  auto dense = tb::to_dense(picture());
  const auto copy = dense;
  const auto moved = std::move(dense);
  CHECK(moved == copy);
  CHECK(dense == tb::dense_matrix<double>());
  CHECK(dense.values().empty());
}

TEST_CASE("matrices are equal when shape, pattern and values are", "[formats]") {
  const auto a = picture();
  CHECK(!(a == tb::coo_matrix<double>({2, 7, 5}, {0, 0, 1}, {0, 2, 1}, {3, 3})));
  CHECK(!(a == tb::coo_matrix<double>({2, 7, 6}, {0, 0, 1}, {0, 2, 1}, {2, 3})));
  CHECK(!(a == tb::coo_matrix<double>({2, 7, 5}, {0, 0, 1}, {0, 1, 1}, {2, 3})));
  CHECK(!(tb::to_csr(a) == tb::csr_matrix<double>({2, 7, 5}, {0, 1, 3}, {0, 1, 2}, {2, 3})));
  CHECK(tb::to_csr(a) == tb::csr_matrix<double>({2, 7, 5}, {0, 2, 3}, {0, 2, 1}, {2, 3}));
  CHECK(!(tb::to_bitmap(a) ==
          tb::bitmap_matrix<double>(reals{2, 7, 5}, {{0, 0, 0, 0x0015}}, {2, 3})));
  CHECK(tb::to_bitmap(a) == tb::bitmap_matrix<double>(reals{2, 7, 5}, {{0, 0, 0, 0x0025}}, {2, 3}));
}

TEST_CASE("dense matrices and views", "[formats]") {
  reals data(12);
  for (std::size_t k = 0; k < data.size(); ++k) data[k] = static_cast<double>(k);
  const tb::dense_view rows(data.data(), {3, 4});
  static_assert(std::is_same_v<decltype(rows), const tb::dense_view<double, tb::row_major>>);
  CHECK(rows(1, 2) == 6);
  CHECK(rows.ld() == 4);
  const tb::dense_view padded(data, {3, 2}, 4U);
  CHECK(padded(2, 1) == 9);
  CHECK(padded.extent() == 10);
  const tb::dense_view<double, tb::col_major> columns(data.data(), {3, 4});
  CHECK(columns(1, 2) == 7);
  const tb::dense_view<const double, tb::col_major> read_only = columns;
  columns(1, 2) = 70;
  CHECK(read_only(1, 2) == 70);
  const tb::dense_view of_const(std::as_const(data), {3, 4});
  static_assert(std::is_same_v<decltype(of_const), const tb::dense_view<const double>>);
  static_assert(!std::is_convertible_v<tb::dense_view<const double>, tb::dense_view<double>>);

  CHECK_THROWS_AS(tb::dense_view(data.data(), {3, 4}, 3), tb::dimension_mismatch);
  CHECK_THROWS_AS(tb::dense_view(data.data(), {3, 4}, -4), tb::dimension_mismatch);
  CHECK_THROWS_AS(tb::dense_view(data.data(), {3, 4}, ~std::uint64_t{0}), tb::dimension_mismatch);
  CHECK_THROWS_AS((tb::dense_view<double, tb::col_major>(data.data(), {3, 4}, 2)),
                  tb::dimension_mismatch);
  CHECK(contains(message_of<tb::dimension_mismatch>([&] {
                   tb::dense_view(data.data(), {3, 4}, 3);
                 }),
                 "leading dimension 3 is smaller than 4 for a 3x4 matrix"));
  CHECK_THROWS_AS(tb::dense_view(data, {4, 4}), tb::dimension_mismatch);
  CHECK_THROWS_AS(tb::dense_view(data, {3, 2}, 6), tb::dimension_mismatch);
  CHECK_NOTHROW(tb::dense_view(data, {3, 2}, 5)); // the last row needs no padding
  double* const null = nullptr;
  CHECK_THROWS_AS(tb::dense_view(null, {3, 4}), std::invalid_argument);
  CHECK_NOTHROW(tb::dense_view(null, {0, 4}));
  CHECK_NOTHROW(tb::dense_view(null, {3, 0}));
  CHECK_THROWS_AS(tb::dense_view(data.data(), {1LL << 40, 1LL << 40}), std::length_error);
  CHECK(tb::dense_view<double>().extent() == 0);

  tb::dense_matrix<double> owned(std::move(data), {3, 4});
  CHECK(owned(0, 3) == 3);
  owned(0, 3) = -3;
  CHECK(owned.values()[3] == -3);
  CHECK(tb::dense_matrix<double, tb::col_major>(reals{1, 2, 3, 4}, {2, 2})(1, 0) == 2);
  CHECK_THROWS_AS(tb::dense_matrix<double>(reals{1, 2}, {2, 2}), tb::dimension_mismatch);
  CHECK(tb::dense_matrix<double>({2, 2}) == tb::dense_matrix<double>(reals(4), {2, 2}));
}

TEMPLATE_TEST_CASE("arrays of matrices are vectors", "[formats]", std::uint16_t, double) {
  using T = TestType;
  using array = tb::detail::array_of<T>;
  constexpr std::size_t megabyte = (std::size_t{1} << 20) / sizeof(T);
  // None, few, less than a large page, a part of one that is filled up, several with a rest.
  for (const std::size_t n : {std::size_t{0}, std::size_t{5}, megabyte / 3, 2 * megabyte - 1,
                              5 * megabyte + 3, 6 * megabyte}) {
    CAPTURE(n);
    std::vector<T> from(n);
    for (std::size_t k = 0; k < n; ++k) from[k] = static_cast<T>(k % 1000);
    const auto holds = [&from](const array& a, std::size_t first = 0) {
      return std::equal(a.begin() + first, a.end(), from.begin(), from.end());
    };
    errno = 7;
    array a;
    a.reserve(n);
    CHECK(a.empty());
    CHECK(a.capacity() >= n);
    a.resize(n);
    CHECK(a == array(std::vector<T>(n)));
    a = array(from.begin(), from.end());
    CHECK(holds(a));
    const T* const there = a.data();
    a.reserve(n / 2); // keeps what is there
    CHECK(holds(a));
    CHECK(a.data() == there);
    CHECK(errno == 7);

    array b{1, 2};
    b.append(a.begin(), a.end());
    CHECK(b[1] == 2);
    CHECK(holds(b, 2));
    array pushed;
    for (const T x : from) pushed.push_back(x);
    CHECK(pushed == a);
    pushed.shrink_to_fit();
    CHECK(pushed == a);
    b = std::move(pushed);
    CHECK(holds(b));
    CHECK(pushed.empty());
    const array copy = b;
    b.assign(3, T{4});
    CHECK(b == array{4, 4, 4});
    CHECK(holds(copy));
    b.resize(4, T{5});
    CHECK(b.back() == 5);

    const T* const given = from.data();
    array kept(std::vector<T>(std::move(from)));
    CHECK(kept.data() == given);
    CHECK(kept == a);
    kept.push_back(T{9}); // beyond the vector's memory
    CHECK(kept.size() == n + 1);
    CHECK(std::equal(a.begin(), a.end(), kept.begin()));
    CHECK(kept.back() == 9);
  }
  tb::detail::ask_for_large_pages(nullptr, 0);
}
