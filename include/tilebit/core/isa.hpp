// Instruction sets: what the machine has, and which of them the kernels may use.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "config.hpp"

#if TILEBIT_X86
#include <cpuid.h>
#if defined(__linux__)
#include <unistd.h>
#endif
#endif

namespace tilebit {

/// Levels of instruction sets; each includes the ones before it.
enum class isa : int {
  scalar,      ///< whatever the compiler's flags allow; always there
  avx2,        ///< AVX2, FMA, F16C, BMI1, BMI2, POPCNT
  avx512,      ///< AVX-512 F, BW, DQ, VL
  avx512_bf16, ///< AVX-512 VBMI, VBMI2, VNNI, BF16: dot products of bfloat16, int8
  amx          ///< AMX TILE, BF16, INT8: a matrix unit; used where the kernel of the system allows
};

/// The name that TILEBIT_ISA takes: "scalar", "avx2", "avx512", "avx512_bf16", "amx".
constexpr std::string_view to_string(isa level) noexcept {
  switch (level) {
  case isa::amx:
    return "amx";
  case isa::avx512_bf16:
    return "avx512_bf16";
  case isa::avx512:
    return "avx512";
  case isa::avx2:
    return "avx2";
  default:
    return "scalar";
  }
}

namespace detail {

inline constexpr std::array isa_levels{isa::amx, isa::avx512_bf16, isa::avx512, isa::avx2,
                                       isa::scalar};

#if TILEBIT_X86
/// F16C, which compilers' builtins do not know by name; where AVX2 may be used, so may it.
inline bool has_f16c() noexcept {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

/// AMX TILE, BF16 and INT8 by CPUID, and their state by XGETBV.
inline bool has_amx() noexcept {
  constexpr unsigned wanted = 1U << 22 | 1U << 24 | 1U << 25; // BF16, TILE, INT8
  constexpr unsigned state = 1U << 17 | 1U << 18;             // configuration, data
  constexpr unsigned os_saves = 1U << 27;                     // XGETBV may be asked
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0 || (ecx & os_saves) == 0) return false;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) == 0 || (edx & wanted) != wanted) {
    return false;
  }
  unsigned low = 0;
  unsigned high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (low & state) == state;
}
#endif

/// May this process use the tiles of AMX? Linux wants to be asked, once for the process, because
/// its signal frames grow with them; so it is asked when they are first needed, and where it
/// refuses the kernels of the level below are used. Source: Documentation/arch/x86/xstate.rst of
/// Linux.
inline bool amx_allowed() noexcept {
#if TILEBIT_X86 && defined(__linux__)
  static const bool allowed = [] {
    constexpr long arch_prctl = 158; // the system call
    constexpr long request_permission = 0x1023;
    constexpr long tile_data = 18;
    return has_amx() && syscall(arch_prctl, request_permission, tile_data) == 0;
  }();
  return allowed;
#else
  return false;
#endif
}

/// CPUID and the operating system's consent (XGETBV): the builtins ask for both.
inline isa detect_isa() noexcept {
#if TILEBIT_X86
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                    __builtin_cpu_supports("popcnt") && has_f16c();
#ifndef TILEBIT_DISABLE_AVX512
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const bool dots = __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
                    __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bf16");
  if (avx2 && avx512 && dots && has_amx()) return isa::amx;
  if (avx2 && avx512 && dots) return isa::avx512_bf16;
  if (avx2 && avx512) return isa::avx512;
#endif
  if (avx2) return isa::avx2;
#endif
  return isa::scalar;
}

inline isa best_isa() noexcept {
  static const isa best = detect_isa();
  return best;
}

/// Does the processor run gathers as microcode, slower than single loads? AMD's do, Zen 4 included.
/// Tests set it, to run the kernels for either kind.
inline std::atomic<bool>& gathers_in_microcode() noexcept {
#if TILEBIT_X86
  static std::atomic<bool> yes{__builtin_cpu_is("amd") != 0};
#else
  static std::atomic<bool> yes{false};
#endif
  return yes;
}

/// What it is set to.
inline bool slow_gathers() noexcept {
  return gathers_in_microcode().load(std::memory_order_relaxed);
}

/// The level in force, one for the whole program whatever flags its units have; -1: not yet asked.
inline std::atomic<int> selected_isa{-1};

TILEBIT_COLD inline isa initial_isa() noexcept {
  const isa best = best_isa();
  const char* wish = std::getenv("TILEBIT_ISA");
  if (wish != nullptr) {
    for (const isa level : isa_levels) {
      if (to_string(level) == wish && level <= best) return level;
    }
  }
  return best;
}

} // namespace detail

/// The levels that this machine supports, best first; the last is always isa::scalar.
inline std::span<const isa> supported_isas() noexcept {
  const std::span<const isa> all = detail::isa_levels;
  std::size_t skip = 0;
  while (all[skip] > detail::best_isa()) ++skip;
  return all.subspan(skip);
}

/// The level that kernels are chosen for: the best one, unless the environment variable TILEBIT_ISA
/// (read once, at the first call) or set_isa says otherwise. An unknown or unsupported value of the
/// variable is ignored.
inline isa active_isa() noexcept {
  int level = detail::selected_isa.load(std::memory_order_relaxed);
  if (level < 0) {
    level = static_cast<int>(detail::initial_isa());
    detail::selected_isa.store(level, std::memory_order_relaxed);
  }
  return static_cast<isa>(level);
}

/// Chooses a level for all later calls of the program. Throws: std::invalid_argument when the
/// machine lacks it; nothing changes then.
inline void set_isa(isa level) {
  if (level < isa::scalar || level > detail::best_isa()) {
    throw std::invalid_argument("set_isa: this machine has no " + std::string(to_string(level)));
  }
  detail::selected_isa.store(static_cast<int>(level), std::memory_order_relaxed);
}

} // namespace tilebit
