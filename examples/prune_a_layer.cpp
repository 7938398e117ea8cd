// A dense layer pruned by magnitude, then multiplied with a batch: bias and ReLU ride along.
// expect: largest difference from the dense product
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include <tilebit/tilebit.hpp>
namespace tb = tilebit;

int main() {
  constexpr int out = 256;
  constexpr int in = 512;
  constexpr int batch = 32;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  tb::dense_matrix<float> weights({out, in});
  for (float& w : weights.values()) w = normal(random);
  tb::dense_matrix<float> activations({in, batch});
  for (float& v : activations.values()) v = normal(random);
  const std::vector<float> bias(out, 0.1F);

  const auto [w, kept, energy] = tb::prune_to_sparsity(weights, 0.8);
  const auto s = tb::analyze(w);
  std::printf("kept %lld of %d weights and %.1f%% of their energy; bytes: dense %zu, CSR %lld, "
              "bitmap %lld\n",
              static_cast<long long>(kept), out * in, 100 * energy, sizeof(float) * out * in,
              static_cast<long long>(s.bytes.csr), static_cast<long long>(s.bytes.bitmap));

  tb::dense_matrix<float> c({out, batch});
  tb::multiply(w, activations, c, tb::epilogue(tb::bias(bias), tb::relu)); // C = relu(W B + bias)

  const auto pruned = tb::to_dense(w);
  float worst = 0;
  for (int i = 0; i < out; ++i) {
    for (int j = 0; j < batch; ++j) {
      double sum = 0;
      for (int k = 0; k < in; ++k) sum += double{pruned(i, k)} * double{activations(k, j)};
      worst = std::max(worst, std::abs(c(i, j) - std::max(0.0F, static_cast<float>(sum) + 0.1F)));
    }
  }
  std::printf("largest difference from the dense product: %g\n", double{worst});
  return worst < 1e-3F ? 0 : 1;
}
