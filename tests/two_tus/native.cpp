// A unit for this machine: -march=native, with OpenMP where the library has it.
#define UNIT native
#include "unit.inc"
