// Figures of bench/tensor: one result per layer, value type, sparsity, batch, place of the weights
// and number of threads; as JSON; and what one or several runs come to.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "feed.hpp"
#include "measure.hpp"

namespace bench {

struct tensor_result {
  std::string layer;
  std::string type; ///< "bf16" or "int8"
  std::int64_t batch = 0;
  bool from_memory = false; ///< the weights, not from a cache
  int threads = 1;
  std::int64_t rows = 0;
  std::int64_t inner = 0;
  double sparsity = 0;
  std::int64_t nnz = 0;
  std::map<std::string, timing> times; ///< "grid", "optimized", "float", "oneDNN 3.2", "... packed"
  std::map<std::string, double> bytes; ///< of the weights, of each

  double time(const std::string& of) const {
    const auto found = times.find(of);
    return found == times.end() ? std::numeric_limits<double>::quiet_NaN() : found->second.seconds;
  }
  /// The least time of the dense products, and of those with packed sparse weights; not a number
  /// without any.
  double best_dense() const;
  double best_packed() const;
};

/// The forms of ours that are measured.
inline const std::vector<std::string> tensor_forms{"grid", "optimized"};

/// The results of one process.
struct tensor_run {
  std::vector<tensor_result> results;
  std::vector<feed_result> feeds;
};

void write_tensor_json(const std::string& path, const tensor_run& run,
                       const timing_options& options, const std::string& commit);

/// Throws when the file is not one that write_tensor_json has written.
tensor_run read_tensor_json(const std::string& path);

/// Prints, for each type and number of threads, geometric means over the layers of the time of the
/// best dense product over ours. With several runs of the same layers each ratio is its median over
/// the runs.
void print_tensor_summary(const std::vector<tensor_run>& runs);

} // namespace bench
