#include "onednn.hpp"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <vector>
#ifdef TILEBIT_PEER_TBB
#include <oneapi/tbb/global_control.h>
#endif

namespace bench {
namespace {

void check(dnnl_status_t status, const char* call) {
  if (status == dnnl_success) return;
  const char* const name = status == dnnl_out_of_memory       ? "out of memory"
                           : status == dnnl_invalid_arguments ? "invalid arguments"
                           : status == dnnl_unimplemented     ? "unimplemented"
                                                              : "failed";
  throw std::runtime_error(std::string(call) + ": " + name + " (status " +
                           std::to_string(static_cast<int>(status)) + ")");
}

void* open(const std::string& path) {
  // Packages for SYCL bring an OpenCL driver for the processor, which nobody has registered.
  const auto driver = std::filesystem::path(path).parent_path() / "libintelocl.so";
  if (std::filesystem::exists(driver)) setenv("OCL_ICD_FILENAMES", driver.c_str(), 0);
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  return library;
}

/// Null where the library does not have it.
template <class F>
void find(void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(library, name));
}

template <class F>
void load(void* library, const char* name, F& function) {
  find(library, name, function);
  if (function == nullptr) throw std::runtime_error(std::string("it has no ") + name);
}

} // namespace

onednn::onednn(const std::string& path) {
  void* const library = open(path);
  load(library, "dnnl_version", version_);
  if (version_()->major != 3) throw std::runtime_error("version " + version() + ", not 3");
  load(library, "dnnl_engine_create", engine_create_);
  load(library, "dnnl_stream_create", stream_create_);
  load(library, "dnnl_stream_wait", stream_wait_);
  load(library, "dnnl_memory_desc_create_with_tag", desc_create_);
  find(library, "dnnl_memory_desc_create_with_packed_encoding", packed_encoding_);
  find(library, "dnnl_memory_desc_query_v2", desc_query_buffer_);
  find(library, "dnnl_memory_desc_get_size_v2", desc_size_of_buffer_);
  find(library, "dnnl_memory_create_v2", memory_create_buffers_);
  load(library, "dnnl_memory_desc_destroy", desc_destroy_);
  load(library, "dnnl_memory_desc_get_size", desc_get_size_);
  load(library, "dnnl_memory_create", memory_create_);
  load(library, "dnnl_memory_destroy", memory_destroy_);
  load(library, "dnnl_memory_get_data_handle", memory_data_);
  load(library, "dnnl_reorder_primitive_desc_create", reorder_create_);
  load(library, "dnnl_matmul_primitive_desc_create", matmul_create_);
  load(library, "dnnl_primitive_desc_query", query_);
  load(library, "dnnl_primitive_desc_query_md", query_md_);
  load(library, "dnnl_primitive_desc_destroy", primitive_desc_destroy_);
  load(library, "dnnl_primitive_create", primitive_create_);
  load(library, "dnnl_primitive_destroy", primitive_destroy_);
  load(library, "dnnl_primitive_execute", execute_);
  find(library, "omp_set_num_threads", openmp_threads_); // of the OpenMP it runs on
  check(engine_create_(&engine_, dnnl_cpu, 0), "dnnl_engine_create");
  check(stream_create_(&stream_, engine_, dnnl_stream_default_flags), "dnnl_stream_create");
}

std::string onednn::version() const {
  const dnnl_version_t& v = *version_();
  return std::to_string(v.major) + "." + std::to_string(v.minor) + "." + std::to_string(v.patch);
}

std::string onednn::threading() const {
  const unsigned runtime = version_()->cpu_runtime;
  return runtime == DNNL_RUNTIME_OMP    ? "OpenMP"
         : runtime == DNNL_RUNTIME_TBB  ? "TBB"
         : runtime == DNNL_RUNTIME_SYCL ? "SYCL"
                                        : "runtime " + std::to_string(runtime);
}

void onednn::use_threads(int count) const {
  if (openmp_threads_ != nullptr) openmp_threads_(count);
#ifdef TILEBIT_PEER_TBB
  using control = oneapi::tbb::global_control;
  static std::unique_ptr<control> limit;
  limit.reset(); // the least of all limits counts
  limit = std::make_unique<control>(control::max_allowed_parallelism, count);
#endif
}

onednn::desc onednn::dense(dnnl_dim_t rows, dnnl_dim_t cols, dnnl_data_type_t type,
                           dnnl_format_tag_t tag) const {
  const dnnl_dims_t dims = {rows, cols};
  dnnl_memory_desc_t d = nullptr;
  check(desc_create_(&d, 2, dims, type, tag), "dnnl_memory_desc_create_with_tag");
  return {d, desc_destroy_};
}

onednn::desc onednn::packed(dnnl_dim_t rows, dnnl_dim_t cols, dnnl_data_type_t type,
                            dnnl_dim_t nnz) const {
  if (!has_packed()) throw std::runtime_error("its interface has no packed sparse encoding");
  const dnnl_dims_t dims = {rows, cols};
  dnnl_memory_desc_t d = nullptr;
  check(packed_encoding_(&d, 2, dims, type, nnz), "dnnl_memory_desc_create_with_packed_encoding");
  return {d, desc_destroy_};
}

int onednn::buffers(const_dnnl_memory_desc_t d) const {
  if (!has_packed()) return 1;
  int count = 0;
  check(desc_query_buffer_(d, dnnl_query_num_handles_s32, 0, &count), "dnnl_memory_desc_query_v2");
  return count;
}

std::size_t onednn::bytes(const_dnnl_memory_desc_t d) const {
  const int count = buffers(d);
  if (count == 1) return desc_get_size_(d);
  std::size_t sum = 0;
  for (int k = 0; k < count; ++k) sum += desc_size_of_buffer_(d, k);
  return sum;
}

onednn::memory onednn::allocate(const_dnnl_memory_desc_t d) const {
  dnnl_memory_t m = nullptr;
  if (const int count = buffers(d); count == 1) {
    check(memory_create_(&m, d, engine_, DNNL_MEMORY_ALLOCATE), "dnnl_memory_create");
  } else {
    // Without a handle of its own a buffer would not be there at all.
    std::vector<void*> handles(static_cast<std::size_t>(count), DNNL_MEMORY_ALLOCATE);
    check(memory_create_buffers_(&m, d, engine_, count, handles.data()), "dnnl_memory_create_v2");
  }
  return {m, memory_destroy_};
}

void* onednn::data(const memory& m) const {
  void* p = nullptr;
  check(memory_data_(m.get(), &p), "dnnl_memory_get_data_handle");
  return p;
}

void onednn::reorder(const_dnnl_memory_desc_t from_desc, const memory& from,
                     const_dnnl_memory_desc_t to_desc, const memory& to) const {
  dnnl_primitive_desc_t d = nullptr;
  check(reorder_create_(&d, from_desc, engine_, to_desc, engine_, nullptr),
        "dnnl_reorder_primitive_desc_create");
  const primitive_desc owned(d, primitive_desc_destroy_);
  const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, from.get()}, {DNNL_ARG_TO, to.get()}};
  run(create(owned), 2, arguments);
}

onednn::primitive_desc onednn::matmul(const desc& source, const desc& weights,
                                      const desc& destination) const {
  dnnl_primitive_desc_t d = nullptr;
  check(
      matmul_create_(&d, engine_, source.get(), weights.get(), nullptr, destination.get(), nullptr),
      "dnnl_matmul_primitive_desc_create");
  return {d, primitive_desc_destroy_};
}

const_dnnl_memory_desc_t onednn::weights_of(const primitive_desc& p) const {
  return query_md_(p.get(), dnnl_query_weights_md, 0);
}

std::string onednn::implementation(const primitive_desc& p) const {
  const char* text = nullptr;
  check(query_(p.get(), dnnl_query_impl_info_str, 0, static_cast<void*>(&text)),
        "dnnl_primitive_desc_query");
  return text;
}

onednn::primitive onednn::create(const primitive_desc& p) const {
  dnnl_primitive_t made = nullptr;
  check(primitive_create_(&made, p.get()), "dnnl_primitive_create");
  return {made, primitive_destroy_};
}

void onednn::run(const primitive& p, int count, const dnnl_exec_arg_t* arguments) const {
  check(execute_(p.get(), stream_, count, arguments), "dnnl_primitive_execute");
  check(stream_wait_(stream_), "dnnl_stream_wait");
}

} // namespace bench
