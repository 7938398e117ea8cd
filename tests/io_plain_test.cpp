// Without TILEBIT_USE_ZLIB, gzip data is refused with a message that names the remedy. Plain and
// zlib units live in one test program, which also shows that they do not mix.
#undef TILEBIT_USE_ZLIB
#include <string>

#include <tilebit/io/matrix_market.hpp>

#include "catch.hpp"

namespace tb = tilebit;

TEST_CASE("gzip needs zlib", "[io]") {
  const std::string data = TILEBIT_TEST_DATA;
  CHECK(tb::read_matrix_market<double>(data + "/valid/general.mtx").nnz() == 4);
  try {
    static_cast<void>(tb::read_matrix_market<double>(data + "/valid/general.mtx.gz"));
    FAIL("accepted");
  } catch (const tb::parse_error& e) {
    CHECK(e.line() == 1);
    CHECK(std::string(e.what()).find("TILEBIT_USE_ZLIB") != std::string::npos);
  }
  const tb::coo_matrix<double> a({1, 1});
  CHECK_THROWS_AS(tb::write_matrix_market("tilebit_never_written.mtx.gz", a),
                  std::invalid_argument);
}
