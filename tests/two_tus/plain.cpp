// A unit for any machine, without OpenMP.
#define UNIT plain
#include "unit.inc"
