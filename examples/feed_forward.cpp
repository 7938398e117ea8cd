// The feed-forward block of a transformer, Y = W2 gelu(W1 X + b1) + b2, with pruned weights in
// float, bfloat16 and 8-bit integers: time, bytes of the weights, and the error against float.
// expect: 8-bit
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include <tilebit/tilebit.hpp>
namespace tb = tilebit;
using matrix = tb::dense_matrix<float, tb::col_major>; // of activations: a token in each column
constexpr int width = 256, hidden = 1024, tokens = 32;

/// What an 8-bit 1 stands for, so that 127 is the largest value; 1 for other types.
template <class T>
float unit(const matrix& x) {
  const auto [least, most] = std::ranges::minmax(x.values());
  return sizeof(T) == 1 ? std::max(-least, most) / 127 : 1;
}
template <class T>
auto rounded(const matrix& x, float u) {
  tb::dense_matrix<T, tb::col_major> out({x.rows(), x.cols()});
  const auto round = [u](float v) { return T(sizeof(T) == 1 ? std::nearbyint(v / u) : v); };
  std::ranges::transform(x.values(), out.data(), round);
  return out;
}

template <class T>
void run(const char* name, const matrix& w1, const matrix& w2, const matrix& x, matrix& exact) {
  const float u1 = unit<T>(w1), u2 = unit<T>(w2);
  const auto a1 = tb::optimize(tb::to_bitmap(rounded<T>(w1, u1)), tb::operation::spmm);
  const auto a2 = tb::optimize(tb::to_bitmap(rounded<T>(w2, u2)), tb::operation::spmm);
  const std::vector<float> b1(hidden, 0.1F), b2(width, -0.1F);
  matrix h({hidden, tokens}), y({width, tokens});
  const auto start = std::chrono::steady_clock::now(); // sums of products of T are scaled back
  const float ux = unit<T>(x);
  const std::vector<float> s1(hidden, u1 * ux);
  tb::multiply(a1, rounded<T>(x, ux), h, tb::epilogue(tb::row_scale(s1), tb::bias(b1), tb::gelu));
  const float uh = unit<T>(h);
  const std::vector<float> s2(width, u2 * uh);
  tb::multiply(a2, rounded<T>(h, uh), y, tb::epilogue(tb::row_scale(s2), tb::bias(b2)));
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  if (sizeof(T) == 4) exact = y;
  float error = 0;
  for (int k = 0; k < width * tokens; ++k) {
    error = std::max(error, std::abs(y.data()[k] - exact.data()[k]));
  }
  const double kb = 1e-3 * static_cast<double>(tb::analyze(a1).bytes.bitmap_grid +
                                               tb::analyze(a2).bytes.bitmap_grid);
  std::printf("%-8s %.3f ms, weights %.0f KB as grids (dense %.0f), largest error %.1e\n", name,
              time.count(), kb, 2e-3 * sizeof(T) * width * hidden, error);
}

int main() {
  std::mt19937 random(1);
  const auto fill = [&](auto& m, float deviation) {
    for (float& v : m.values()) v = std::normal_distribution<float>(0, deviation)(random);
  };
  matrix w1({hidden, width}), w2({width, hidden}), x({width, tokens}), exact({width, tokens});
  fill(w1, 0.06F), fill(w2, 0.03F), fill(x, 1);
  tb::to_dense(tb::prune_to_sparsity(w1, 0.7).matrix, w1);
  tb::to_dense(tb::prune_to_sparsity(w2, 0.7).matrix, w2);
  run<float>("float", w1, w2, x, exact);
  run<tb::bfloat16>("bfloat16", w1, w2, x, exact);
  run<std::int8_t>("8-bit", w1, w2, x, exact);
}
