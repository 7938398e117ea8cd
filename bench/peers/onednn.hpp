// oneDNN, opened at run time: two of its packages have the same names and can then be in one
// process. Objects of its C interface with owners; every call that fails throws std::runtime_error
// with the call and oneDNN's status.
#pragma once

#include <oneapi/dnnl/dnnl.h>

#include <functional>
#include <memory>
#include <string>
#include <type_traits>

namespace bench {

class onednn {
public:
  /// Opens a libdnnl of version 3, keeps it open and makes a CPU engine.
  explicit onednn(const std::string& path);

  template <class Handle>
  using owner = std::shared_ptr<std::remove_pointer_t<Handle>>;
  using desc = owner<dnnl_memory_desc_t>;
  using memory = owner<dnnl_memory_t>;
  using primitive_desc = owner<dnnl_primitive_desc_t>;
  using primitive = owner<dnnl_primitive_t>;

  std::string version() const;
  std::string threading() const; ///< "OpenMP", "SYCL", ...
  /// Of the calling thread, and of the process: for products that are made from then on.
  void use_threads(int count) const;

  desc dense(dnnl_dim_t rows, dnnl_dim_t cols, dnnl_data_type_t type, dnnl_format_tag_t tag) const;
  bool has_packed() const {
    return packed_encoding_ != nullptr && desc_query_buffer_ != nullptr &&
           desc_size_of_buffer_ != nullptr && memory_create_buffers_ != nullptr;
  }
  desc packed(dnnl_dim_t rows, dnnl_dim_t cols, dnnl_data_type_t type, dnnl_dim_t nnz) const;
  std::size_t bytes(const_dnnl_memory_desc_t d) const; ///< of all its buffers

  memory allocate(const_dnnl_memory_desc_t d) const;
  void* data(const memory& m) const;
  void reorder(const_dnnl_memory_desc_t from_desc, const memory& from,
               const_dnnl_memory_desc_t to_desc, const memory& to) const;

  /// source x weights = destination; its descriptor names the layout it wants of the weights.
  primitive_desc matmul(const desc& source, const desc& weights, const desc& destination) const;
  const_dnnl_memory_desc_t weights_of(const primitive_desc& p) const;
  std::string implementation(const primitive_desc& p) const;
  primitive create(const primitive_desc& p) const;
  /// Returns when it is done.
  void run(const primitive& p, int count, const dnnl_exec_arg_t* arguments) const;

private:
  /// How many buffers has memory of this description? More than one where it is packed.
  int buffers(const_dnnl_memory_desc_t d) const;

  // What headers or libraries without sparse encodings lack: dnnl_memory_desc_query_v2,
  // dnnl_memory_desc_get_size_v2, dnnl_memory_create_v2 and
  // dnnl_memory_desc_create_with_packed_encoding.
  using query_function = dnnl_status_t (*)(const_dnnl_memory_desc_t, dnnl_query_t, int, void*);
  using size_function = std::size_t (*)(const_dnnl_memory_desc_t, int);
  using create_function = dnnl_status_t (*)(dnnl_memory_t*, const_dnnl_memory_desc_t, dnnl_engine_t,
                                            int, void**);
  using packed_function = dnnl_status_t (*)(dnnl_memory_desc_t*, int, const dnnl_dims_t,
                                            dnnl_data_type_t, dnnl_dim_t);

  decltype(&dnnl_version) version_;
  decltype(&dnnl_engine_create) engine_create_;
  decltype(&dnnl_stream_create) stream_create_;
  decltype(&dnnl_stream_wait) stream_wait_;
  decltype(&dnnl_memory_desc_create_with_tag) desc_create_;
  packed_function packed_encoding_;
  query_function desc_query_buffer_;
  size_function desc_size_of_buffer_;
  create_function memory_create_buffers_;
  decltype(&dnnl_memory_desc_destroy) desc_destroy_;
  decltype(&dnnl_memory_desc_get_size) desc_get_size_;
  decltype(&dnnl_memory_create) memory_create_;
  decltype(&dnnl_memory_destroy) memory_destroy_;
  decltype(&dnnl_memory_get_data_handle) memory_data_;
  decltype(&dnnl_reorder_primitive_desc_create) reorder_create_;
  decltype(&dnnl_matmul_primitive_desc_create) matmul_create_;
  decltype(&dnnl_primitive_desc_query) query_;
  decltype(&dnnl_primitive_desc_query_md) query_md_;
  decltype(&dnnl_primitive_desc_destroy) primitive_desc_destroy_;
  decltype(&dnnl_primitive_create) primitive_create_;
  decltype(&dnnl_primitive_destroy) primitive_destroy_;
  decltype(&dnnl_primitive_execute) execute_;
  void (*openmp_threads_)(int);

  dnnl_engine_t engine_ = nullptr; // these two live as long as the process
  dnnl_stream_t stream_ = nullptr;
};

} // namespace bench
