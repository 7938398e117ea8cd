// A Matrix Market file into every format; sizes and one product each.
// run: (no argument: writes and reads a small file of its own)
// expect: the three products agree
#include <cstdio>
#include <string>
#include <vector>

#include <tilebit/tilebit.hpp>
namespace tb = tilebit;

int main(int argc, char** argv) {
  std::string path = argc > 1 ? argv[1] : "file_to_spmv_example.mtx";
  if (argc < 2) {
    tb::write_matrix_market(path,
                            tb::coo_matrix<double>({4, -1, -1, 4, -1, -1, 4}, {0, 0, 1, 1, 1, 2, 2},
                                                   {0, 1, 0, 1, 2, 1, 2}, {3, 3}));
  }
  try {
    const auto a = tb::read_matrix_market<double>(path);
    const auto c = tb::to_csr(a);
    const auto b = tb::to_bitmap(c);
    const auto s = tb::analyze(b);
    std::printf("%lld x %lld, %lld entries, %.2f per nonempty 4x4 tile\n",
                static_cast<long long>(s.rows), static_cast<long long>(s.cols),
                static_cast<long long>(s.nnz), s.fill);
    std::printf("bytes: COO %lld, CSR %lld, bitmap %lld\n", static_cast<long long>(s.bytes.coo),
                static_cast<long long>(s.bytes.csr), static_cast<long long>(s.bytes.bitmap));

    const std::vector<double> x(static_cast<std::size_t>(a.cols()), 1.0);
    std::vector<double> y(static_cast<std::size_t>(a.rows()));
    double sums[3] = {};
    const auto sum = [&] {
      double total = 0;
      for (const double v : y) total += v;
      return total;
    };
    tb::multiply(a, x, y);
    sums[0] = sum();
    tb::multiply(c, x, y);
    sums[1] = sum();
    tb::multiply(b, x, y);
    sums[2] = sum();
    const double size = 1e-9 * (1 + sums[0] * sums[0]);
    const bool agree = (sums[1] - sums[0]) * (sums[1] - sums[0]) < size &&
                       (sums[2] - sums[0]) * (sums[2] - sums[0]) < size;
    std::printf("the three products %s\n", agree ? "agree" : "differ");
    return agree ? 0 : 1;
  } catch (const tb::parse_error& e) {
    std::fprintf(stderr, "line %lld: %s\n", static_cast<long long>(e.line()), e.what());
    return 2;
  }
}
