// The rows of the comparison as a table on the terminal, as JSON and as CSV.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "bandwidth.hpp"
#include "measure.hpp"

namespace bench {

inline constexpr std::array<const char*, 3> format_names{"COO", "CSR", "bitmap"};
enum format_number { coo, csr, bitmap };

/// What is known about one matrix; arrays are by format.
struct row {
  std::string name;
  std::string type;
  std::int64_t rows = 0;
  std::int64_t cols = 0;
  std::int64_t nnz = 0;
  std::int64_t tiles = 0;
  double fill = 0;
  std::array<double, 3> bytes{};
  std::array<timing, 3> conversion{}; ///< from row-ordered COO; none for COO itself
  std::array<timing, 3> spmv{};
  std::array<timing, 3> spmm{};
  std::array<double, 3> spmv_bytes{}; ///< matrix, x and y
  std::array<double, 3> bandwidth{};  ///< read bandwidth measured for that many bytes
  double flops = 0;                   ///< of one SpMV
};

/// Where and how the rows were measured.
struct conditions {
  std::string processor;
  std::string compiler;
  std::string flags;
  std::string commit;
  std::string isa;
  int threads = 1;
  int spmm_columns = 64;
  timing_options timing;
  std::vector<bandwidth_point> bandwidth;
};

/// Fill classes [1, 1.5), [1.5, 2.5), [2.5, 4), [4, 8), [8, 16].
struct class_summary {
  std::string name;
  int matrices = 0;
  std::array<double, 2> spmv{}; ///< geometric means of time ratios: COO / bitmap, CSR / bitmap
  std::array<double, 2> spmm{};
  std::array<double, 2> bytes{}; ///< bytes of COO / bitmap, CSR / bitmap
  double conversion = 0;         ///< COO to bitmap in units of one CSR SpMV
};
std::vector<class_summary> summarise(const std::vector<row>& rows);

void print_head(const conditions& c);
void print_row(const row& r);
void print_summary(const std::vector<row>& rows);
/// Throw std::runtime_error when the file cannot be written.
void write_json(const std::string& path, const conditions& c, const std::vector<row>& rows);
void write_csv(const std::string& path, const conditions& c, const std::vector<row>& rows);

} // namespace bench
