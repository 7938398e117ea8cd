// Included before everything else in the tests: a broken internal invariant ends the program.
#pragma once

#include <cstdlib>

#define TILEBIT_ASSERT(condition) ((condition) ? static_cast<void>(0) : std::abort())
