#include "inputs.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include <tilebit/io/matrix_market.hpp>
#include <tilebit/io/smtx.hpp>

#include "random.hpp"

namespace bench {
namespace {

namespace tb = tilebit;

struct builder {
  std::vector<double> values;
  std::vector<int> rows;
  std::vector<int> cols;

  void add(std::int64_t i, std::int64_t j, double x) {
    values.push_back(x);
    rows.push_back(static_cast<int>(i));
    cols.push_back(static_cast<int>(j));
  }
  real_matrix finish(std::int64_t n_rows, std::int64_t n_cols) {
    real_matrix a(std::move(values), std::move(rows), std::move(cols), {n_rows, n_cols});
    a.sum_duplicates();
    return a;
  }
};

/// The 5-point Laplacian on an n x n grid.
real_matrix poisson_2d(int n) {
  builder a;
  for (int y = 0; y < n; ++y) {
    for (int x = 0; x < n; ++x) {
      const int i = y * n + x;
      a.add(i, i, 4);
      if (x > 0) a.add(i, i - 1, -1);
      if (x + 1 < n) a.add(i, i + 1, -1);
      if (y > 0) a.add(i, i - n, -1);
      if (y + 1 < n) a.add(i, i + n, -1);
    }
  }
  return a.finish(n * n, n * n);
}

/// Calls f(i, j, dx, dy, dz) for all neighbours (distance at most 1 in each direction) on an n^3
/// grid.
template <class F>
void for_each_neighbour(int n, F&& f) {
  for (int z = 0; z < n; ++z) {
    for (int y = 0; y < n; ++y) {
      for (int x = 0; x < n; ++x) {
        for (int k = 0; k < 27; ++k) {
          const int dx = k % 3 - 1;
          const int dy = k / 3 % 3 - 1;
          const int dz = k / 9 - 1;
          const auto inside = [n](int c) { return c >= 0 && c < n; };
          if (!inside(x + dx) || !inside(y + dy) || !inside(z + dz)) continue;
          const int i = (z * n + y) * n + x;
          f(i, i + (dz * n + dy) * n + dx, dx, dy, dz);
        }
      }
    }
  }
}

/// The 7-point Laplacian on an n^3 grid.
real_matrix poisson_3d(int n) {
  builder a;
  for_each_neighbour(n, [&](int i, int j, int dx, int dy, int dz) {
    const int distance = std::abs(dx) + std::abs(dy) + std::abs(dz);
    if (distance <= 1) a.add(i, j, distance == 0 ? 6 : -1);
  });
  return a.finish(n * n * n, n * n * n);
}

/// Trilinear elements on an n^3 grid with three unknowns per node, as in linear elasticity: every
/// node couples with its 27 neighbours by a full 3x3 block. The values are seeded.
real_matrix elasticity_3d(int n) {
  builder a;
  splitmix64 random(3);
  for_each_neighbour(n, [&](int i, int j, int, int, int) {
    for (int r = 0; r < 3; ++r) {
      for (int c = 0; c < 3; ++c) a.add(3 * i + r, 3 * j + c, random.value());
    }
  });
  return a.finish(3 * n * n * n, 3 * n * n * n);
}

real_matrix banded(int n, int half_bandwidth) {
  builder a;
  splitmix64 random(4);
  for (int i = 0; i < n; ++i) {
    for (int j = std::max(0, i - half_bandwidth); j <= std::min(n - 1, i + half_bandwidth); ++j) {
      a.add(i, j, random.value());
    }
  }
  return a.finish(n, n);
}

/// Weights of a layer of which each survives with probability 1 - sparsity.
real_matrix pruned(int rows, int cols, double sparsity) {
  builder a;
  splitmix64 random(static_cast<std::uint64_t>(sparsity * 1000) + 5);
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < cols; ++j) {
      const double x = random.value();
      if (random.uniform() >= sparsity) a.add(i, j, x);
    }
  }
  return a.finish(rows, cols);
}

/// The same, 4x4 blocks surviving as a whole.
real_matrix block_pruned(int rows, int cols, double sparsity) {
  builder a;
  splitmix64 random(static_cast<std::uint64_t>(sparsity * 1000) + 6);
  for (int i = 0; i < rows; i += 4) {
    for (int j = 0; j < cols; j += 4) {
      if (random.uniform() < sparsity) continue;
      for (int k = 0; k < 16; ++k) a.add(i + k / 4, j + k % 4, random.value());
    }
  }
  return a.finish(rows, cols);
}

std::string percent(double x) {
  return std::to_string(static_cast<int>(std::lround(100 * x))) + "%";
}

bool is_matrix_file(const std::string& name) {
  const auto ends = [&](const char* suffix) { return name.ends_with(suffix); };
  return ends(".mtx") || ends(".mtx.gz") || ends(".smtx") || ends(".smtx.gz");
}

template <class T>
void seed_values(tb::coo_matrix<T>& a) {
  splitmix64 random(7);
  for (T& x : a.values()) x = T(random.value());
}

any_matrix read(const std::string& path) {
  if (path.ends_with(".smtx") || path.ends_with(".smtx.gz")) {
    auto a = tb::read_smtx<double>(path);
    seed_values(a);
    a.sum_duplicates();
    return a;
  }
  const auto header = tb::read_matrix_market_header(path);
  if (header.field == tb::matrix_market_field::complex) {
    auto a = tb::read_matrix_market<std::complex<double>>(path);
    a.sum_duplicates();
    return a;
  }
  auto a = tb::read_matrix_market<double>(path);
  if (header.field == tb::matrix_market_field::pattern) seed_values(a);
  a.sum_duplicates();
  return a;
}

} // namespace

real_matrix rmat_graph(int scale, int edge_factor) {
  builder a;
  splitmix64 random(1);
  const std::int64_t n = std::int64_t{1} << scale;
  for (std::int64_t edge = 0; edge < edge_factor * n; ++edge) {
    std::int64_t i = 0;
    std::int64_t j = 0;
    for (int bit = 0; bit < scale; ++bit) {
      const double p = random.uniform(); // the four quadrants have 0.57, 0.19, 0.19, 0.05
      i = 2 * i + (p >= 0.76);
      j = 2 * j + ((p >= 0.57 && p < 0.76) || p >= 0.95);
    }
    a.add(i, j, random.value());
  }
  return a.finish(n, n);
}

std::vector<input> built_in_inputs() {
  std::vector<input> all{
      {"Poisson 2-D, 400^2", [] { return poisson_2d(400); }},
      {"Poisson 3-D, 50^3", [] { return poisson_3d(50); }},
      {"elasticity 3x3 blocks, 18^3", [] { return elasticity_3d(18); }},
      {"banded 50000, 12 off each side", [] { return banded(50000, 12); }},
      {"R-MAT graph, 2^16, 16 edges", [] { return rmat_graph(16, 16); }},
  };
  for (const double s : {0.5, 0.7, 0.8, 0.9, 0.95, 0.98}) {
    all.push_back({"ResNet-50 512x4608, " + percent(s), [s] { return pruned(512, 4608, s); }});
  }
  for (const double s : {0.5, 0.7, 0.8, 0.9, 0.95, 0.98}) {
    all.push_back({"Transformer 2048x512, " + percent(s), [s] { return pruned(2048, 512, s); }});
  }
  for (const double s : {0.7, 0.9, 0.95}) {
    all.push_back(
        {"4x4 blocks 2048x2048, " + percent(s), [s] { return block_pruned(2048, 2048, s); }});
  }
  return all;
}

input random_input(const std::string& name, int n, double density) {
  return {name, [n, density] { return pruned(n, n, 1 - density); }};
}

std::vector<input> built_in_spmm_inputs() {
  std::vector<input> all;
  for (const char* density : {"0.02", "0.05", "0.1", "0.2", "0.3", "0.5"}) {
    all.push_back(
        random_input(std::string("random_") + density + "_1024", 1024, std::stod(density)));
  }
  all.push_back({"4x4 blocks 1024^2, 90%", [] { return block_pruned(1024, 1024, 0.9); }});
  all.push_back({"elasticity 3x3 blocks, 10^3", [] { return elasticity_3d(10); }});
  return all;
}

std::vector<input> inputs_of(const std::vector<std::string>& paths) {
  namespace fs = std::filesystem;
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    if (fs::is_directory(path)) {
      std::vector<std::string> found;
      for (const auto& entry : fs::directory_iterator(path)) {
        if (is_matrix_file(entry.path().string())) found.push_back(entry.path().string());
      }
      if (found.empty()) throw std::runtime_error(path + " holds no .mtx or .smtx file");
      std::sort(found.begin(), found.end());
      files.insert(files.end(), found.begin(), found.end());
    } else if (is_matrix_file(path)) {
      files.push_back(path);
    } else {
      throw std::runtime_error(path + " is neither a folder nor a .mtx or .smtx file");
    }
  }
  std::vector<input> all;
  for (const std::string& file : files) {
    std::string name = fs::path(file).filename().string();
    for (const char* suffix : {".gz", ".mtx", ".smtx"}) {
      if (name.ends_with(suffix)) name.resize(name.size() - std::string(suffix).size());
    }
    all.push_back({name, [file] { return read(file); }});
  }
  return all;
}

} // namespace bench
