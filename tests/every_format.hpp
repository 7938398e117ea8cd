// A matrix in every format, for tests of what all formats have in common.
#pragma once

#include <tilebit/convert.hpp>
#include <tilebit/optimize.hpp>

#include "generators.hpp"

namespace generators {

/// Calls f with a in every format, and with lazily transposed ones.
template <class T, class F>
void for_each_format(const tb::coo_matrix<T>& a, source& from, F&& f) {
  f(a);
  f(shuffled(a, from));
  f(tb::to_csr(a));
  f(tb::to_bitmap(a));
  f(tb::to_bitmap_grid(a));
  f(tb::optimize(a));
  f(tb::optimize(a, tb::operation::spmm));
  const auto t = tb::to_coo(tb::to_csr(tb::transposed(a)));
  f(tb::transposed(t));
  f(tb::transposed(tb::to_csr(t)));
  f(tb::transposed(tb::to_bitmap(t)));
  f(tb::transposed(tb::to_bitmap_grid(t)));
  f(tb::transposed(tb::optimize(t)));
}

} // namespace generators
