#include <optional>
#include <utility>

#include "model/ops/layout.h"
#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

// y = factor * x + shift, per channel (axis 1).
struct Affine {
  std::vector<float> factor, shift;
};

// The constant as one number per channel of `shape`; nothing when it varies along another axis.
std::optional<std::vector<float>> PerChannel(const Tensor& constant, const Shape& shape) {
  if (constant.type() != DataType::kFloat32 || constant.rank() > static_cast<int64_t>(shape.size()))
    return std::nullopt;
  const auto channels = static_cast<size_t>(shape[1]);
  const auto data = constant.Floats();
  if (constant.count() == 1) return std::vector<float>(channels, data[0]);
  const size_t lead = shape.size() - constant.shape().size();
  for (size_t i = 0; i < constant.shape().size(); ++i) {
    if (constant.shape()[i] != (lead + i == 1 ? shape[1] : 1)) return std::nullopt;
  }
  return std::vector<float>(data.begin(), data.end());
}

// What `node` does to the input that is not a constant; nothing when it is not such a node.
std::optional<Affine> AffineOf(const Graph& graph, const Node& node, ValueId* out_data) {
  const bool add = node.op == OpKind::kAdd;
  const bool subtract = node.op == OpKind::kSub;
  const bool multiply = node.op == OpKind::kMul;
  if (!add && !subtract && !multiply) return std::nullopt;
  const bool constant_first = graph.value(node.inputs[0]).IsConstant();
  const Value& constant = graph.value(node.inputs[constant_first ? 0 : 1]);
  *out_data = node.inputs[constant_first ? 1 : 0];
  const Shape& shape = graph.value(node.outputs[0]).shape;
  if (!constant.IsConstant() || graph.value(*out_data).shape != shape || shape.size() < 2)
    return std::nullopt;
  const auto numbers = PerChannel(*constant.constant, shape);
  if (!numbers) return std::nullopt;
  const std::vector<float> ones(numbers->size(), 1.0f), zeros(numbers->size(), 0.0f);
  if (multiply) return Affine{*numbers, zeros};
  Affine affine{ones, *numbers};
  if (subtract) {
    std::vector<float>& negated = constant_first ? affine.factor : affine.shift;
    for (float& number : negated) number = -number;
  }
  return affine;
}

// Weights with the rows (or columns) of output channel c multiplied by factor[c].
Tensor ScaledWeights(const Node& node, const Tensor& weights, const std::vector<float>& factor) {
  Tensor scaled = weights;
  const auto data = scaled.Floats();
  const auto group = static_cast<size_t>(node.GetInt("group", 1));
  const size_t channels = factor.size();
  if (node.op == OpKind::kConv || node.GetInt("transB") != 0) {
    const size_t row = data.size() / channels;
    for (size_t i = 0; i < data.size(); ++i) data[i] *= factor[i / row];
  } else if (node.op == OpKind::kConvTranspose) {
    // [C_in, channels / group, taps]: the group follows from C_in.
    const size_t per_group = channels / group;
    const size_t taps = data.size() / static_cast<size_t>(weights.shape()[0]) / per_group;
    const size_t in_per_group = static_cast<size_t>(weights.shape()[0]) / group;
    for (size_t i = 0; i < data.size(); ++i) {
      const size_t in_channel = i / taps / per_group;
      data[i] *= factor[in_channel / in_per_group * per_group + i / taps % per_group];
    }
  } else {
    for (size_t i = 0; i < data.size(); ++i) data[i] *= factor[i % channels];
  }
  return scaled;
}

bool IsLinear(const Node& node) {
  return node.op == OpKind::kConv || node.op == OpKind::kConvTranspose || node.op == OpKind::kGemm;
}

bool Apply(Graph& graph, Node& linear, const Affine& affine) {
  if (!graph.value(linear.inputs[1]).IsConstant()) return false;
  const Shape shape = graph.value(linear.outputs[0]).shape;
  std::vector<float> bias(affine.shift.size(), 0.0f);
  if (linear.Input(2) != kNoValue) {
    const Value& old = graph.value(linear.inputs[2]);
    if (!old.IsConstant()) return false;
    // Conv has [C]; Gemm may have anything that broadcasts to [N,C].
    const Shape& seen_as = linear.op == OpKind::kGemm ? shape : Shape{1, shape[1]};
    const auto numbers = PerChannel(*old.constant, seen_as);
    if (!numbers) return false;
    const float beta = linear.op == OpKind::kGemm ? linear.GetFloat("beta") : 1.0f;
    for (size_t c = 0; c < bias.size(); ++c) bias[c] = beta * (*numbers)[c];
  }
  for (size_t c = 0; c < bias.size(); ++c) bias[c] = bias[c] * affine.factor[c] + affine.shift[c];
  const std::string label = graph.value(linear.outputs[0]).name;
  const Tensor& weights = *graph.value(linear.inputs[1]).constant;
  const ValueId scaled =
      graph.AddConstant(label + "/weights", ScaledWeights(linear, weights, affine.factor));
  const ValueId shifted = graph.AddConstant(label + "/bias", Tensor::Vector<float>(bias));
  linear.inputs = {linear.inputs[0], scaled, shifted};
  if (linear.op == OpKind::kGemm) linear.attributes["beta"] = 1.0f;
  return true;
}

}  // namespace

size_t FoldAffine(Graph& graph) {
  auto producers = graph.AllProducers();
  auto consumers = graph.AllConsumers();
  std::vector<bool> removed(graph.nodes().size(), false);
  size_t changed = 0;
  for (size_t i = 0; i < removed.size(); ++i) {
    ValueId data = kNoValue;
    const auto affine = AffineOf(graph, graph.nodes()[i], &data);
    if (!affine) continue;
    const auto from = static_cast<size_t>(data);
    // A value made by Apply is a constant: it has no producer and is not in the table.
    if (from >= producers.size() || producers[from] == kNoNode) continue;
    Node& linear = graph.nodes()[static_cast<size_t>(producers[from])];
    if (!IsLinear(linear) || consumers[from].size() != 1 || graph.IsOutput(data)) continue;
    if (!Apply(graph, linear, *affine)) continue;
    const ValueId result = graph.nodes()[i].outputs[0];
    linear.outputs[0] = result;
    producers[static_cast<size_t>(result)] = producers[from];
    removed[i] = true;
    ++changed;
  }
  graph.RemoveNodes(removed);
  return changed;
}

}  // namespace penumbra::model
