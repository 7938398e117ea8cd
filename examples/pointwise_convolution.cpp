// A pruned 1x1 convolution with bias and ReLU: SpMM with activations as CHW or as HWC.
// expect: CHW and HWC agree
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include <tilebit/tilebit.hpp>
namespace tb = tilebit;

int main() {
  constexpr int out = 96; // channels
  constexpr int in = 64;
  constexpr int pixels = 14 * 14;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  tb::dense_matrix<float> weights({out, in});
  for (float& w : weights.values()) w = normal(random);
  std::vector<float> bias(out);
  for (float& b : bias) b = normal(random);

  // |w| > 1.6449 keeps one weight in ten of a normal distribution.
  const auto pruned = tb::to_bitmap(weights, {.threshold = 1.6449});
  const auto layer = tb::optimize(pruned, tb::operation::spmm); // once, for all images
  const auto step = tb::epilogue(tb::bias(bias), tb::relu);

  // CHW: the pixels of a channel are neighbours. HWC: the channels of a pixel are, which is the
  // column-major order of the same matrix.
  tb::dense_matrix<float> chw({in, pixels});
  tb::dense_matrix<float, tb::col_major> hwc({in, pixels});
  for (int c = 0; c < in; ++c) {
    for (int p = 0; p < pixels; ++p) hwc(c, p) = chw(c, p) = normal(random);
  }
  tb::dense_matrix<float> out_chw({out, pixels});
  tb::dense_matrix<float, tb::col_major> out_hwc({out, pixels});
  tb::multiply(layer, chw, out_chw, step);
  tb::multiply(layer, hwc, out_hwc, step);

  float worst = 0;
  for (int c = 0; c < out; ++c) {
    for (int p = 0; p < pixels; ++p) {
      worst = std::max(worst, std::abs(out_chw(c, p) - out_hwc(c, p)));
    }
  }
  const bool agree = worst < 1e-4F;
  std::printf("CHW and HWC %s: largest difference %g, %.0f%% of the multiplications saved\n",
              agree ? "agree" : "differ", double{worst},
              100 - 100.0 * static_cast<double>(pruned.nnz()) / (out * in));
  return agree ? 0 : 1;
}
