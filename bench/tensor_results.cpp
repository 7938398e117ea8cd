#include "tensor_results.hpp"

#include "peers/tensor.hpp"
#include "run_json.hpp"

namespace bench {
namespace {

enum class kind { own, dense, packed };

kind kind_of(const std::string& product) {
  if (product.ends_with(" packed")) return kind::packed;
  return product.starts_with("oneDNN") ? kind::dense : kind::own;
}

double least_time(const tensor_result& r, kind k) {
  double least = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [name, t] : r.times) {
    if (kind_of(name) == k && !(least <= t.seconds)) least = t.seconds;
  }
  return least;
}

} // namespace

double tensor_result::best_dense() const {
  return least_time(*this, kind::dense);
}

double tensor_result::best_packed() const {
  return least_time(*this, kind::packed);
}

void write_tensor_json(const std::string& path, const tensor_run& run,
                       const timing_options& options, const std::string& commit) {
  nlohmann::json out;
  out["benchmark"] = "tensor";
  out["conditions"] = conditions_json(options, commit);
  out["conditions"]["last_level_cache"] = last_level_cache();
  out["peers"] = nlohmann::json::array();
  for (const auto& library : all_tensor_libraries().found) {
    out["peers"].push_back({{"name", library.name},
                            {"version", library.version},
                            {"packed_refusal", library.packed_refusal}});
  }
  out["left_out"] = all_tensor_libraries().left_out;
  out["results"] = nlohmann::json::array();
  for (const auto& r : run.results) {
    nlohmann::json row{{"layer", r.layer},     {"type", r.type},
                       {"batch", r.batch},     {"from_memory", r.from_memory},
                       {"threads", r.threads}, {"rows", r.rows},
                       {"inner", r.inner},     {"sparsity", r.sparsity},
                       {"nnz", r.nnz},         {"bytes", r.bytes}};
    put_times(row, r.times);
    out["results"].push_back(row);
  }
  out["feeds"] = nlohmann::json::array();
  for (const auto& f : run.feeds) {
    nlohmann::json row{{"layer", f.layer},
                       {"sparsity", f.sparsity},
                       {"nnz", f.nnz},
                       {"blocks", f.blocks},
                       {"bytes", f.bytes}};
    put_times(row, f.times);
    out["feeds"].push_back(row);
  }
  write_json_file(path, out);
}

tensor_run read_tensor_json(const std::string& path) {
  const auto in = read_json_file(path);
  tensor_run run;
  for (const auto& row : in.at("results")) {
    tensor_result r;
    r.layer = row.at("layer");
    r.type = row.at("type");
    r.batch = row.at("batch");
    r.from_memory = row.at("from_memory");
    r.threads = row.at("threads");
    r.rows = row.at("rows");
    r.inner = row.at("inner");
    r.sparsity = row.at("sparsity");
    r.nnz = row.at("nnz");
    r.bytes = row.at("bytes").get<std::map<std::string, double>>();
    r.times = get_times(row);
    run.results.push_back(r);
  }
  return run;
}

} // namespace bench
