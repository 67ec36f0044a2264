#include <string>

#include "model/error.h"
#include "model/op_table.h"
#include "model/ops/context.h"
#include "model/passes/passes.h"

namespace penumbra::model {

void InferNode(Graph& graph, Node& node) {
  const OpInfo& info = Info(node.op);
  try {
    InferContext context(graph, node);
    // Parameters may have become attributes already; data inputs are what remains.
    context.Require(!node.inputs.empty(), "the operator has no input");
    context.Require(
        info.max_inputs < 0 || node.inputs.size() <= static_cast<size_t>(info.max_inputs),
        "the operator has too many inputs");
    context.Require(!node.outputs.empty(), "the operator has no output");
    info.infer(context);
  } catch (const ModelError& error) {
    throw error.At({.node = node.name, .op = std::string(info.name), .opset = node.opset});
  }
}

void InferShapes(Graph& graph) {
  for (Node& node : graph.nodes()) InferNode(graph, node);
}

}  // namespace penumbra::model
