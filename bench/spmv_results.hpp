// Figures of bench/spmv: one result per matrix, value type and number of threads; as JSON; and what
// one or several runs come to.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "measure.hpp"

namespace bench {

inline const std::vector<std::string> own_formats{"COO", "CSR", "bitmap"};

/// One matrix, value type and number of threads.
struct spmv_result {
  std::string name;
  std::string type;
  int threads = 1;
  std::int64_t nnz = 0;
  double fill = 0;
  std::map<std::string, timing> times;
  std::map<std::string, double> megabytes; ///< of our formats
  double optimize_seconds = 0;
  std::string recommended;

  double time(const std::string& of) const {
    const auto found = times.find(of);
    return found == times.end() ? std::numeric_limits<double>::quiet_NaN() : found->second.seconds;
  }
  double least(const std::vector<std::string>& of) const {
    double t = std::numeric_limits<double>::infinity();
    for (const auto& name_of : of) {
      if (times.count(name_of) != 0) t = std::min(t, time(name_of));
    }
    return t;
  }
};

/// The results of one process, and the other libraries in it.
struct spmv_run {
  std::vector<spmv_result> results;
  std::vector<std::string> peers;
};

std::vector<std::string> peer_names();

void write_spmv_json(const std::string& path, const spmv_run& run, const timing_options& options,
                     const std::string& commit);

/// Throws when the file is not one that write_spmv_json has written.
spmv_run read_spmv_json(const std::string& path);

/// Prints geometric means of time ratios over the matrices. With several runs of the same matrices
/// each ratio is its median over the runs.
void print_spmv_summary(const std::vector<spmv_run>& runs);

} // namespace bench
