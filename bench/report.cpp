#include "report.hpp"

#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <fstream>
#include <iomanip>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace bench {
namespace {

std::string text(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string text(const char* format, ...) {
  char buffer[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  return buffer;
}

double gflops(const row& r, int format) {
  return r.flops / r.spmv[static_cast<std::size_t>(format)].seconds * 1e-9;
}
double gbytes(const row& r, int format) {
  const auto f = static_cast<std::size_t>(format);
  return r.spmv_bytes[f] / r.spmv[f].seconds * 1e-9;
}
double share(const row& r, int format) {
  return gbytes(r, format) * 1e9 / r.bandwidth[static_cast<std::size_t>(format)];
}
double spmm_gflops(const row& r, int format, int columns) {
  return r.flops * columns / r.spmm[static_cast<std::size_t>(format)].seconds * 1e-9;
}

/// Three numbers of the formats as one column of the table.
template <class F>
std::string triple(const char* format, F&& value) {
  std::string s;
  for (int f = 0; f < 3; ++f) {
    if (f > 0) s += '/';
    s += text(format, value(f));
  }
  return s;
}

struct column {
  int width;
  const char* head;
};
constexpr std::array<column, 15> columns{{{-30, "matrix"},
                                          {7, "type"},
                                          {8, "rows"},
                                          {8, "cols"},
                                          {9, "nnz"},
                                          {6, "fill"},
                                          {17, "MB"},
                                          {14, "B/nonzero"},
                                          {12, "convert ms"},
                                          {19, "SpMV us"},
                                          {14, "GFLOP/s"},
                                          {14, "GB/s"},
                                          {12, "of read bw"},
                                          {19, "SpMM ms"},
                                          {25, "bitmap over COO, CSR"}}};

void print_cells(const std::array<std::string, columns.size()>& cells) {
  std::string line;
  for (std::size_t k = 0; k < cells.size(); ++k) {
    line += text("%*s ", columns[k].width, cells[k].c_str());
  }
  std::puts(line.c_str());
  std::fflush(stdout);
}

int class_of(double fill) {
  constexpr std::array<double, 4> limits{1.5, 2.5, 4, 8};
  int k = 0;
  for (const double limit : limits) k += fill >= limit;
  return k;
}
constexpr std::array<const char*, 5> class_names{"1 to 1.5", "1.5 to 2.5", "2.5 to 4", "4 to 8",
                                                 "8 to 16"};

class geometric_mean {
public:
  void add(double x) {
    sum_ += std::log(x);
    ++count_;
  }
  double value() const { return count_ == 0 ? 0 : std::exp(sum_ / count_); }

private:
  double sum_ = 0;
  int count_ = 0;
};

} // namespace

std::vector<class_summary> summarise(const std::vector<row>& rows) {
  std::vector<class_summary> all;
  for (int k = 0; k <= static_cast<int>(class_names.size()); ++k) {
    const bool total = k == static_cast<int>(class_names.size());
    class_summary s;
    s.name = total ? "all" : class_names[static_cast<std::size_t>(k)];
    std::array<geometric_mean, 2> spmv;
    std::array<geometric_mean, 2> spmm;
    std::array<geometric_mean, 2> bytes;
    geometric_mean conversion;
    for (const row& r : rows) {
      if (!total && class_of(r.fill) != k) continue;
      ++s.matrices;
      for (const std::size_t f : {std::size_t{coo}, std::size_t{csr}}) {
        spmv[f].add(r.spmv[f].seconds / r.spmv[bitmap].seconds);
        spmm[f].add(r.spmm[f].seconds / r.spmm[bitmap].seconds);
        bytes[f].add(r.bytes[f] / r.bytes[bitmap]);
      }
      conversion.add(r.conversion[bitmap].seconds / r.spmv[csr].seconds);
    }
    for (std::size_t f = 0; f < 2; ++f) {
      s.spmv[f] = spmv[f].value();
      s.spmm[f] = spmm[f].value();
      s.bytes[f] = bytes[f].value();
    }
    s.conversion = conversion.value();
    if (s.matrices > 0) all.push_back(s);
  }
  return all;
}

void print_head(const conditions& c) {
  std::printf("%s; %s %s; kernels for %s, %d thread%s; commit %s\n", c.processor.c_str(),
              c.compiler.c_str(), c.flags.c_str(), c.isa.c_str(), c.threads,
              c.threads == 1 ? "" : "s", c.commit.c_str());
  std::printf("medians of %d repetitions of at least %g s in random order; read bandwidth",
              c.timing.repetitions, c.timing.min_seconds);
  for (const auto& p : c.bandwidth) {
    std::printf("%s %.1f GB/s (%.4g MB)", &p == &c.bandwidth.front() ? "" : ",",
                p.bytes_per_second * 1e-9, p.bytes * 1e-6);
  }
  std::printf(
      "\na/b/c stands for COO/CSR/bitmap; conversion from row-ordered COO to CSR/bitmap; SpMM "
      "with %d columns;\nthe last column: time of COO and CSR over that of bitmap, SpMV | SpMM\n",
      c.spmm_columns);
  std::array<std::string, columns.size()> heads;
  for (std::size_t k = 0; k < heads.size(); ++k) heads[k] = columns[k].head;
  print_cells(heads);
}

void print_row(const row& r) {
  const auto at = [](int f) { return static_cast<std::size_t>(f); };
  const auto nnz = static_cast<double>(std::max<std::int64_t>(r.nnz, 1));
  print_cells(
      {r.name.size() > 30 ? r.name.substr(0, 29) + "~" : r.name, r.type, std::to_string(r.rows),
       std::to_string(r.cols), std::to_string(r.nnz), text("%.2f", r.fill),
       triple("%.3g", [&](int f) { return r.bytes[at(f)] * 1e-6; }),
       triple("%.1f", [&](int f) { return r.bytes[at(f)] / nnz; }),
       text("%.3g/%.3g", r.conversion[csr].seconds * 1e3, r.conversion[bitmap].seconds * 1e3),
       triple("%.4g", [&](int f) { return r.spmv[at(f)].seconds * 1e6; }),
       triple("%.2f", [&](int f) { return gflops(r, f); }),
       triple("%.1f", [&](int f) { return gbytes(r, f); }),
       triple("%.0f%%", [&](int f) { return 100 * share(r, f); }),
       triple("%.3g", [&](int f) { return r.spmm[at(f)].seconds * 1e3; }),
       text("%.2f %.2f | %.2f %.2f", r.spmv[coo].seconds / r.spmv[bitmap].seconds,
            r.spmv[csr].seconds / r.spmv[bitmap].seconds,
            r.spmm[coo].seconds / r.spmm[bitmap].seconds,
            r.spmm[csr].seconds / r.spmm[bitmap].seconds)});
}

void print_summary(const std::vector<row>& rows) {
  std::puts(
      "\ngeometric means by fill (stored entries per nonempty tile); above 1 bitmap is ahead");
  std::printf("%-12s %8s | %10s %10s | %10s %10s | %11s %11s | %s\n", "fill", "matrices",
              "SpMV / COO", "/ CSR", "SpMM / COO", "/ CSR", "bytes / COO", "/ CSR",
              "COO to bitmap, CSR SpMVs");
  for (const auto& s : summarise(rows)) {
    std::printf("%-12s %8d | %10.2f %10.2f | %10.2f %10.2f | %11.2f %11.2f | %.1f\n",
                s.name.c_str(), s.matrices, s.spmv[0], s.spmv[1], s.spmm[0], s.spmm[1], s.bytes[0],
                s.bytes[1], s.conversion);
  }
}

void write_json(const std::string& path, const conditions& c, const std::vector<row>& rows) {
  using nlohmann::json;
  json out;
  out["conditions"] = {{"processor", c.processor},
                       {"compiler", c.compiler},
                       {"flags", c.flags},
                       {"commit", c.commit},
                       {"isa", c.isa},
                       {"threads", c.threads},
                       {"repetitions", c.timing.repetitions},
                       {"spmm_columns", c.spmm_columns}};
  for (const auto& p : c.bandwidth) {
    out["bandwidth"].push_back({{"bytes", p.bytes}, {"bytes_per_second", p.bytes_per_second}});
  }
  out["matrices"] = json::array();
  for (const row& r : rows) {
    json m = {{"name", r.name}, {"type", r.type},   {"rows", r.rows}, {"cols", r.cols},
              {"nnz", r.nnz},   {"tiles", r.tiles}, {"fill", r.fill}, {"flops", r.flops}};
    for (int f = 0; f < 3; ++f) {
      const auto k = static_cast<std::size_t>(f);
      m["formats"][format_names[k]] = {{"bytes", r.bytes[k]},
                                       {"conversion_s", r.conversion[k].seconds},
                                       {"spmv_s", r.spmv[k].seconds},
                                       {"spmv_spread", r.spmv[k].spread},
                                       {"spmv_bytes", r.spmv_bytes[k]},
                                       {"spmv_gflops", gflops(r, f)},
                                       {"spmv_gbytes_per_s", gbytes(r, f)},
                                       {"share_of_read_bandwidth", share(r, f)},
                                       {"spmm_s", r.spmm[k].seconds},
                                       {"spmm_spread", r.spmm[k].spread},
                                       {"spmm_gflops", spmm_gflops(r, f, c.spmm_columns)}};
    }
    out["matrices"].push_back(m);
  }
  for (const auto& s : summarise(rows)) {
    out["summary"].push_back({{"fill", s.name},
                              {"matrices", s.matrices},
                              {"spmv_over_coo", s.spmv[0]},
                              {"spmv_over_csr", s.spmv[1]},
                              {"spmm_over_coo", s.spmm[0]},
                              {"spmm_over_csr", s.spmm[1]},
                              {"bytes_over_coo", s.bytes[0]},
                              {"bytes_over_csr", s.bytes[1]},
                              {"coo_to_bitmap_in_csr_spmvs", s.conversion}});
  }
  std::ofstream file(path);
  file << std::setw(1) << out << '\n';
  if (!file.flush()) throw std::runtime_error(path + " cannot be written");
}

void write_csv(const std::string& path, const conditions& c, const std::vector<row>& rows) {
  std::ofstream file(path);
  file << "matrix,type,rows,cols,nnz,tiles,fill";
  for (const char* f : {"coo", "csr", "bitmap"}) {
    for (const char* what :
         {"bytes", "bytes_per_nonzero", "conversion_s", "spmv_s", "spmv_spread", "spmv_gflops",
          "spmv_gbytes_per_s", "share_of_read_bandwidth", "spmm_s", "spmm_spread", "spmm_gflops"}) {
      file << ',' << f << '_' << what;
    }
  }
  file << ",spmv_bitmap_over_coo,spmv_bitmap_over_csr,spmm_bitmap_over_coo,spmm_bitmap_over_csr\n";
  for (const row& r : rows) {
    file << '"' << r.name << "\"," << r.type << ',' << r.rows << ',' << r.cols << ',' << r.nnz
         << ',' << r.tiles << ',' << r.fill;
    for (int f = 0; f < 3; ++f) {
      const auto k = static_cast<std::size_t>(f);
      file << ',' << r.bytes[k] << ','
           << r.bytes[k] / static_cast<double>(std::max<std::int64_t>(r.nnz, 1)) << ','
           << r.conversion[k].seconds << ',' << r.spmv[k].seconds << ',' << r.spmv[k].spread << ','
           << gflops(r, f) << ',' << gbytes(r, f) << ',' << share(r, f) << ',' << r.spmm[k].seconds
           << ',' << r.spmm[k].spread << ',' << spmm_gflops(r, f, c.spmm_columns);
    }
    file << ',' << r.spmv[coo].seconds / r.spmv[bitmap].seconds << ','
         << r.spmv[csr].seconds / r.spmv[bitmap].seconds << ','
         << r.spmm[coo].seconds / r.spmm[bitmap].seconds << ','
         << r.spmm[csr].seconds / r.spmm[bitmap].seconds << '\n';
  }
  if (!file.flush()) throw std::runtime_error(path + " cannot be written");
}

} // namespace bench
