// error: output_vector
// The output of multiply is writable; a const vector is not.
#include <vector>

#include <tilebit/tilebit.hpp>

#ifdef MUST_FAIL
using output = const std::vector<double>;
#else
using output = std::vector<double>;
#endif

void f(const tilebit::csr_matrix<double>& a, const std::vector<double>& x, output& y) {
  tilebit::multiply(a, x, y);
}
