// One layer of bench/tensor with everybody who multiplies it: each batch is one measurement of all,
// interleaved, after all have been checked.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tilebit/convert.hpp>
#include <tilebit/optimize.hpp>
#include <tilebit/value_cast.hpp>

#include "aligned.hpp"
#include "machine.hpp"
#include "measure.hpp"
#include "peers/tensor.hpp"
#include "tensor_layer.hpp"
#include "tensor_reference.hpp"
#include "tensor_results.hpp"

namespace bench {

struct tensor_settings {
  std::vector<std::string> layers{"4096x4096", "11008x4096", "4096x11008", "1024x4096"};
  std::vector<std::int64_t> batches{1, 16, 64};
  std::vector<double> sparsity{50, 70, 90};
  std::vector<std::string> types{"bf16", "int8"};
  std::vector<int> threads{1};
  bool with_float = false; ///< also our product of the same weights in float, from batch 64 on
  timing_options timing;
};

/// One batch, with the weights in one place.
struct tensor_case {
  std::int64_t batch;
  bool from_memory;
  int threads;
};

template <class T>
constexpr const char* tensor_type = std::is_same_v<T, std::int8_t> ? "int8" : "bf16";

/// Everything of one layer in one type: measure() gives one result for each sparsity.
template <class T>
class tensor_benchmark {
public:
  static constexpr bool is_bf16 = std::is_same_v<T, tilebit::bfloat16>;

  tensor_benchmark(dense_layer<T> layer, const tensor_settings& s)
      : layer_(std::move(layer)), settings_(s), most_(*std::ranges::max_element(s.batches)),
        x_(random_array<T>(most_ * layer_.k, 22)),
        y_(make_aligned<tensor_sum<T>>(most_ * layer_.m)),
        x_float_(make_aligned<float>(s.with_float ? most_ * layer_.k : 0)),
        dense_reference_(tilebit::to_csr(layer_.view()), x_.get(), s.batches) {
    if (s.with_float) std::copy_n(x_.get(), most_ * layer_.k, x_float_.get());
  }

  template <class A>
  void add(double sparsity, const A& weights) {
    sparse_.push_back(
        std::make_unique<sparse_layer<T>>(sparsity, weights, x_.get(), settings_.batches));
    if constexpr (is_bf16) {
      if (settings_.with_float) {
        float_forms_.push_back(tilebit::optimize(tilebit::value_cast<float>(sparse_.back()->grid),
                                                 tilebit::operation::spmm));
      }
    }
  }

  /// Whether a few thousand copies of sparse weights are more than a cache holds.
  bool fits_memory_case() const { return layer_.m * layer_.k >= 1 << 18; }

  std::vector<tensor_result> measure(const tensor_case& of) {
    const auto contestants = all_contestants(of);
    std::vector<task> tasks;
    for (const auto& c : contestants) {
      tasks.push_back({c.product.name + " " + std::to_string(tasks.size()),
                       [&p = c.product, copy = 0]() mutable {
                         p.run(copy);
                         copy = (copy + 1) % p.copies;
                         benchmark::ClobberMemory();
                       }});
    }
    const auto times = bench::measure(tasks, settings_.timing);
    std::vector<tensor_result> results;
    for (std::size_t s = 0; s < sparse_.size(); ++s) {
      tensor_result r;
      r.layer = layer_.name;
      r.type = tensor_type<T>;
      r.batch = of.batch;
      r.from_memory = of.from_memory;
      r.threads = of.threads;
      r.rows = layer_.m;
      r.inner = layer_.k;
      r.sparsity = sparse_[s]->sparsity;
      r.nnz = sparse_[s]->grid.nnz();
      for (std::size_t k = 0; k < contestants.size(); ++k) {
        if (contestants[k].sparse.value_or(s) != s) continue;
        r.times[contestants[k].product.name] = times[k];
        r.bytes[contestants[k].product.name] = contestants[k].product.bytes;
      }
      results.push_back(std::move(r));
    }
    return results;
  }

private:
  /// What is timed, and of which of the sparsities; the dense products belong to none.
  struct contestant {
    tensor_product<T> product;
    std::optional<std::size_t> sparse;
  };

  tensor_operands<T> operands(const tensor_case& of) const {
    tensor_operands<T> out;
    out.w = layer_.w.get();
    out.m = layer_.m;
    out.k = layer_.k;
    out.nnz = layer_.m * layer_.k;
    out.x = x_.get();
    out.batch = of.batch;
    out.threads = of.threads;
    out.least_bytes = of.from_memory ? 3 * last_level_cache() : 0;
    return out;
  }

  tensor_operands<float> in_float(const tensor_operands<T>& of) const {
    tensor_operands<float> out;
    out.m = of.m;
    out.k = of.k;
    out.x = x_float_.get();
    out.batch = of.batch;
    out.threads = of.threads;
    return out;
  }

  std::vector<contestant> all_contestants(const tensor_case& of) {
    std::vector<contestant> all;
    const auto with = operands(of);
    const auto& libraries = all_tensor_libraries().found;
    for (const auto& library : libraries) {
      auto product = library.dense(with);
      if (is_right(product, dense_reference_, of.batch)) all.push_back({std::move(product), {}});
    }
    for (std::size_t s = 0; s < sparse_.size(); ++s) {
      const auto& form = *sparse_[s];
      const auto add = [&](tensor_product<T> product) {
        if (is_right(product, form.reference, of.batch)) all.push_back({std::move(product), s});
      };
      add(own_product<T>("grid", form.grid, with, y_.get()));
      const bool few = of.batch <= 4; // as many as what is made for vectors multiplies
      add(own_product<T>("optimized", few ? form.for_vectors : form.for_matrices, with, y_.get()));
      if constexpr (is_bf16) {
        if (settings_.with_float && of.batch >= 64) {
          const auto p = own_product<float>("float", float_forms_[s], in_float(with), y_.get());
          add({p.name, p.kernel, p.bytes, p.copies, p.run, p.y});
        }
      } else {
        auto pruned = with;
        pruned.nnz = form.grid.nnz();
        const auto dense = tilebit::to_dense(form.grid);
        pruned.w = dense.values().data();
        for (const auto& library : libraries) {
          if (library.packed_int8) add(library.packed_int8(pruned));
        }
      }
    }
    return all;
  }

  /// Runs every copy. Throws for a wrong product of ours; one of others is named and left out.
  bool is_right(const tensor_product<T>& p, const tensor_reference<T>& reference,
                std::int64_t batch) {
    for (int copy = 0; copy < p.copies; ++copy) {
      if (p.y == y_.get()) { // what stands in Y must be overwritten
        std::fill_n(y_.get(), batch * layer_.m, std::numeric_limits<tensor_sum<T>>::max() / 2);
      }
      p.run(copy);
      if (reference.admits(p.y, batch)) continue;
      const std::string message = layer_.name + ", " + tensor_type<T> + ", batch " +
                                  std::to_string(batch) + ": " + p.name + " is wrong";
      if (p.y == y_.get()) throw std::runtime_error(message);
      std::fprintf(stderr, "%s, left out\n", message.c_str());
      return false;
    }
    return true;
  }

  dense_layer<T> layer_;
  const tensor_settings& settings_;
  std::int64_t most_;
  aligned_array<T> x_;
  aligned_array<tensor_sum<T>> y_;
  aligned_array<float> x_float_;
  tensor_reference<T> dense_reference_;
  std::vector<std::unique_ptr<sparse_layer<T>>> sparse_;
  std::vector<tilebit::optimized_matrix<float>> float_forms_; ///< where they are wanted
};

} // namespace bench
