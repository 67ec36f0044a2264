// Evaluates a lowered graph on whole tensors. Everything but the linear layers is the trusted
// arithmetic, by the same written formulas as the trusted runtime, so that it can be compared with
// bit for bit; how a linear layer is computed is the caller's choice (inference.h).
//
// Orders that src/kernels does not fix; the runtime computes in the same ones:
//   ReduceOp   acc starts at +0 (sum, mean) or -inf (max); acc = acc op x over rows, then
//              pixels, in order; mean: acc * float(1.0 / count)
//   ResizeOp   a = fma(w_col, x[r][hi] - x[r][lo], x[r][lo]) for both rows r, then
//              fma(w_row, a[hi] - a[lo], a[lo])
//   MatMulOp   acc = fma(a[k], b[k], acc) from +0 over increasing k
//   Ceil       -floor(-x); Reciprocal: 1 / x
//   Normalize  mean = sum(x) * float(1 / n), v = sum((x - mean)^2) * float(1 / n), then
//              (x - mean) / sqrt(v + epsilon), reductions of kernels/elementwise.h
//   LogSoftmax (x - max) - log(sum(exp(x - max))), reductions of kernels/elementwise.h
#ifndef PENUMBRA_PROTECT_PLAIN_EVALUATOR_H_
#define PENUMBRA_PROTECT_PLAIN_EVALUATOR_H_

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "kernels/dispatch.h"
#include "protect/lower/lowered.h"

namespace penumbra::protect {

// Computes y of ops[op_index], a LinearOp. x, y: whole physical tensors.
using LinearFunction = std::function<void(size_t op_index, const LinearOp& op,
                                          std::span<const float> x, std::span<float> out_y)>;

// Sees the output of ops[op_index] as soon as it is computed, whole and in physical order.
using OpObserver = std::function<void(size_t op_index, std::span<const float> y)>;

// Several threads may use one evaluator at once.
class Evaluator {
 public:
  // `graph` outlives the evaluator. `kernels`: any instruction set this processor has; the bits are
  // the same.
  Evaluator(const LoweredGraph& graph, const KernelTable& kernels);

  // inputs: one per graph input, physical order (see ports.h). Returns the outputs, physical order.
  // Throws model::ModelError(kWrongShape) when an input has the wrong number of elements.
  std::vector<std::vector<float>> Run(const std::vector<std::vector<float>>& inputs,
                                      const LinearFunction& linear,
                                      const OpObserver& observer = {}) const;

 private:
  const LoweredGraph& graph_;
  const KernelTable& kernels_;
  std::vector<size_t> last_use_;  // per tensor: the operator after which it is free
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLAIN_EVALUATOR_H_
