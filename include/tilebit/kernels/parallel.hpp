// Threads: how many a policy gives, and loops over independent tasks.
#pragma once

#include <concepts>
#include <cstdint>

#include "../core/config.hpp"
#include "../core/execution.hpp"

#if TILEBIT_HAS_OPENMP
#include <omp.h>
#endif

namespace tilebit::inline TILEBIT_ABI::kernels {

/// Threads that a policy gives in this translation unit.
inline int thread_count(const execution_policy& policy) noexcept {
#if TILEBIT_HAS_OPENMP
  return policy.count() == execution_policy::all ? omp_get_max_threads() : policy.count();
#else
  static_cast<void>(policy);
  return 1;
#endif
}

/// Calls f(task) for tasks 0 to count - 1, in order or by threads that take the next one each; or
/// f(task, thread), where a thread is less than thread_count(policy).
template <class F>
void for_each_task(const execution_policy& policy, int count, F&& f) {
  const auto run = [&f](int task, [[maybe_unused]] int thread) {
    if constexpr (std::invocable<F&, int, int>) {
      f(task, thread);
    } else {
      f(task);
    }
  };
  const int threads = thread_count(policy);
  if (threads <= 1 || count <= 1) {
    for (int task = 0; task < count; ++task) run(task, 0);
    return;
  }
#if TILEBIT_HAS_OPENMP
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (int task = 0; task < count; ++task) run(task, omp_get_thread_num());
#endif
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
