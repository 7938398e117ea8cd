#include "fma_peak.hpp"

#include <benchmark/benchmark.h>

#include <array>
#include <cstddef>
#include <cstdint>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#define TILEBIT_BENCH_X86 1
#endif

namespace bench {
namespace {

constexpr std::int64_t rounds = 20000;
constexpr std::size_t chains = 12; // a multiply-add takes 4 cycles, and two start in each

/// Each has a chain per accumulator, so that none waits for another, and returns the flops done.
struct kernels {
  double (*of_float)();
  double (*of_double)();
};

double flops(std::size_t vector_bytes, std::size_t value_bytes) {
  return 2.0 * static_cast<double>(rounds * static_cast<std::int64_t>(chains)) *
         static_cast<double>(vector_bytes / value_bytes);
}

#ifdef TILEBIT_BENCH_X86
// The factor keeps all values at their fixed point: neither infinite nor denormal numbers occur.
#define TILEBIT_BENCH_CHAINS(name, features, vector, value, set1, fmadd)                           \
  __attribute__((target(features))) double name() {                                                \
    vector half = set1(value(0.5));                                                                \
    benchmark::DoNotOptimize(half);                                                                \
    vector sums[chains];                                                                           \
    for (auto& sum : sums) sum = set1(value(1));                                                   \
    for (std::int64_t k = 0; k < rounds; ++k) {                                                    \
      for (auto& sum : sums) sum = fmadd(sum, half, half);                                         \
    }                                                                                              \
    for (auto& sum : sums) benchmark::DoNotOptimize(sum);                                          \
    return flops(sizeof(vector), sizeof(value));                                                   \
  }
TILEBIT_BENCH_CHAINS(float_avx512, "avx512f", __m512, float, _mm512_set1_ps, _mm512_fmadd_ps)
TILEBIT_BENCH_CHAINS(double_avx512, "avx512f", __m512d, double, _mm512_set1_pd, _mm512_fmadd_pd)
TILEBIT_BENCH_CHAINS(float_avx2, "avx2,fma", __m256, float, _mm256_set1_ps, _mm256_fmadd_ps)
TILEBIT_BENCH_CHAINS(double_avx2, "avx2,fma", __m256d, double, _mm256_set1_pd, _mm256_fmadd_pd)
#undef TILEBIT_BENCH_CHAINS
#endif

/// Without known vectors: what the compiler makes of it.
template <class T>
double portable() {
  constexpr std::size_t lanes = 4;
  T half = T(0.5);
  benchmark::DoNotOptimize(half);
  std::array<T, chains * lanes> sums;
  sums.fill(T(1));
  for (std::int64_t k = 0; k < rounds; ++k) {
    for (T& sum : sums) sum = sum * half + half;
  }
  benchmark::DoNotOptimize(sums);
  return flops(lanes * sizeof(T), sizeof(T));
}

kernels widest() {
#ifdef TILEBIT_BENCH_X86
  if (__builtin_cpu_supports("avx512f")) return {&float_avx512, &double_avx512};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    return {&float_avx2, &double_avx2};
  }
#endif
  return {&portable<float>, &portable<double>};
}

} // namespace

fma_peak measure_fma_peak(const timing_options& options) {
  const kernels k = widest();
  const auto times = measure({{"float", [k] { benchmark::DoNotOptimize(k.of_float()); }},
                              {"double", [k] { benchmark::DoNotOptimize(k.of_double()); }}},
                             options);
  // A ceiling: the best repetition counts.
  return {k.of_float() / times[0].best, k.of_double() / times[1].best};
}

} // namespace bench
