// Execution policies: seq (default), par, threads(n). Results are bitwise equal for all of them.
#pragma once

#include <concepts>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace tilebit {

/// How many OpenMP threads an operation may use; without OpenMP in the including program: one.
class execution_policy {
public:
  static constexpr int all = 0; ///< as many as OpenMP gives

  constexpr explicit execution_policy(int count) noexcept : count_(count) {}
  constexpr int count() const noexcept { return count_; }

private:
  int count_;
};

inline constexpr execution_policy seq{1};
inline constexpr execution_policy par{execution_policy::all};

/// At most n threads. Throws: std::invalid_argument for n < 1.
constexpr execution_policy threads(int n) {
  if (n < 1)
    throw std::invalid_argument("threads: " + std::to_string(n) + " is not a number of threads");
  return execution_policy(n);
}

} // namespace tilebit
