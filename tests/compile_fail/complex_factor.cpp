// error: factor_for
// A complex factor would lose its imaginary part in a real matrix.
#include <complex>

#include <tilebit/tilebit.hpp>

#ifdef MUST_FAIL
using value = double;
#else
using value = std::complex<double>;
#endif

auto f(const tilebit::bitmap_matrix<value>& a) {
  return tilebit::scaled(std::complex<double>(0, 1), a);
}
