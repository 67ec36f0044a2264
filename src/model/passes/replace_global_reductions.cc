#include <algorithm>
#include <numeric>

#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

bool ReducesSpatialAxes(const Graph& graph, const Node& node) {
  const Value& x = graph.value(node.inputs[0]);
  if (x.type != DataType::kFloat32 || x.shape.size() < 3 || ElementCount(x.shape) == 0)
    return false;
  std::vector<int64_t> spatial(x.shape.size() - 2);
  std::iota(spatial.begin(), spatial.end(), 2);
  return node.GetInts("axes") == spatial;
}

}  // namespace

size_t ReplaceGlobalReductions(Graph& graph) {
  size_t changed = 0;
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    const Node node = graph.nodes()[i];
    const bool mean = node.op == OpKind::kReduceMean;
    if ((!mean && node.op != OpKind::kReduceMax) || !ReducesSpatialAxes(graph, node)) continue;
    const Value out = graph.value(node.outputs[0]);
    const Shape& x = graph.value(node.inputs[0]).shape;
    Shape pooled(x.size(), 1);
    std::copy_n(x.begin(), 2, pooled.begin());
    Node pool{.op = mean ? OpKind::kGlobalAveragePool : OpKind::kGlobalMaxPool,
              .name = node.name,
              .inputs = node.inputs,
              .outputs = node.outputs};
    if (out.shape == pooled) {
      graph.nodes()[i] = std::move(pool);
    } else {
      const ValueId kept = graph.AddValue(out.name + "/pooled", out.type, pooled);
      pool.outputs = {kept};
      graph.nodes()[i] = {.op = OpKind::kReshape,
                          .name = node.name + "/reshape",
                          .inputs = {kept},
                          .outputs = node.outputs,
                          .attributes = {{"shape", out.shape}}};
      graph.InsertNode(static_cast<NodeIndex>(i), std::move(pool));
    }
    ++changed;
  }
  return changed;
}

}  // namespace penumbra::model
