// error: vector_like
// SpMV multiplies with dense vectors, not with sparse matrices.
#include <vector>

#include <tilebit/tilebit.hpp>

#ifdef MUST_FAIL
using operand = tilebit::coo_matrix<double>;
#else
using operand = std::vector<double>;
#endif

void f(const tilebit::coo_matrix<double>& a, const operand& x, operand& y) {
  tilebit::multiply(a, x, y);
}
