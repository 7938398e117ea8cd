// libxsmm: spmdm, its product of a large sparse and a dense matrix, which is for float only. Its
// other sparse kernels are code made for one small matrix, and refuse more entries than fit
// registers and the first-level cache.
#include <libxsmm_spmdm.h>
#include <libxsmm_version.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "spmm.hpp"

namespace bench {
namespace {

template <class T>
std::vector<spmm_product<T>> make(const spmm_operands<T>& of) {
  if constexpr (std::is_same_v<T, float>) {
    if (of.a_dense == nullptr) return {}; // it reads the dense matrix
    struct handle {
      libxsmm_spmdm_handle h{};
      libxsmm_CSR_sparseslice* a = nullptr;
      handle() = default;
      handle(const handle&) = delete;
      handle& operator=(const handle&) = delete;
      ~handle() { libxsmm_spmdm_destroy(&h); }
    };
    auto m = std::make_shared<handle>();
    libxsmm_spmdm_init(static_cast<int>(of.a.rows()), static_cast<int>(of.n),
                       static_cast<int>(of.a.cols()), of.threads, &m->h, &m->a);
    const int slices = libxsmm_spmdm_get_num_createSparseSlice_blocks(&m->h);
    for (int k = 0; k < slices; ++k) {
      libxsmm_spmdm_createSparseSlice_fp32_thread(&m->h, 'N', of.a_dense, m->a, k, 0, 1);
    }
    return {row_major_product<T>(of, "libxsmm", [m, b = of.b, c = of.c, threads = of.threads] {
      const float one = 1;
      const float zero = 0;
      const int blocks = libxsmm_spmdm_get_num_compute_blocks(&m->h);
#pragma omp parallel num_threads(threads) if (threads > 1)
      {
#ifdef _OPENMP
        const int thread = omp_get_thread_num();
#else
            const int thread = 0;
#endif
#pragma omp for schedule(dynamic, 1)
        for (int k = 0; k < blocks; ++k) {
          libxsmm_spmdm_compute_fp32_thread(&m->h, 'N', 'N', &one, m->a, b, 'N', &zero, c, k,
                                            thread, threads);
        }
      }
    })};
  } else {
    return {};
  }
}

} // namespace

spmm_library libxsmm_spmm() {
  return {"libxsmm", LIBXSMM_CONFIG_VERSION, false, &make<float>, &make<double>};
}

} // namespace bench
