// Epilogues of SpMM: steps applied to every element of C before it is stored.
//
//   multiply(a, b, c, relu)                                            one step
//   multiply(a, b, c, epilogue(row_scale(s), bias(v), gelu))           several, applied in this
//   order
//
// A step is bias(v): x + v[row]; row_scale(s): x * s[row]; any callable T -> T, or one of (row, x);
// or an epilogue. Callables must not throw. Where C holds 16-bit values, T is float: steps see the
// sums before they are rounded, and take vectors of either type. Where it holds 8-bit integers, T
// has 32 bits.
//
// Up to four steps of bias, row_scale and relu are applied to the registers that hold sums; with
// any other step, and with gelu, sums are stored first, sixteen rows at a time.
#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

#include "../core/concepts.hpp"
#include "../core/numeric.hpp"

namespace tilebit {

template <class... Steps>
class epilogue;

namespace detail {

template <class E>
inline constexpr bool is_epilogue_v = false;
template <class... Steps>
inline constexpr bool is_epilogue_v<epilogue<Steps...>> = true;

template <class T>
struct bias_step {
  static constexpr const char* name = "the bias";
  std::span<const T> values;
  accumulator_t<T> operator()(std::int64_t row, const accumulator_t<T>& x) const noexcept {
    return add<accumulator_t<T>>(x, values[at(row)]);
  }
};

template <class T>
struct row_scale_step {
  static constexpr const char* name = "the row scale";
  std::span<const T> values;
  accumulator_t<T> operator()(std::int64_t row, const accumulator_t<T>& x) const noexcept {
    return mul<accumulator_t<T>>(x, values[at(row)]);
  }
};

struct relu_step {
  template <class T>
    requires std::is_arithmetic_v<T>
  constexpr T operator()(T x) const noexcept {
    return x < T{} ? T{} : x; // NaN stays NaN
  }
};

struct gelu_step {
  template <std::floating_point T>
  T operator()(T x) const noexcept {
    return T(0.5) * x * (T(1) + std::erf(x * T(0.70710678118654752440L)));
  }
};

template <class S, class T>
concept row_step = requires(const S& s, std::int64_t row, const T& x) {
  { s(row, x) } -> std::convertible_to<T>;
};
template <class S, class T>
concept element_step = requires(const S& s, const T& x) {
  { s(x) } -> std::convertible_to<T>;
};
template <class S, class T>
concept epilogue_step = row_step<S, T> || element_step<S, T>;

} // namespace detail

/// Adds v[row] to every element of a row. v must outlive the call and have one element per row of
/// C.
template <vector_like V>
detail::bias_step<value_of_t<V>> bias(const V& v) {
  return {std::span<const value_of_t<V>>(v)};
}

/// Multiplies every element of a row by s[row]. s must outlive the call, one element per row of C.
template <vector_like V>
detail::row_scale_step<value_of_t<V>> row_scale(const V& s) {
  return {std::span<const value_of_t<V>>(s)};
}

/// max(x, 0); NaN stays NaN.
inline constexpr detail::relu_step relu{};

/// x * Phi(x) with the normal distribution function Phi, exact (erf) form. Source: Hendrycks,
/// Gimpel, Gaussian error linear units, 2016.
inline constexpr detail::gelu_step gelu{};

/// Several steps as one; applied from left to right.
template <class... Steps>
class epilogue {
public:
  constexpr explicit epilogue(Steps... steps) : steps_(std::move(steps)...) {}

  template <class T>
    requires(detail::epilogue_step<Steps, T> && ...)
  T operator()(std::int64_t row, T x) const {
    std::apply([&](const auto&... step) { ((x = apply_step(step, row, x)), ...); }, steps_);
    return x;
  }

  /// Calls f(step) for every step, also for those of epilogues among them.
  template <class F>
  void for_each(F&& f) const {
    const auto visit = [&f](const auto& step) {
      if constexpr (detail::is_epilogue_v<std::remove_cvref_t<decltype(step)>>) {
        step.for_each(f);
      } else {
        f(step);
      }
    };
    std::apply([&](const auto&... step) { (visit(step), ...); }, steps_);
  }

private:
  /// A callable of x with further parameters that have defaults is one of x.
  template <class S, class T>
  static T apply_step(const S& step, std::int64_t row, const T& x) {
    if constexpr (detail::element_step<S, T>) {
      return static_cast<T>(step(x));
    } else {
      return static_cast<T>(step(row, x));
    }
  }

  std::tuple<Steps...> steps_;
};

namespace detail {

/// A lone step becomes an epilogue of one.
template <class E>
constexpr auto as_epilogue(const E& e) {
  if constexpr (is_epilogue_v<E>) {
    return e;
  } else {
    return epilogue<std::decay_t<E>>(e); // a function becomes a pointer
  }
}

} // namespace detail

/// What multiply takes after its outputs.
template <class E, class T>
concept epilogue_for =
    !dense_matrix_like<E> && detail::epilogue_step<std::decay_t<E>, detail::accumulator_t<T>>;

} // namespace tilebit
