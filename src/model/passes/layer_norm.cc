// LayerNormalization: its written-out form is recognised, its scale and shift are split off.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "model/passes/node_maker.h"
#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

// Follows the graph from a division back to what it normalises:
// (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon).
class WrittenOut {
 public:
  explicit WrittenOut(const Graph& graph) : graph_(graph), makers_(graph) {}

  struct Match {
    ValueId x;
    int64_t axis;
    float epsilon;
  };

  std::optional<Match> Find(const Node& division) const {
    if (division.op != OpKind::kDiv) return std::nullopt;
    const Node* centred = makers_.Find(division.inputs[0], OpKind::kSub);
    const Node* root = makers_.Find(division.inputs[1], OpKind::kSqrt);
    const Node* sum = root == nullptr ? nullptr : makers_.Find(root->inputs[0], OpKind::kAdd);
    if (centred == nullptr || sum == nullptr) return std::nullopt;
    const bool right = graph_.value(sum->inputs[1]).IsConstant();
    const std::optional<float> epsilon = ScalarOf(sum->inputs[right ? 1 : 0]);
    const Node* variance = makers_.Find(sum->inputs[right ? 0 : 1], OpKind::kReduceMean);
    const Node* mean = makers_.Find(centred->inputs[1], OpKind::kReduceMean);
    if (!epsilon || variance == nullptr || mean == nullptr) return std::nullopt;
    const ValueId x = centred->inputs[0];
    const std::optional<int64_t> axis = TrailingAxes(*mean);
    if (mean->inputs[0] != x || !axis || axis != TrailingAxes(*variance)) return std::nullopt;
    if (!IsSquareOf(variance->inputs[0], *centred)) return std::nullopt;
    return Match{x, *axis, *epsilon};
  }

 private:
  std::optional<float> ScalarOf(ValueId id) const {
    const Value& v = graph_.value(id);
    if (!v.IsConstant() || v.type != DataType::kFloat32 || v.constant->count() != 1)
      return std::nullopt;
    return v.constant->Floats()[0];
  }
  // The first of the reduced axes, when these are the last ones of the input and keep their place.
  std::optional<int64_t> TrailingAxes(const Node& reduction) const {
    const auto rank = static_cast<int64_t>(graph_.value(reduction.inputs[0]).shape.size());
    const std::vector<int64_t> axes = reduction.GetInts("axes");
    if (axes.empty() || reduction.GetInt("keepdims") == 0) return std::nullopt;
    const bool trailing =
        axes.back() == rank - 1 && axes.back() - axes.front() + 1 == std::ssize(axes);
    return trailing ? std::optional(axes.front()) : std::nullopt;
  }
  // The difference may have been written twice.
  bool IsSame(ValueId id, const Node& difference) const {
    if (id == difference.outputs[0]) return true;
    const Node* other = makers_.Find(id, OpKind::kSub);
    return other != nullptr && other->inputs == difference.inputs;
  }
  bool IsSquareOf(ValueId id, const Node& difference) const {
    if (const Node* power = makers_.Find(id, OpKind::kPow))
      return ScalarOf(power->inputs[1]) == 2.0f && IsSame(power->inputs[0], difference);
    const Node* product = makers_.Find(id, OpKind::kMul);
    return product != nullptr && IsSame(product->inputs[0], difference) &&
           IsSame(product->inputs[1], difference);
  }

  const Graph& graph_;
  Makers makers_;
};

// Mean and inverse deviation, which only training reads; dead otherwise.
void MakeStatistics(const Node& node, int64_t rank, NodeMaker* maker) {
  std::vector<int64_t> axes(static_cast<size_t>(rank - node.GetInt("axis")));
  std::iota(axes.begin(), axes.end(), node.GetInt("axis"));
  const auto mean_of = [&](ValueId x) {
    return maker->Make(OpKind::kReduceMean, {x}, {{"axes", axes}, {"keepdims", int64_t{1}}});
  };
  const ValueId mean = mean_of(node.inputs[0]);
  const ValueId centred = maker->Make(OpKind::kSub, {node.inputs[0], mean});
  const ValueId variance = mean_of(maker->Make(OpKind::kMul, {centred, centred}));
  const ValueId shifted =
      maker->Make(OpKind::kAdd, {variance, maker->Scalar(node.GetFloat("epsilon"))});
  const ValueId inverse = maker->Make(OpKind::kReciprocal, {maker->Make(OpKind::kSqrt, {shifted})});
  if (node.outputs[1] != kNoValue) maker->Finish(mean, node.outputs[1]);
  if (node.outputs.size() > 2 && node.outputs[2] != kNoValue)
    maker->Finish(inverse, node.outputs[2]);
}

}  // namespace

size_t RecogniseLayerNorm(Graph& graph) {
  const WrittenOut patterns(graph);
  size_t changed = 0;
  for (Node& node : graph.nodes()) {
    const auto match = patterns.Find(node);
    if (!match) continue;
    node = {.op = OpKind::kLayerNormalization,
            .name = node.name,
            .inputs = {match->x},
            .outputs = node.outputs,
            .attributes = {{"axis", match->axis}, {"epsilon", match->epsilon}}};
    ++changed;
  }
  return changed;
}

size_t SplitLayerNorm(Graph& graph) {
  return ReplaceNodes(graph, [&graph](const Node& node, NodeMaker* maker) {
    if (node.op != OpKind::kLayerNormalization) return false;
    if (node.inputs.size() == 1 && node.outputs.size() == 1) return false;
    if (node.outputs.size() > 1)
      MakeStatistics(node, static_cast<int64_t>(graph.value(node.inputs[0]).shape.size()), maker);
    ValueId y = maker->Make(OpKind::kLayerNormalization, {node.inputs[0]}, node.attributes);
    if (node.Input(1) != kNoValue) y = maker->Make(OpKind::kMul, {y, node.inputs[1]});
    if (node.Input(2) != kNoValue) y = maker->Make(OpKind::kAdd, {y, node.inputs[2]});
    if (node.outputs[0] != kNoValue) maker->Finish(y, node.outputs[0]);
    return true;
  });
}

}  // namespace penumbra::model
