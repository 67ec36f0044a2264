#include <algorithm>
#include <numeric>
#include <utility>

#include "model/interpreter.h"
#include "model/ops/ops.h"
#include "model/passes/passes.h"

namespace penumbra::model {

bool FoldNode(Graph& graph, const Node& node) {
  const auto is_constant = [&graph](ValueId id) {
    return id == kNoValue || graph.value(id).IsConstant();
  };
  if (std::ranges::all_of(node.outputs, is_constant)) return true;
  if (!std::ranges::all_of(node.inputs, is_constant)) return false;
  const auto count = [&graph](int64_t sum, ValueId id) {
    return id == kNoValue ? sum : sum + ElementCount(graph.value(id).shape);
  };
  const int64_t before = std::accumulate(node.inputs.begin(), node.inputs.end(), int64_t{0}, count);
  const int64_t after =
      std::accumulate(node.outputs.begin(), node.outputs.end(), int64_t{0}, count);
  if (after > std::max(before, kMaxFoldedCount)) return false;
  std::vector<const Tensor*> inputs;
  for (ValueId id : node.inputs)
    inputs.push_back(id == kNoValue ? nullptr : graph.value(id).constant.get());
  std::vector<Tensor> outputs = RunNode(graph, node, inputs);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue) graph.SetConstant(node.outputs[i], std::move(outputs[i]));
  }
  return true;
}

size_t FoldConstants(Graph& graph) {
  std::vector<bool> folded(graph.nodes().size());
  for (size_t i = 0; i < folded.size(); ++i) folded[i] = FoldNode(graph, graph.nodes()[i]);
  graph.RemoveNodes(folded);
  return static_cast<size_t>(std::ranges::count(folded, true));
}

}  // namespace penumbra::model
