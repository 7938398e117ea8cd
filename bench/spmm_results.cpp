#include "spmm_results.hpp"

#include "peers/spmm.hpp"
#include "run_json.hpp"

namespace bench {
namespace {

template <class Belongs>
double least_time(const spmm_result& r, Belongs&& belongs) {
  double least = std::numeric_limits<double>::quiet_NaN();
  for (const auto& [name, t] : r.times) {
    if (belongs(name) && !(least <= t.seconds)) least = t.seconds;
  }
  return least;
}

} // namespace

bool is_format(const std::string& product) {
  return product == "COO" || product == "CSR" || product == "bitmap";
}

bool is_own(const std::string& product) {
  const std::string form = product.substr(0, product.find_first_of(" ^"));
  return is_format(form) || form == "optimized";
}

bool is_dense(const std::string& product) {
  return product.find(" gemm") != std::string::npos;
}

double spmm_result::library_time(const std::string& library) const {
  return least_time(*this, [&](const std::string& name) {
    return !is_dense(name) && name.substr(0, name.find(' ')) == library;
  });
}

double spmm_result::best_sparse_peer() const {
  return least_time(*this,
                    [](const std::string& name) { return !is_own(name) && !is_dense(name); });
}

double spmm_result::best_dense() const {
  return least_time(*this, [](const std::string& name) { return is_dense(name); });
}

double spmm_result::best_own() const {
  return least_time(*this, is_format);
}

void write_spmm_json(const std::string& path, const spmm_run& run, const timing_options& options,
                     const std::string& commit) {
  nlohmann::json out;
  out["benchmark"] = "spmm";
  out["conditions"] = conditions_json(options, commit);
  out["peak_flops"] = {{"float", run.peak.of_float}, {"double", run.peak.of_double}};
  out["peers"] = nlohmann::json::array();
  for (const auto& library : spmm_libraries()) {
    if (run.libraries.empty()) break; // none were measured
    out["peers"].push_back(
        {{"name", library.name}, {"version", library.version}, {"dense", library.dense}});
  }
  out["results"] = nlohmann::json::array();
  for (const auto& r : run.results) {
    nlohmann::json row{{"name", r.name},
                       {"type", r.type},
                       {"columns", r.columns},
                       {"threads", r.threads},
                       {"rows", r.rows},
                       {"inner", r.inner},
                       {"nnz", r.nnz},
                       {"fill", r.fill},
                       {"recommended", r.recommended},
                       {"optimize_seconds", r.optimize_seconds},
                       {"megabytes", r.megabytes}};
    put_times(row, r.times);
    out["results"].push_back(row);
  }
  write_json_file(path, out);
}

spmm_run read_spmm_json(const std::string& path) {
  const auto in = read_json_file(path);
  spmm_run run;
  run.peak = {in.at("peak_flops").at("float"), in.at("peak_flops").at("double")};
  for (const auto& peer : in.at("peers")) {
    if (!peer.at("dense").get<bool>()) run.libraries.push_back(peer.at("name"));
  }
  for (const auto& row : in.at("results")) {
    spmm_result r;
    r.name = row.at("name");
    r.type = row.at("type");
    r.columns = row.at("columns");
    r.threads = row.at("threads");
    r.rows = row.at("rows");
    r.inner = row.at("inner");
    r.nnz = row.at("nnz");
    r.fill = row.at("fill");
    r.recommended = row.at("recommended");
    r.optimize_seconds = row.at("optimize_seconds");
    r.megabytes = row.at("megabytes").get<std::map<std::string, double>>();
    r.times = get_times(row);
    run.results.push_back(r);
  }
  return run;
}

} // namespace bench
