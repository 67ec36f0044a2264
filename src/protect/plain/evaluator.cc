#include "protect/plain/evaluator.h"

#include <algorithm>
#include <string>

#include "model/error.h"
#include "protect/plain/trusted_ops.h"

namespace penumbra::protect {
namespace {

// One operator with its tensors at hand.
struct Step {
  const LoweredGraph& graph;
  const KernelTable& kernels;
  const LinearFunction& linear;
  std::vector<std::vector<float>>& tensors;
  size_t op_index;

  In Read(TensorId id) const { return tensors[id]; }
  Out Write(TensorId id) const {
    tensors[id].resize(graph.tensors[id].count());
    return tensors[id];
  }

  void operator()(const LinearOp& op) const { linear(op_index, op, Read(op.x), Write(op.y)); }
  void operator()(const ElementwiseOp& op) const {
    const In operand = op.operand == kNone ? In{} : Read(op.operand);
    EvaluateElementwise(kernels, op, graph.tensors[op.x].row_elems(), Read(op.x), operand,
                        Write(op.y));
  }
  void operator()(const PoolOp& op) const { EvaluatePool(kernels, op, Read(op.x), Write(op.y)); }
  void operator()(const ReduceOp& op) const {
    EvaluateReduce(kernels, op, Read(op.x), Write(op.y));
  }
  void operator()(const SoftmaxOp& op) const {
    EvaluateSoftmax(kernels, op, Read(op.x), Write(op.y));
  }
  void operator()(const NormalizeOp& op) const {
    EvaluateNormalize(kernels, op, Read(op.x), Write(op.y));
  }
  void operator()(const ResizeOp& op) const { EvaluateResize(op, Read(op.x), Write(op.y)); }
  void operator()(const ArgMaxOp& op) const { EvaluateArgMax(op, Read(op.x), Write(op.y)); }
  void operator()(const MatMulOp& op) const {
    EvaluateMatMul(kernels, op, Read(op.a), Read(op.b), Write(op.y));
  }
  void operator()(const ReshapeOp& op) const { std::ranges::copy(Read(op.x), Write(op.y).begin()); }
  void operator()(const CopyOp& op) const {
    const Out y = Write(op.y);
    if (op.needs_fill) std::ranges::fill(y, op.fill);
    for (const CopyBox& box : op.boxes) CopyByBox(box, Read(box.src), y);
  }
};

}  // namespace

Evaluator::Evaluator(const LoweredGraph& graph, const KernelTable& kernels)
    : graph_(graph), kernels_(kernels), last_use_(graph.tensors.size(), 0) {
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    for (TensorId id : InputsOf(graph.ops[i])) last_use_[id] = i;
  }
  for (const LoweredPort& port : graph.outputs) last_use_[port.tensor] = SIZE_MAX;
}

std::vector<std::vector<float>> Evaluator::Run(const std::vector<std::vector<float>>& inputs,
                                               const LinearFunction& linear,
                                               const OpObserver& observer) const {
  std::vector<std::vector<float>> tensors(graph_.tensors.size());
  if (inputs.size() != graph_.inputs.size()) {
    throw model::ModelError(Status::kWrongShape,
                            "expected " + std::to_string(graph_.inputs.size()) + " inputs");
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    const LoweredPort& port = graph_.inputs[i];
    if (inputs[i].size() != graph_.tensors[port.tensor].count()) {
      throw model::ModelError(Status::kWrongShape,
                              "input '" + port.name + "' has " + std::to_string(inputs[i].size()) +
                                  " elements, expected " +
                                  std::to_string(graph_.tensors[port.tensor].count()));
    }
    tensors[port.tensor] = inputs[i];
  }
  for (size_t i = 0; i < graph_.ops.size(); ++i) {
    std::visit(Step{graph_, kernels_, linear, tensors, i}, graph_.ops[i].kind);
    if (observer) observer(i, tensors[OutputOf(graph_.ops[i])]);
    for (TensorId id : InputsOf(graph_.ops[i])) {
      if (last_use_[id] == i) std::vector<float>().swap(tensors[id]);
    }
  }
  std::vector<std::vector<float>> outputs;
  for (const LoweredPort& port : graph_.outputs) outputs.push_back(tensors[port.tensor]);
  return outputs;
}

}  // namespace penumbra::protect
