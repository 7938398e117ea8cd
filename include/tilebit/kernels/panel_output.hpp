// Where SpMM kernels put their sums: a panel of columns of C, with all that happens to an element
// before it is stored, or rows of sums.
#pragma once

#include <array>
#include <cstdint>
#include <type_traits>

#include "../core/config.hpp"
#include "../formats/bitmap.hpp"
#include "../formats/epilogue.hpp"

#if TILEBIT_X86
#include <immintrin.h>
#endif

namespace tilebit::inline TILEBIT_ABI::kernels {

/// How many entries behind the one that is multiplied the row of B belongs to that is asked for:
/// with 16 memory is waited for.
inline constexpr std::ptrdiff_t columns_ahead = 32;

/// Rows that a kernel takes together.
template <class View>
inline constexpr std::int64_t rows_of_unit = 1;
template <class View>
  requires requires { View::height; }
inline constexpr std::int64_t rows_of_unit<View> = View::height;
template <class T, class I>
inline constexpr std::int64_t rows_of_unit<bitmap_view<T, I>> = 4;

/// Makes what a thread has stored past the caches visible to others before what it stores next.
inline void finish_streams() noexcept {
#if TILEBIT_X86
  _mm_sfence();
#endif
}

/// A step of an epilogue that kernels apply in registers.
template <class T>
struct panel_step {
  enum class kind { bias, row_scale, relu };
  kind what;
  const T* values; ///< one per row of C; not for relu
};

/// Columns [j, j + width) of C and of the addend, both row-major: C_i = steps(alpha * s + beta *
/// C0_i). Pointers are to the first column of the panel in row `first_row`.
template <class T>
struct panel_output {
  static constexpr int most_steps = 4;

  T alpha = T{1};
  T beta = T{};
  const T* c0 = nullptr; ///< not read when beta is 0
  std::int64_t c0_ld = 0;
  T* c = nullptr;
  std::int64_t c_ld = 0;
  const T* fetched = nullptr; ///< rows of C or C0, asked for while sums are added, or none
  std::int64_t fetched_ld = 0;
  std::int64_t first_row = 0;
  std::int64_t rows = 0;  ///< of C: a block of four may reach beyond
  bool streams = false;   ///< rows are whole vectors on cache lines, and are stored past the caches
  bool fetches_b = false; ///< rows of B are far, and are asked for ahead
  bool whole_b = false; ///< rows of B are whole vectors, as align_vectors (panels.hpp) leaves them
  int steps = 0;
  std::array<panel_step<T>, most_steps + 1> step; ///< one more for corrections of sums

  /// Is an element of C a sum as it is?
  bool is_sum() const noexcept { return alpha == T{1} && beta == T{} && steps == 0; }
};

/// What a product with the transpose reads and adds to: a panel of columns of B, with as many rows
/// as A, and sums, one row for each column of A, which are whole vectors.
template <class T>
struct scattered_panel {
  const T* b;
  std::int64_t ldb;
  std::int64_t rows;
  std::int64_t width;
  T* sums;
  std::int64_t lds;
};

/// Can kernels apply these steps in registers?
template <class T, class Epilogue>
inline constexpr bool in_registers = false;
template <class T, class... Steps>
inline constexpr bool in_registers<T, epilogue<Steps...>> =
    sizeof...(Steps) <= panel_output<T>::most_steps &&
    ((std::is_same_v<Steps, detail::bias_step<T>> ||
      std::is_same_v<Steps, detail::row_scale_step<T>> ||
      std::is_same_v<Steps, detail::relu_step>)&&...);

/// Hands the steps of an epilogue to the kernels.
template <class T, class Epilogue>
void set_steps(panel_output<T>& out, const Epilogue& epilogue) noexcept {
  epilogue.for_each([&out](const auto& step) {
    using step_type = std::remove_cvref_t<decltype(step)>;
    panel_step<T>& to = out.step[static_cast<std::size_t>(out.steps++)];
    if constexpr (std::is_same_v<step_type, detail::relu_step>) {
      to = {panel_step<T>::kind::relu, nullptr};
    } else {
      to = {std::is_same_v<step_type, detail::bias_step<T>> ? panel_step<T>::kind::bias
                                                            : panel_step<T>::kind::row_scale,
            step.values.data()};
    }
  });
}

} // namespace tilebit::inline TILEBIT_ABI::kernels
