// oneDNN: matmul with the weights in the layout that it asks for (format_tag::any and a reorder,
// once), activations and results row-major; and with weights in its packed sparse encoding, which
// it has for 8-bit integers. 8-bit activations are signed, as the weights are.
#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>

#include "onednn.hpp"
#include "tensor.hpp"

namespace bench {
namespace {

template <class T>
constexpr dnnl_data_type_t type_of() {
  return std::is_same_v<T, std::int8_t>         ? dnnl_s8
         : std::is_same_v<T, tilebit::bfloat16> ? dnnl_bf16
         : std::is_same_v<T, float>             ? dnnl_f32
                                                : dnnl_s32;
}

/// One matmul with everything that it needs.
struct layer {
  std::shared_ptr<const onednn> library;
  onednn::primitive multiply;
  onednn::memory x, y;
  std::vector<onednn::memory> weights;

  void run(int copy) const {
    const dnnl_exec_arg_t arguments[] = {
        {DNNL_ARG_SRC, x.get()},
        {DNNL_ARG_WEIGHTS, weights[static_cast<std::size_t>(copy)].get()},
        {DNNL_ARG_DST, y.get()}};
    library->run(multiply, 3, arguments);
  }
};

template <class T>
tensor_product<T> make(const std::shared_ptr<const onednn>& library, const std::string& name,
                       const tensor_operands<T>& of, bool packed) {
  const onednn& dnn = *library;
  dnn.use_threads(of.threads);
  const auto source = dnn.dense(of.batch, of.k, type_of<T>(), dnnl_ab);
  const auto destination = dnn.dense(of.batch, of.m, type_of<tensor_sum<T>>(), dnnl_ab);
  const auto plain = dnn.dense(of.k, of.m, type_of<T>(), dnnl_ba);
  const auto wanted = packed ? dnn.packed(of.k, of.m, type_of<T>(), of.nnz)
                             : dnn.dense(of.k, of.m, type_of<T>(), dnnl_format_tag_any);
  const auto p = dnn.matmul(source, wanted, destination);
  const auto* const layout = dnn.weights_of(p);

  auto made = std::make_shared<layer>();
  made->library = library;
  made->x = dnn.allocate(source.get());
  made->y = dnn.allocate(destination.get());
  const auto size_of = [](std::int64_t rows, std::int64_t cols) {
    return static_cast<std::size_t>(rows) * static_cast<std::size_t>(cols) * sizeof(T);
  };
  std::memcpy(dnn.data(made->x), of.x, size_of(of.batch, of.k));
  const auto w = dnn.allocate(plain.get());
  std::memcpy(dnn.data(w), of.w, size_of(of.m, of.k));
  tensor_product<T> product;
  product.name = name;
  product.kernel = dnn.implementation(p);
  product.bytes = static_cast<double>(dnn.bytes(layout));
  product.copies = 1 + static_cast<int>(of.least_bytes / product.bytes);
  for (int copy = 0; copy < product.copies; ++copy) {
    made->weights.push_back(dnn.allocate(layout));
    dnn.reorder(plain.get(), w, layout, made->weights.back());
  }
  made->multiply = dnn.create(p);
  product.y = static_cast<const tensor_sum<T>*>(dnn.data(made->y));
  product.run = [made](int copy) { made->run(copy); };
  return product;
}

/// What oneDNN says to a small product with packed weights; nothing where it does it.
std::string refusal_of(const std::shared_ptr<const onednn>& library) {
  constexpr std::int64_t size = 64;
  std::vector<std::int8_t> w(size * size);
  w[0] = 1;
  const std::vector<std::int8_t> x(size, 1);
  try {
    make<std::int8_t>(library, "", {w.data(), size, size, 1, x.data(), 1, 1, 0}, true).run(0);
    return {};
  } catch (const std::exception& e) {
    return e.what();
  }
}

} // namespace

tensor_library open_onednn(const std::string& path) {
  const auto library = std::make_shared<const onednn>(path);
  tensor_library out;
  const std::string version = library->version();
  out.name = "oneDNN " + version.substr(0, version.rfind('.'));
  out.version = version + ", " + library->threading();
  using bf16 = tensor_operands<tilebit::bfloat16>;
  using int8 = tensor_operands<std::int8_t>;
  out.bf16 = [library, name = out.name](const bf16& of) { return make(library, name, of, false); };
  out.int8 = [library, name = out.name](const int8& of) { return make(library, name, of, false); };
  out.packed_refusal = refusal_of(library);
  if (out.packed_refusal.empty()) {
    out.packed_int8 = [library, name = out.name + " packed"](const int8& of) {
      return make(library, name, of, true);
    };
  }
  return out;
}

} // namespace bench
