#include "model/passes/node_maker.h"
#include "model/passes/passes.h"

namespace penumbra::model {

// 0.5 x (1 + erf(x / sqrt 2)), or 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))).
size_t DecomposeGelu(Graph& graph) {
  return ReplaceNodes(graph, [](const Node& node, NodeMaker* maker) {
    if (node.op != OpKind::kGelu) return false;
    const ValueId x = node.inputs[0];
    const auto scaled = [&](ValueId v, float factor) {
      return maker->Make(OpKind::kMul, {v, maker->Scalar(factor)});
    };
    ValueId bend = kNoValue;
    if (node.GetString("approximate") == "tanh") {
      const ValueId square = maker->Make(OpKind::kMul, {x, x});
      const ValueId inner =
          maker->Make(OpKind::kAdd, {scaled(square, 0.044715f), maker->Scalar(1.0f)});
      const ValueId argument = maker->Make(OpKind::kMul, {scaled(x, 0.797884583f), inner});
      bend = maker->Make(OpKind::kTanh, {argument});
    } else {
      bend = maker->Make(OpKind::kErf, {scaled(x, 0.707106769f)});
    }
    const ValueId half = scaled(maker->Make(OpKind::kAdd, {bend, maker->Scalar(1.0f)}), 0.5f);
    maker->Finish(maker->Make(OpKind::kMul, {half, x}), node.outputs[0]);
    return true;
  });
}

}  // namespace penumbra::model
