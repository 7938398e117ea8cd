// What the benchmarks run on: generated matrices named for what they are, and files.
#pragma once

#include <complex>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include <tilebit/formats/coo.hpp>

namespace bench {

using real_matrix = tilebit::coo_matrix<double>;
using complex_matrix = tilebit::coo_matrix<std::complex<double>>;
using any_matrix = std::variant<real_matrix, complex_matrix>;

/// A matrix that is made or read when it is needed; row-ordered, without duplicates.
struct input {
  std::string name;
  std::function<any_matrix()> load;
};

/// The generated inputs; the same bits on every machine.
std::vector<input> built_in_inputs();

/// Smaller ones for SpMM: random at several densities, block-pruned, finite elements. One of them
/// is random_input("random_0.5_1024", 1024, 0.5).
std::vector<input> built_in_spmm_inputs();

/// A uniformly random n x n matrix.
input random_input(const std::string& name, int n, double density);

/// Files (.mtx, .smtx, each also .gz) and all such files of folders. Pattern files get seeded
/// values. Throws std::runtime_error for a path that is neither.
std::vector<input> inputs_of(const std::vector<std::string>& paths);

/// A power-law graph with 2^scale vertices and about edge_factor * 2^scale edges.
/// Source: Chakrabarti, Zhan, Faloutsos, R-MAT, SDM 2004, with the parameters of Graph500.
real_matrix rmat_graph(int scale, int edge_factor);

} // namespace bench
