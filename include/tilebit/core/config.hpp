// All preprocessor logic of the library: compiler abilities, target regions, the ABI namespace.
//
// What a user may define before including (each also documented in README.md):
//   TILEBIT_USE_ZLIB        read and write .gz files; the program then links zlib
//   TILEBIT_DISABLE_AVX512  leave the AVX-512 kernels out of the build
//   TILEBIT_DISABLE_SIMD    leave all kernels but the portable ones out
//   TILEBIT_KEPT_BYTES      what products keep of their memory for a thread's next call; 32 MB
//   TILEBIT_ASSERT(cond)    a check of internal invariants; does nothing unless defined
#pragma once

#ifndef TILEBIT_ASSERT
#define TILEBIT_ASSERT(condition) static_cast<void>(0)
#endif

#ifndef TILEBIT_KEPT_BYTES
#define TILEBIT_KEPT_BYTES (std::size_t{32} << 20)
#endif

#define TILEBIT_STRINGIZE_(...) #__VA_ARGS__
#define TILEBIT_STRINGIZE(...) TILEBIT_STRINGIZE_(__VA_ARGS__)

#if (defined(__x86_64__) || defined(_M_X64)) && !defined(TILEBIT_DISABLE_SIMD) &&                  \
    (defined(__GNUC__) || defined(__clang__))
#define TILEBIT_X86 1
#else
#define TILEBIT_X86 0
#endif

// Functions between BEGIN and END are compiled for the named instruction sets whatever the flags of
// the translation unit are. Only kernels stand in such a region; no header is included inside one.
#if defined(__clang__)
#define TILEBIT_TARGET_BEGIN(features)                                                             \
  _Pragma(TILEBIT_STRINGIZE(                                                                       \
      clang attribute push(__attribute__((target(features))), apply_to = function)))
#define TILEBIT_TARGET_END _Pragma("clang attribute pop")
#elif defined(__GNUC__)
// The diagnostic lines silence false -W(maybe-)uninitialized reports that g++ 12 gives for its own
// intrinsics headers.
#define TILEBIT_TARGET_BEGIN(features)                                                             \
  _Pragma("GCC push_options") _Pragma(TILEBIT_STRINGIZE(GCC target(features)))                     \
      _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wuninitialized\"")         \
          _Pragma("GCC diagnostic ignored \"-Wmaybe-uninitialized\"")
#define TILEBIT_TARGET_END _Pragma("GCC diagnostic pop") _Pragma("GCC pop_options")
#endif

// Before a loop of a few turns whose arrays shall live in registers: g++ -O2 keeps such loops.
#if defined(__clang__)
#define TILEBIT_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define TILEBIT_UNROLL _Pragma("GCC unroll 16")
#else
#define TILEBIT_UNROLL
#endif

#if defined(__GNUC__) || defined(__clang__)
#define TILEBIT_RESTRICT __restrict__
#define TILEBIT_ALWAYS_INLINE inline __attribute__((always_inline))
#define TILEBIT_NOINLINE __attribute__((noinline))
#define TILEBIT_COLD __attribute__((cold, noinline)) // compiled for size
#define TILEBIT_PREFETCH(address) __builtin_prefetch(address)
#define TILEBIT_PREFETCH_L2(address) __builtin_prefetch(address, 0, 2)
#define TILEBIT_PREFETCH_WRITE(address) __builtin_prefetch(address, 1)
#else
#define TILEBIT_RESTRICT
#define TILEBIT_ALWAYS_INLINE inline
#define TILEBIT_NOINLINE
#define TILEBIT_COLD
#define TILEBIT_PREFETCH(address) static_cast<void>(address)
#define TILEBIT_PREFETCH_L2(address) static_cast<void>(address)
#define TILEBIT_PREFETCH_WRITE(address) static_cast<void>(address)
#endif

// Memory can come from the system in pages that lie where they shall, not from the heap alone.
#if defined(__linux__)
#define TILEBIT_MAPS_PAGES 1
#else
#define TILEBIT_MAPS_PAGES 0
#endif

#if defined(_OPENMP)
#define TILEBIT_HAS_OPENMP 1
#define TILEBIT_ABI_THREADS_ omp
#else
#define TILEBIT_HAS_OPENMP 0
#define TILEBIT_ABI_THREADS_ seq
#endif

// Code that the flags of a translation unit change (multiply, dispatch, kernels) lives in this
// inline namespace, so that the linker never merges a function compiled with -march=native or
// -fopenmp with the plain one of another unit. Types live outside it and pass freely between such
// units.
#if defined(__AVX512F__)
#define TILEBIT_ABI_BASELINE_ avx512
#elif defined(__AVX2__)
#define TILEBIT_ABI_BASELINE_ avx2
#else
#define TILEBIT_ABI_BASELINE_ plain
#endif
#if defined(TILEBIT_DISABLE_SIMD)
#define TILEBIT_ABI_KERNELS_ portable
#elif defined(TILEBIT_DISABLE_AVX512)
#define TILEBIT_ABI_KERNELS_ no_avx512
#else
#define TILEBIT_ABI_KERNELS_ all
#endif
#define TILEBIT_CONCAT_(a, b, c, d) a##_##b##_##c##_##d
#define TILEBIT_CONCAT(a, b, c, d) TILEBIT_CONCAT_(a, b, c, d)
#define TILEBIT_ABI                                                                                \
  TILEBIT_CONCAT(abi, TILEBIT_ABI_BASELINE_, TILEBIT_ABI_THREADS_, TILEBIT_ABI_KERNELS_)

// Readers and writers differ with zlib, too.
#if defined(TILEBIT_USE_ZLIB)
#define TILEBIT_HAS_ZLIB 1
#define TILEBIT_IO_ABI io_zlib
#else
#define TILEBIT_HAS_ZLIB 0
#define TILEBIT_IO_ABI io_plain
#endif
