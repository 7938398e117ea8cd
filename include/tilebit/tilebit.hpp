// The whole library in one include.
#pragma once

#include "convert.hpp"
#include "core/concepts.hpp"
#include "core/error.hpp"
#include "core/execution.hpp"
#include "core/isa.hpp"
#include "core/version.hpp"
#include "formats/bitmap.hpp"
#include "formats/coo.hpp"
#include "formats/csr.hpp"
#include "formats/dense.hpp"
#include "formats/entries.hpp"
#include "formats/epilogue.hpp"
#include "formats/views.hpp"
#include "inspect.hpp"
#include "multiply.hpp"
