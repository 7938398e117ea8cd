// Figures of bench/spmm: one result per matrix, value type, number of columns and of threads; as
// JSON; and what one or several runs come to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "fma_peak.hpp"
#include "measure.hpp"

namespace bench {

/// The input that is always added, for the figures at 50%.
inline const std::string half_dense_name = "random_0.5_1024";

struct spmm_result {
  std::string name;
  std::string type;
  std::int64_t columns = 0;
  int threads = 1;
  std::int64_t rows = 0;
  std::int64_t inner = 0; ///< columns of the sparse matrix
  std::int64_t nnz = 0;
  double fill = 0;
  std::map<std::string, timing> times;
  std::map<std::string, double> megabytes; ///< of our formats
  double optimize_seconds = 0;             ///< 0 where it was not measured
  std::string recommended;

  double density() const {
    return static_cast<double>(nnz) / (static_cast<double>(rows) * static_cast<double>(inner));
  }
  double time(const std::string& of) const {
    const auto found = times.find(of);
    return found == times.end() ? std::numeric_limits<double>::quiet_NaN() : found->second.seconds;
  }
  /// Useful flops a second: two per stored entry and column.
  double flops(const std::string& of) const {
    return 2.0 * static_cast<double>(nnz) * static_cast<double>(columns) / time(of);
  }
  /// The least time among the products of one library ("Eigen"); not a number without any.
  double library_time(const std::string& library) const;
  double best_sparse_peer() const;
  double best_dense() const;
  double best_own() const; ///< of the formats, without optimized
};

/// Whether a product is ours, that of a plain format, that of a dense matrix.
bool is_own(const std::string& product);
bool is_format(const std::string& product);
bool is_dense(const std::string& product);

/// The results of one process.
struct spmm_run {
  std::vector<spmm_result> results;
  std::vector<std::string> libraries; ///< that multiply sparse matrices
  fma_peak peak;
};

void write_spmm_json(const std::string& path, const spmm_run& run, const timing_options& options,
                     const std::string& commit);

/// Throws when the file is not one that write_spmm_json has written.
spmm_run read_spmm_json(const std::string& path);

/// Prints geometric means over the matrices whose names match the regular expression, all of them
/// where none does. With several runs of the same matrices each ratio is its median over the runs.
void print_spmm_summary(const std::vector<spmm_run>& runs, const std::string& counted);

} // namespace bench
