// Version of the library; the single source of truth, which CMakeLists.txt reads too.
#pragma once

#define TILEBIT_VERSION_MAJOR 0
#define TILEBIT_VERSION_MINOR 1
#define TILEBIT_VERSION_PATCH 0
