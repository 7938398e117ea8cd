// The products that results of bench/tensor are checked by, in double from the same rounded inputs.
// Of up to four rows of Y every element; of larger ones those of the last row and, so that no row
// goes unseen, the sums of all rows with signs.
#pragma once

#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <tilebit/formats/csr.hpp>

#include "peers/tensor.hpp"
#include "random.hpp"

namespace bench {

template <class T>
class tensor_reference {
public:
  /// x has the rows of the largest batch; smaller ones are its first.
  tensor_reference(const tilebit::csr_matrix<T>& w, const T* x,
                   const std::vector<std::int64_t>& batches)
      : m_(w.rows()), k_(w.cols()) {
    for (const std::int64_t batch : batches) {
      if (batch <= exact_rows) {
        for (std::int64_t j = 0; j < batch; ++j) add_row(j);
      } else {
        add_row(batch - 1);
        checks_.push_back({batch, true});
      }
    }
    multiply(w, transposed_inputs(x));
  }

  /// |y - reference| <= 1e-5 sqrt(k) |W| |x| for bfloat16, y = reference for integers.
  bool admits(const tensor_sum<T>* y, std::int64_t batch) const {
    for (std::size_t c = 0; c < checks_.size(); ++c) {
      const check& of = checks_[c];
      const bool counts = of.summed ? of.rows == batch
                                    : of.rows <= batch && (batch <= exact_rows || of.rows == batch);
      if (counts && !admits(y, c)) return false;
    }
    return true;
  }

private:
  static constexpr std::int64_t exact_rows = 4;

  struct check {
    std::int64_t rows; ///< one row of Y, the one with this number counted from 1; or so many
    bool summed;       ///< all of them, with signs
  };

  static double sign(std::int64_t row) {
    return splitmix64(static_cast<std::uint64_t>(row)).next() % 2 == 0 ? 1 : -1;
  }
  void add_row(std::int64_t j) {
    for (const check& of : checks_) {
      if (!of.summed && of.rows == j + 1) return;
    }
    checks_.push_back({j + 1, false});
  }

  /// k rows with, for each check, what it multiplies W with and a bound of the magnitudes in it.
  std::vector<double> transposed_inputs(const T* x) const {
    const std::size_t width = 2 * checks_.size();
    std::vector<double> out(static_cast<std::size_t>(k_) * width);
    for (std::size_t c = 0; c < checks_.size(); ++c) {
      const check& of = checks_[c];
      for (std::int64_t j = of.summed ? 0 : of.rows - 1; j < of.rows; ++j) {
        const double factor = of.summed ? sign(j) : 1;
        for (std::int64_t i = 0; i < k_; ++i) {
          const double value = static_cast<double>(x[j * k_ + i]);
          double* const place = &out[static_cast<std::size_t>(i) * width + 2 * c];
          place[0] += factor * value;
          place[1] += std::abs(value);
        }
      }
    }
    return out;
  }

  void multiply(const tilebit::csr_matrix<T>& w, const std::vector<double>& inputs) {
    const std::size_t width = 2 * checks_.size();
    sums_.assign(static_cast<std::size_t>(m_) * width, 0);
    for (std::size_t i = 0; i < static_cast<std::size_t>(m_); ++i) {
      double* const sums = &sums_[i * width];
      for (auto e = static_cast<std::size_t>(w.row_offsets()[i]);
           e < static_cast<std::size_t>(w.row_offsets()[i + 1]); ++e) {
        const double value = static_cast<double>(w.values()[e]);
        const double* const b = &inputs[static_cast<std::size_t>(w.col_indices()[e]) * width];
        for (std::size_t c = 0; c < width; c += 2) {
          sums[c] += value * b[c];
          sums[c + 1] += std::abs(value) * b[c + 1];
        }
      }
    }
  }

  bool admits(const tensor_sum<T>* y, std::size_t c) const {
    const check& of = checks_[c];
    const std::size_t width = 2 * checks_.size();
    for (std::int64_t i = 0; i < m_; ++i) {
      double sum = 0;
      for (std::int64_t j = of.summed ? 0 : of.rows - 1; j < of.rows; ++j) {
        sum += (of.summed ? sign(j) : 1) * static_cast<double>(y[j * m_ + i]);
      }
      const double* const expected = &sums_[static_cast<std::size_t>(i) * width + 2 * c];
      const double bound = std::is_same_v<T, std::int8_t>
                               ? 0
                               : 1e-5 * std::sqrt(static_cast<double>(k_)) * expected[1];
      if (!(std::abs(sum - expected[0]) <= bound)) return false;
    }
    return true;
  }

  std::int64_t m_, k_;
  std::vector<check> checks_;
  std::vector<double> sums_; ///< m rows like the inputs
};

} // namespace bench
