// Matrix Market and .smtx files: every kind read, every way to be malformed refused with its line.
#include <complex>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <tilebit/inspect.hpp>
#include <tilebit/io/matrix_market.hpp>
#include <tilebit/io/smtx.hpp>

#include "catch.hpp"

namespace tb = tilebit;

namespace {

const std::string data = TILEBIT_TEST_DATA;

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

template <class T>
tb::coo_matrix<T> read(const std::string& name) {
  return tb::read_matrix_market<T>(data + "/valid/" + name);
}

/// A file in the working directory that goes away again.
struct scratch {
  std::string path;
  explicit scratch(const std::string& name) : path("tilebit_io_test_" + name) {}
  ~scratch() { std::remove(path.c_str()); }
};

template <class T>
bool same_bits(T a, T b) {
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

} // namespace

TEST_CASE("general files give their entries in order, however they are laid out", "[io]") {
  const tb::coo_matrix<double> expected({1.5, -2, 0, 1e-3}, {0, 1, 2, 0}, {0, 3, 1, 2}, {3, 4});
  CHECK(read<double>("general.mtx") == expected);
  CHECK(read<double>("crlf.mtx") == expected);
  CHECK(read<double>("spaces_upper_case.mtx") == expected);
  CHECK(read<double>("general.mtx.gz") == expected);
  CHECK(read<double>("two_members.mtx.gz") == expected);
  std::istringstream stream(text_of(data + "/valid/general.mtx.gz"));
  CHECK(tb::read_matrix_market<double>(stream) == expected);
  const auto wide = tb::read_matrix_market<double, std::int64_t>(data + "/valid/general.mtx");
  CHECK(tb::to_coo<std::int32_t>(wide) == expected);
}

TEST_CASE("fields convert where nothing is lost", "[io]") {
  const std::vector<std::int32_t> i{0, 1, 2, 0};
  const std::vector<std::int32_t> j{0, 3, 1, 2};
  CHECK(read<double>("integer.mtx") == tb::coo_matrix<double>({1, -2, 0, 7}, i, j, {3, 4}));
  CHECK(read<int>("integer.mtx") == tb::coo_matrix<int>({1, -2, 0, 7}, i, j, {3, 4}));
  using c = std::complex<float>;
  CHECK(read<c>("integer.mtx") == tb::coo_matrix<c>({c(1), c(-2), c(0), c(7)}, i, j, {3, 4}));
  CHECK(read<c>("complex.mtx") == tb::coo_matrix<c>({c(3, 4), c(1, -2)}, {0, 1}, {1, 0}, {2, 2}));
  CHECK_THROWS_AS(read<double>("complex.mtx"), tb::parse_error);
  CHECK_THROWS_AS(read<int>("general.mtx"), tb::parse_error);
  CHECK_THROWS_AS(read<unsigned>("integer.mtx"), tb::parse_error); // -2
}

TEST_CASE("symmetric files are expanded, each mirror right after its source", "[io]") {
  CHECK(read<float>("pattern_symmetric.mtx") ==
        tb::coo_matrix<float>({1, 1, 1, 1, 1}, {0, 1, 0, 2, 1}, {0, 0, 1, 1, 2}, {3, 3}));
  CHECK(read<double>("real_symmetric.mtx") ==
        tb::coo_matrix<double>({4, -1, -1, 2, 2}, {0, 1, 0, 2, 1}, {0, 0, 1, 1, 2}, {3, 3}));
  CHECK(read<double>("skew.mtx") ==
        tb::coo_matrix<double>({5, -5, -7, 7}, {1, 0, 2, 1}, {0, 1, 1, 2}, {3, 3}));
  using c = std::complex<double>;
  CHECK(read<c>("hermitian.mtx") ==
        tb::coo_matrix<c>({c(3), c(1, -2), c(1, 2)}, {0, 1, 0}, {0, 0, 1}, {2, 2}));
}

TEST_CASE("array files give their nonzeros column by column", "[io]") {
  CHECK(read<double>("array.mtx") ==
        tb::coo_matrix<double>({1, 3, 4, 5, 6}, {0, 0, 1, 0, 1}, {0, 1, 1, 2, 2}, {2, 3}));
  tb::dense_matrix<double> symmetric({1, 2, 3, 2, 4, 5, 3, 5, 6}, {3, 3});
  CHECK(tb::to_dense(read<double>("array_symmetric.mtx")) == symmetric);
  tb::dense_matrix<int> skew({0, -2, -3, 2, 0, -5, 3, 5, 0}, {3, 3});
  CHECK(tb::to_dense(read<int>("array_skew.mtx")) == skew);
  using c = std::complex<double>;
  tb::dense_matrix<c> hermitian({c(1), c(2, -3), c(2, 3), c(4)}, {2, 2});
  CHECK(tb::to_dense(read<c>("array_hermitian.mtx")) == hermitian);
}

TEST_CASE("matrices without entries", "[io]") {
  CHECK(read<double>("empty.mtx") == tb::coo_matrix<double>({0, 0}));
  CHECK(read<double>("no_entries.mtx") == tb::coo_matrix<double>({5, 7}));
}

TEST_CASE("infinities, NaN, the sign of zero and underflow", "[io]") {
  const auto a = read<double>("special_values.mtx");
  constexpr double inf = std::numeric_limits<double>::infinity();
  REQUIRE(a.nnz() == 5);
  CHECK(a.values()[0] == inf);
  CHECK(a.values()[1] == -inf);
  CHECK(a.values()[2] != a.values()[2]);
  CHECK(same_bits(a.values()[3], -0.0));
  CHECK(same_bits(a.values()[4], 0.0));

  const auto value = [](const std::string& number) {
    std::istringstream text("%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 " + number);
    return tb::read_matrix_market<double>(text).values()[0];
  };
  const std::string zeros(700, '0');
  CHECK(value("0." + zeros + "1") == 0.0); // too small, whatever the sign of an exponent
  CHECK(value("0." + zeros + "1e+10") == 0.0);
  CHECK(value("1e-99999999999999999999") == 0.0);
  CHECK(value("0.01e-9223372036854775808") == 0.0);
  CHECK(value("1D-400") == 0.0);
  CHECK(value("0." + zeros + "1D+710") == 1e9);
  CHECK_THROWS_AS(value("1" + zeros + "e-300"), tb::parse_error); // too large
  CHECK_THROWS_AS(value("1" + zeros), tb::parse_error);
  CHECK_THROWS_AS(value("1e+99999999999999999999"), tb::parse_error);
  CHECK_THROWS_AS(value("1e9223372036854775807"), tb::parse_error);
  CHECK_THROWS_AS(value("1D+400"), tb::parse_error);
  CHECK_THROWS_AS(value("1D-400x"), tb::parse_error);
}

TEMPLATE_TEST_CASE("integer files hold integers, whatever they are read as", "[io]", float, double,
                   tb::bfloat16, std::complex<float>, std::int32_t) {
  const auto value = [](const std::string& number) {
    std::istringstream text("%%MatrixMarket matrix coordinate integer general\n1 1 1\n1 1 " +
                            number);
    return tb::read_matrix_market<TestType>(text).values()[0];
  };
  CHECK(value("-3") == TestType(-3));
  for (const char* wrong : {"1.5", "inf", "nan"}) CHECK_THROWS_AS(value(wrong), tb::parse_error);
}

TEST_CASE("headers are read alone", "[io]") {
  tb::matrix_market_header h{3, 3, 3};
  h.field = tb::matrix_market_field::pattern;
  h.symmetry = tb::matrix_market_symmetry::symmetric;
  CHECK(tb::read_matrix_market_header(data + "/valid/pattern_symmetric.mtx") == h);
  h = {3, 3, 6, tb::matrix_market_format::array};
  h.symmetry = tb::matrix_market_symmetry::symmetric;
  std::ifstream in(data + "/valid/array_symmetric.mtx");
  CHECK(tb::read_matrix_market_header(in) == h);
}

TEST_CASE("smtx", "[io]") {
  const tb::coo_matrix<float> expected({1, 1, 1, 1}, {0, 0, 1, 2}, {0, 2, 3, 1}, {3, 4});
  CHECK(tb::read_smtx(data + "/valid/small.smtx") == expected);
  std::stringstream text;
  tb::write_smtx(text, tb::to_bitmap(expected));
  CHECK(text.str() == "3, 4, 4\n0 2 3 4\n0 2 3 1\n");
  CHECK(tb::read_smtx(text) == expected);
}

TEST_CASE("every malformed file is refused with its line", "[io]") {
  struct expectation {
    std::int64_t line;
    std::string text;
  };
  std::map<std::string, expectation> expected{
#include "invalid_files.inc"
  };
  for (const auto& file : std::filesystem::directory_iterator(data + "/invalid")) {
    const std::string name = file.path().filename().string();
    CAPTURE(name);
    const auto e = expected.extract(name);
    REQUIRE(!e.empty());
    try {
      if (name.ends_with(".smtx")) {
        static_cast<void>(tb::read_smtx(file.path().string()));
      } else if (text_of(file.path().string()).find("complex") != std::string::npos) {
        static_cast<void>(tb::read_matrix_market<std::complex<double>>(file.path().string()));
      } else {
        static_cast<void>(tb::read_matrix_market<double>(file.path().string()));
      }
      FAIL("accepted");
    } catch (const tb::parse_error& error) {
      CHECK(error.line() == e.mapped().line);
      CHECK(error.file() == file.path().string());
      const std::string place = file.path().string() + ":" + std::to_string(e.mapped().line) + ": ";
      CHECK(std::string(error.what()) == place + e.mapped().text);
    }
  }
  CHECK(expected.empty()); // each expectation has its file
}

TEST_CASE("files cut at any byte are read or refused, never worse", "[io]") {
  for (const auto& file : std::filesystem::directory_iterator(data + "/valid")) {
    const std::string name = file.path().filename().string();
    const std::string text = text_of(file.path().string());
    for (std::size_t n = 0; n <= text.size(); ++n) {
      CAPTURE(name, n);
      std::istringstream in(text.substr(0, n));
      try {
        if (name.ends_with(".smtx")) {
          tb::validate(tb::read_smtx<std::complex<double>>(in));
        } else {
          tb::validate(tb::read_matrix_market<std::complex<double>>(in));
        }
      } catch (const tb::parse_error& error) {
        CHECK(error.line() >= 1);
        CHECK(n < text.size());
      }
    }
  }
}

TEST_CASE("sizes beyond the index type, missing files, directories, broken streams", "[io]") {
  std::istringstream wide("%%MatrixMarket matrix coordinate real general\n3000000000 3 0\n");
  CHECK_THROWS_AS(tb::read_matrix_market<double>(wide), std::length_error);
  CHECK_THROWS_AS(tb::read_matrix_market<double>("no such file.mtx"), tb::parse_error);
  CHECK_THROWS_AS(tb::read_matrix_market<double>("."), tb::parse_error);
  std::istringstream broken("%%MatrixMarket matrix coordinate real general\n1 1 0\n");
  broken.setstate(std::ios::badbit);
  CHECK_THROWS_AS(tb::read_matrix_market<double>(broken), tb::parse_error);
  std::istringstream narrow("%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 1e39\n");
  CHECK_THROWS_AS(tb::read_matrix_market<float>(narrow), tb::parse_error);
}

TEST_CASE("tokens longer than the scanner's lookahead", "[io]") {
  const std::string zeros(5000, '0');
  const std::string head = "%%MatrixMarket matrix coordinate real general\n% " + zeros + "\n";
  std::istringstream number(head + "1 1 1\n1 1 0." + zeros + "1\n");
  CHECK_THROWS_AS(tb::read_matrix_market<double>(number), tb::parse_error);
  const std::string blanks(600000, ' '); // more than a block
  std::istringstream spaced(head + "1 1" + blanks + "1\n" + blanks + "1 " + blanks + "1 2.5" +
                            blanks);
  CHECK(tb::read_matrix_market<double>(spaced) == tb::coo_matrix<double>({2.5}, {0}, {0}, {1, 1}));
}

TEST_CASE("files larger than a block keep every entry", "[io]") {
  std::vector<double> values;
  std::vector<int> rows;
  std::vector<int> cols;
  for (int k = 0; k < 100000; ++k) {
    values.push_back(1.0 / (k + 1));
    rows.push_back((k * 7919) % 100003);
    cols.push_back(k % 317);
  }
  const tb::coo_matrix<double> a(values, rows, cols, {100003, 317});
  const scratch plain("large.mtx");
  const scratch packed("large.mtx.gz");
  tb::write_matrix_market(plain.path, a);
  tb::write_matrix_market(packed.path, a);
  CHECK(tb::read_matrix_market<double>(plain.path) == a);
  CHECK(tb::read_matrix_market<double>(packed.path) == a);
  CHECK(std::filesystem::file_size(packed.path) < std::filesystem::file_size(plain.path) / 2);
}

TEMPLATE_TEST_CASE("what is written reads back exactly", "[io]", float, double, std::int32_t,
                   std::uint64_t, std::complex<double>) {
  using T = TestType;
  std::vector<T> values{T(1), T(0), std::numeric_limits<T>::max(), T(3)};
  if constexpr (std::is_floating_point_v<T>) {
    values = {T(0.1), std::numeric_limits<T>::denorm_min(), T(-0.0), T(1) / T(3)};
  }
  const tb::coo_matrix<T> a(values, {2, 0, 1, 1}, {0, 1, 1, 0}, {3, 2});
  std::stringstream text;
  tb::write_matrix_market(text, a);
  const auto b = tb::read_matrix_market<T>(text);
  CHECK(b == a);
  for (std::size_t k = 0; k < 4; ++k) CHECK(same_bits(a.values()[k], b.values()[k]));

  std::stringstream lazy; // any format and lazy view
  tb::write_matrix_market(lazy, tb::transposed(tb::to_bitmap(a)));
  CHECK(tb::to_csr(tb::read_matrix_market<T>(lazy)) == tb::to_csr(tb::transposed(a)));

  std::stringstream dense;
  tb::write_matrix_market(dense, tb::to_dense(a));
  CHECK(tb::to_dense(tb::read_matrix_market<T>(dense)) == tb::to_dense(a));
}

TEST_CASE("symmetry and pattern on request", "[io]") {
  using symmetry = tb::matrix_market_symmetry;
  const auto round_trip = [](const auto& a, const tb::matrix_market_options& options) {
    std::stringstream text;
    tb::write_matrix_market(text, a, options);
    auto h = std::stringstream(text.str());
    CHECK(tb::read_matrix_market_header(h).symmetry == options.symmetry);
    CHECK(tb::to_csr(tb::read_matrix_market<tb::value_of_t<decltype(a)>>(text)) == tb::to_csr(a));
  };
  round_trip(read<double>("real_symmetric.mtx"), {.symmetry = symmetry::symmetric});
  round_trip(read<float>("pattern_symmetric.mtx"),
             {.symmetry = symmetry::symmetric, .pattern = true});
  round_trip(read<double>("skew.mtx"), {.symmetry = symmetry::skew_symmetric});
  round_trip(read<std::complex<double>>("hermitian.mtx"), {.symmetry = symmetry::hermitian});

  std::ostringstream out;
  CHECK_THROWS_AS(
      tb::write_matrix_market(out, read<double>("general.mtx"), {.symmetry = symmetry::symmetric}),
      std::invalid_argument);
  CHECK_THROWS_AS(
      tb::write_matrix_market(out, read<double>("skew.mtx"), {.symmetry = symmetry::symmetric}),
      std::invalid_argument);
  CHECK_THROWS_AS(tb::write_matrix_market(out, read<double>("real_symmetric.mtx"),
                                          {.symmetry = symmetry::skew_symmetric}),
                  std::invalid_argument);
  CHECK_THROWS_AS(tb::write_matrix_market(out, read<double>("real_symmetric.mtx"),
                                          {.symmetry = symmetry::hermitian}),
                  std::invalid_argument);
  CHECK(out.str().empty());
}

TEST_CASE("targets that cannot be written throw", "[io]") {
  const auto a = read<double>("general.mtx");
  CHECK_THROWS_AS(tb::write_matrix_market("no such folder/a.mtx", a), std::runtime_error);
  CHECK_THROWS_AS(tb::write_matrix_market("no such folder/a.mtx.gz", a), std::runtime_error);
  std::ostringstream broken;
  broken.setstate(std::ios::badbit);
  CHECK_THROWS_AS(tb::write_matrix_market(broken, a), std::runtime_error);
}
