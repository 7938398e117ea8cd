// error: index
// Indices have 32 or 64 bits.
#include <cstdint>

#include <tilebit/tilebit.hpp>

#ifdef MUST_FAIL
using row_number = std::int16_t;
#else
using row_number = std::uint32_t;
#endif

tilebit::csr_matrix<double, row_number> a;
