#include "model/passes/node_maker.h"

#include <algorithm>

#include "model/passes/passes.h"

namespace penumbra::model {

void NodeMaker::Add(Node node) {
  node.name = name_ + part_;
  InferNode(graph_, node);
  nodes_.push_back(std::move(node));
}

ValueId NodeMaker::Make(OpKind op, std::vector<ValueId> inputs, Attributes attributes) {
  const ValueId made = graph_.AddValue(ValueName(), DataType::kUndefined, {});
  Add({.op = op,
       .inputs = std::move(inputs),
       .outputs = {made},
       .attributes = std::move(attributes)});
  return made;
}

std::vector<ValueId> NodeMaker::MakeSplit(ValueId x, int64_t axis,
                                          const std::vector<int64_t>& parts) {
  if (parts.size() == 1) return {x};
  std::vector<ValueId> made;
  for (size_t i = 0; i < parts.size(); ++i)
    made.push_back(graph_.AddValue(ValueName(), DataType::kUndefined, {}));
  Add({.op = OpKind::kSplit,
       .inputs = {x},
       .outputs = made,
       .attributes = {{"axis", axis}, {"split", parts}}});
  return made;
}

ValueId NodeMaker::Reshape(ValueId x, const Shape& shape) {
  return ShapeOf(x) == shape ? x : Make(OpKind::kReshape, {x}, {{"shape", shape}});
}

ValueId NodeMaker::Transpose(ValueId x, const std::vector<int64_t>& perm) {
  return std::ranges::is_sorted(perm) ? x : Make(OpKind::kTranspose, {x}, {{"perm", perm}});
}

ValueId NodeMaker::Scalar(float value) {
  return graph_.AddConstant(ValueName(), Tensor::Scalar<float>(value));
}

void NodeMaker::Finish(ValueId made, ValueId output) {
  Add({.op = OpKind::kIdentity, .inputs = {made}, .outputs = {output}});
}

size_t ReplaceNodes(Graph& graph, const std::function<bool(const Node&, NodeMaker*)>& rewrite) {
  std::vector<Node> nodes;
  size_t replaced = 0;
  for (const Node& node : graph.nodes()) {
    NodeMaker maker(&graph, node);
    if (!rewrite(node, &maker)) {
      nodes.push_back(node);
      continue;
    }
    ++replaced;
    for (Node& made : maker.Take()) nodes.push_back(std::move(made));
  }
  if (replaced > 0) graph.nodes() = std::move(nodes);
  return replaced;
}

}  // namespace penumbra::model
