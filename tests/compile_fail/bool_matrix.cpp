// error: scalar
// bool is no value type: std::vector<bool> is not contiguous, and sums of bool are not bool.
#include <tilebit/tilebit.hpp>

#ifdef MUST_FAIL
using value = bool;
#else
using value = signed char;
#endif

tilebit::coo_matrix<value> a;
