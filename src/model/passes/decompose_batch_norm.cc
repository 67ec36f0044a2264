#include <cmath>

#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

bool HasConstantParameters(const Graph& graph, const Node& node) {
  for (size_t i = 1; i < 5; ++i) {
    if (!graph.value(node.inputs[i]).IsConstant()) return false;
  }
  return true;
}

// y = factor * x + shift with factor = scale / sqrt(variance + epsilon), shift = bias - mean *
// factor.
struct Affine {
  Tensor factor, shift;  // [C,1,1,..]
};
Affine AffineOf(const Graph& graph, const Node& node) {
  const auto parameter = [&](size_t i) { return graph.value(node.inputs[i]).constant->Floats(); };
  Shape shape(graph.value(node.inputs[0]).shape.size() - 1, 1);
  shape[0] = graph.value(node.inputs[0]).shape[1];
  Affine affine{Tensor(DataType::kFloat32, shape), Tensor(DataType::kFloat32, shape)};
  for (size_t c = 0; c < static_cast<size_t>(shape[0]); ++c) {
    const double variance = parameter(4)[c];
    const double factor = parameter(1)[c] / std::sqrt(variance + node.GetFloat("epsilon"));
    affine.factor.Floats()[c] = static_cast<float>(factor);
    affine.shift.Floats()[c] = static_cast<float>(parameter(2)[c] - parameter(3)[c] * factor);
  }
  return affine;
}

}  // namespace

size_t DecomposeBatchNorm(Graph& graph) {
  size_t changed = 0;
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    if (graph.nodes()[i].op != OpKind::kBatchNormalization) continue;
    const Node node = graph.nodes()[i];
    if (!HasConstantParameters(graph, node)) continue;
    Affine affine = AffineOf(graph, node);
    const std::string label = graph.value(node.outputs[0]).name;
    const Value& x = graph.value(node.inputs[0]);
    const ValueId scaled = graph.AddValue(label + "/scaled", x.type, x.shape);
    const ValueId factor = graph.AddConstant(label + "/factor", std::move(affine.factor));
    const ValueId shift = graph.AddConstant(label + "/shift", std::move(affine.shift));
    graph.nodes()[i] = {
        .op = OpKind::kAdd, .name = node.name, .inputs = {scaled, shift}, .outputs = node.outputs};
    graph.InsertNode(static_cast<NodeIndex>(i), {.op = OpKind::kMul,
                                                 .name = node.name + "/scale",
                                                 .inputs = {node.inputs[0], factor},
                                                 .outputs = {scaled}});
    ++changed;
  }
  return changed;
}

}  // namespace penumbra::model
