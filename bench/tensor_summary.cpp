// What the runs of bench/tensor come to.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <set>
#include <tuple>

#include "summary.hpp"
#include "tensor_results.hpp"

namespace bench {
namespace {

using figure = std::function<double(const tensor_result&)>;

/// A column of the tables: batch, with the weights in a cache or not. Those from memory come first
/// of their batch.
struct column {
  std::int64_t batch;
  bool cached;

  auto operator<=>(const column&) const = default;
};

/// A table for each of these.
struct group {
  std::string type;
  int threads;

  auto operator<=>(const group&) const = default;
};

column column_of(const tensor_result& r) {
  return {r.batch, !r.from_memory};
}
group group_of(const tensor_result& r) {
  return {r.type, r.threads};
}
/// In whole percents, so that what was pruned to one sparsity is one row.
int percent_of(const tensor_result& r) {
  return static_cast<int>(std::lround(100 * r.sparsity));
}

std::vector<double> ratios(const std::vector<tensor_run>& runs, const figure& ratio,
                           const std::function<bool(const tensor_result&)>& belongs) {
  std::vector<double> out;
  const auto& first = runs.front().results;
  for (std::size_t k = 0; k < first.size(); ++k) {
    if (!belongs(first[k])) continue;
    std::vector<double> of_runs;
    for (const auto& run : runs) of_runs.push_back(ratio(run.results[k]));
    const double value = median(of_runs);
    if (std::isfinite(value)) out.push_back(value);
  }
  return out;
}

void print_table(const std::vector<tensor_run>& runs, const group& g, const std::string& what,
                 const figure& ratio) {
  std::set<column> columns;
  std::set<int> rows;
  for (const auto& r : runs.front().results) {
    if (group_of(r) != g || !std::isfinite(ratio(r))) continue;
    columns.insert(column_of(r));
    rows.insert(percent_of(r));
  }
  if (columns.empty()) return;
  std::printf("\n%s, %s, %d thread%s\n%8s", what.c_str(), g.type.c_str(), g.threads,
              g.threads == 1 ? "" : "s", "sparsity");
  for (const column& c : columns) {
    std::printf(" | %13s", ("batch " + std::to_string(c.batch) + (c.cached ? "" : " mem")).c_str());
  }
  std::printf("\n");
  for (const int percent : rows) {
    std::printf("%7d%%", percent);
    for (const column& c : columns) {
      const auto values = ratios(runs, ratio, [&](const tensor_result& r) {
        return group_of(r) == g && percent_of(r) == percent && column_of(r) == c;
      });
      if (values.empty()) {
        std::printf(" | %13s", "");
      } else {
        std::printf(" | %5.2f  (%5.2f)", geometric_mean(values),
                    *std::min_element(values.begin(), values.end()));
      }
    }
    std::printf("\n");
  }
}

/// The result of the same product with another number of threads.
const tensor_result* single_thread(const tensor_run& run, const tensor_result& r) {
  const auto key = [](const tensor_result& of) {
    return std::tie(of.layer, of.type, of.batch, of.from_memory, of.sparsity);
  };
  for (const auto& other : run.results) {
    if (other.threads == 1 && key(other) == key(r)) return &other;
  }
  return nullptr;
}

} // namespace

void print_tensor_summary(const std::vector<tensor_run>& runs) {
  require_same_results(runs, [](const tensor_result& a, const tensor_result& b) {
    return a.layer == b.layer && group_of(a) == group_of(b) && column_of(a) == column_of(b) &&
           a.sparsity == b.sparsity;
  });
  std::set<group> groups;
  for (const auto& r : runs.front().results) groups.insert(group_of(r));
  if (groups.empty()) return;
  std::printf("\ntime ratios, geometric means over the layers and, in brackets, the least; above 1 "
              "ours is faster; mem: weights from memory; medians of %zu run%s\n",
              runs.size(), runs.size() == 1 ? "" : "s");
  for (const group& g : groups) {
    for (const auto& form : tensor_forms) {
      print_table(runs, g, "dense oneDNN, the better one, over " + form,
                  [&](const tensor_result& r) { return r.best_dense() / r.time(form); });
      print_table(runs, g, "our float, optimized, over " + form,
                  [&](const tensor_result& r) { return r.time("float") / r.time(form); });
      print_table(runs, g, "oneDNN with packed sparse weights over " + form,
                  [&](const tensor_result& r) { return r.best_packed() / r.time(form); });
    }
  }
  for (const auto& form : tensor_forms) {
    std::vector<std::pair<double, std::string>> gains;
    for (const auto& r : runs.front().results) {
      if (r.threads != 2) continue;
      std::vector<double> of_runs;
      for (const auto& run : runs) {
        const auto& two = run.results[static_cast<std::size_t>(&r - runs.front().results.data())];
        const auto* const one = single_thread(run, two);
        of_runs.push_back(one == nullptr ? std::nan("") : one->time(form) / two.time(form));
      }
      if (std::isfinite(median(of_runs))) gains.emplace_back(median(of_runs), r.layer);
    }
    print_mean_line(form + ", two threads over one", "", gains, extreme::least, "cases");
  }
}

} // namespace bench
