// Products in a wider type from the entries of a matrix, the bound that rounding must keep, and
// helpers that the tests share.
#pragma once

#include <algorithm>
#include <atomic>
#include <complex>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <tilebit/core/isa.hpp>
#include <tilebit/formats/entries.hpp>

#include "catch.hpp"

namespace oracle {

namespace tb = tilebit;

template <class T>
struct wider {
  using type = std::conditional_t<std::is_integral_v<T>, std::int64_t, long double>;
  using real = T;
};
template <class R>
struct wider<std::complex<R>> {
  using type = std::complex<long double>;
  using real = R;
};
template <class T>
using wide = typename wider<T>::type;

template <class W>
long double magnitude(const W& x) {
  return static_cast<long double>(std::abs(x));
}

/// alpha A x + beta y0 row by row, with what its error may be measured by.
template <class T>
struct product {
  std::vector<wide<T>> value;
  std::vector<long double> magnitudes; ///< |alpha| |A| |x| + |beta| |y0|
  std::vector<std::int64_t> stored;    ///< entries of the row

  /// Rows of y outside the bound; integers must be exact.
  std::int64_t rows_outside(const std::vector<T>& y) const {
    std::int64_t outside = y.size() == value.size() ? 0 : 1;
    for (std::size_t i = 0; outside == 0 && i < y.size(); ++i) {
      if constexpr (std::is_integral_v<T>) {
        outside += y[i] != static_cast<T>(value[i]);
      } else {
        constexpr auto eps =
            static_cast<long double>(std::numeric_limits<typename wider<T>::real>::epsilon());
        const long double bound = static_cast<long double>(stored[i] + 4) * eps * magnitudes[i];
        const long double error = magnitude(static_cast<wide<T>>(y[i]) - value[i]);
        outside += !(error <= bound); // a NaN is outside
      }
    }
    return outside;
  }
};

/// y0 is not looked at when beta is 0, like A and x when alpha is.
template <class A, class T>
product<T> expected_spmv(const A& a, const std::vector<T>& x, T alpha = T{1}, T beta = T{},
                         const std::vector<T>& y0 = {}) {
  const auto rows = static_cast<std::size_t>(a.rows());
  product<T> p{std::vector<wide<T>>(rows), std::vector<long double>(rows),
               std::vector<std::int64_t>(rows)};
  if (alpha != T{}) {
    for (const auto e : tb::entries(a)) {
      const auto i = static_cast<std::size_t>(e.row);
      const auto term = static_cast<wide<T>>(alpha) * static_cast<wide<T>>(e.value) *
                        static_cast<wide<T>>(x[static_cast<std::size_t>(e.col)]);
      p.value[i] += term;
      p.magnitudes[i] += magnitude(term);
      ++p.stored[i];
    }
  }
  if (beta != T{}) {
    for (std::size_t i = 0; i < rows; ++i) {
      const auto term = static_cast<wide<T>>(beta) * static_cast<wide<T>>(y0[i]);
      p.value[i] += term;
      p.magnitudes[i] += magnitude(term);
    }
  }
  return p;
}

/// CHECKs y = alpha a x + beta y0 within the bound; a without factor (the oracle applies alpha
/// itself).
template <class A, class T>
void check_spmv(const A& a, const std::vector<T>& x, const std::vector<T>& y, T alpha = T{1},
                T beta = T{}, const std::vector<T>& y0 = {}) {
  CHECK(expected_spmv(a, x, alpha, beta, y0).rows_outside(y) == 0);
}

template <class D>
std::vector<typename D::scalar_type> column(const D& d, std::int64_t j) {
  std::vector<typename D::scalar_type> v(static_cast<std::size_t>(d.rows()));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = d(static_cast<std::int64_t>(i), j);
  return v;
}

/// CHECKs C = alpha a B + beta C0 column by column; dense operands of any layout.
template <class A, class B, class C, class C0>
void check_spmm(const A& a, const B& b, const C& c, typename B::scalar_type alpha,
                typename B::scalar_type beta, const C0& c0) {
  CHECK(c.rows() == a.rows());
  CHECK(c.cols() == b.cols());
  std::int64_t outside = 0;
  for (std::int64_t j = 0; j < c.cols(); ++j) {
    outside +=
        expected_spmv(a, column(b, j), alpha, beta, column(c0, j)).rows_outside(column(c, j));
  }
  CHECK(outside == 0);
}

template <class A, class B, class C>
void check_spmm(const A& a, const B& b, const C& c) {
  using T = typename B::scalar_type;
  check_spmm(a, b, c, T{1}, T{}, c);
}

/// The exception that f throws; the test fails when it throws none.
template <class Exception, class F>
Exception thrown_by(F&& f) {
  try {
    f();
  } catch (const Exception& e) {
    return e;
  }
  const bool an_exception_was_thrown = false;
  REQUIRE(an_exception_was_thrown);
  throw 0; // REQUIRE does not return
}

template <class Exception, class F>
std::string message_of(F&& f) {
  return thrown_by<Exception>(f).what();
}

template <class Exception, class F>
std::int64_t position_of(F&& f) {
  return thrown_by<Exception>(f).position();
}

inline bool contains(const std::string& text, std::string_view fragment) {
  return text.find(fragment) != std::string::npos;
}

/// While it lives, everything is chosen as on processors whose gathers are microcode, or are not.
class gathers_as_if {
public:
  explicit gathers_as_if(bool microcode)
      : before_(tb::detail::gathers_in_microcode().exchange(microcode)) {}
  gathers_as_if(const gathers_as_if&) = delete;
  gathers_as_if& operator=(const gathers_as_if&) = delete;
  ~gathers_as_if() { tb::detail::gathers_in_microcode() = before_; }

private:
  bool before_;
};

/// Calls f() at every instruction set level of this machine up to `most`, and where kernels differ
/// also as if its gathers were microcode, or were not; the level in force comes back. Products in
/// float and double of more columns than SpMV kernels take have no kernels above AVX-512.
template <class F>
void at_every_isa_up_to(tb::isa most, F&& f) {
  struct restore {
    tb::isa level = tb::active_isa();
    ~restore() { tb::set_isa(level); }
  } const before;
  for (const tb::isa level : tb::supported_isas()) {
    if (level > most) continue;
    CAPTURE(std::string(tb::to_string(level)));
    tb::set_isa(level);
    f();
    if (level != tb::isa::avx2 && level != std::min(most, tb::isa::avx512_bf16)) continue;
    const bool microcode = !tb::detail::gathers_in_microcode();
    const gathers_as_if other(microcode);
    CAPTURE(microcode);
    f();
  }
}

/// The same at all of them.
template <class F>
void at_every_isa(F&& f) {
  at_every_isa_up_to(tb::isa::amx, f);
}

} // namespace oracle
