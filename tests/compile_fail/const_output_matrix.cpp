// error: output_matrix
// The output of multiply is writable; a dense view of const elements is not.
#include <tilebit/tilebit.hpp>

#ifdef MUST_FAIL
using output = tilebit::dense_view<const float>;
#else
using output = tilebit::dense_view<float>;
#endif

void f(const tilebit::bitmap_matrix<float>& a, tilebit::dense_view<const float> b, output c) {
  tilebit::multiply(a, b, c);
}
