// error: share_one_value_type
// Matrix, x and y have one value type; nothing is converted silently.
#include <vector>

#include <tilebit/tilebit.hpp>

#ifdef MUST_FAIL
using x_type = float;
#else
using x_type = double;
#endif

void f(const tilebit::csr_matrix<double>& a, const std::vector<x_type>& x, std::vector<double>& y) {
  tilebit::multiply(a, x, y);
}
