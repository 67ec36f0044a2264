#include <optional>

#include "model/passes/node_maker.h"
#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

// relu(x) + slope * -relu(-x), in any order of the operands, or with the sign in the slope.
class WrittenOut {
 public:
  explicit WrittenOut(const Graph& graph) : graph_(graph), makers_(graph) {}

  struct Match {
    ValueId x, slope;
    bool negated;  // the slope is that of relu(-x)
  };

  std::optional<Match> Find(const Node& sum) const {
    if (sum.op != OpKind::kAdd) return std::nullopt;
    for (const size_t i : {size_t{0}, size_t{1}}) {
      const Node* above = makers_.Find(sum.inputs[i], OpKind::kRelu);
      const Node* product = makers_.Find(sum.inputs[1 - i], OpKind::kMul);
      if (above == nullptr || product == nullptr) continue;
      const auto match = Below(*product, above->inputs[0]);
      if (match && graph_.value(sum.outputs[0]).shape == graph_.value(match->x).shape) return match;
    }
    return std::nullopt;
  }

 private:
  // The product of a constant slope and the part of `x` below zero.
  std::optional<Match> Below(const Node& product, ValueId x) const {
    const bool first = graph_.value(product.inputs[0]).IsConstant();
    const ValueId slope = product.inputs[first ? 0 : 1];
    if (!graph_.value(slope).IsConstant()) return std::nullopt;
    ValueId part = product.inputs[first ? 1 : 0];
    const Node* sign = makers_.Find(part, OpKind::kNeg);
    if (sign != nullptr) part = sign->inputs[0];
    const Node* relu = makers_.Find(part, OpKind::kRelu);
    const Node* mirrored = relu == nullptr ? nullptr : makers_.Find(relu->inputs[0], OpKind::kNeg);
    if (mirrored == nullptr || mirrored->inputs[0] != x) return std::nullopt;
    return Match{x, slope, sign == nullptr};
  }

  const Graph& graph_;
  Makers makers_;
};

}  // namespace

size_t RecognisePRelu(Graph& graph) {
  const WrittenOut patterns(graph);
  return ReplaceNodes(graph, [&patterns](const Node& node, NodeMaker* maker) {
    const auto match = patterns.Find(node);
    if (!match) return false;
    const ValueId slope = match->negated ? maker->Make(OpKind::kNeg, {match->slope}) : match->slope;
    maker->Finish(maker->Make(OpKind::kPRelu, {match->x, slope}), node.outputs[0]);
    return true;
  });
}

}  // namespace penumbra::model
