#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

bool AllEqual(const std::vector<int64_t>& list, int64_t wanted) {
  return std::ranges::all_of(list, [wanted](int64_t item) { return item == wanted; });
}

// True when output 0 has the elements of input 0 in the same order, type and shape.
bool IsIdentity(const Graph& graph, const Node& node) {
  const Value& in = graph.value(node.inputs[0]);
  const Value& out = graph.value(node.outputs[0]);
  if (in.type != out.type || in.shape != out.shape) return false;
  switch (node.op) {
    case OpKind::kIdentity:
    case OpKind::kReshape:
    case OpKind::kExpand:
    case OpKind::kCast:
      return true;
    case OpKind::kTranspose:
      return std::ranges::is_sorted(node.GetInts("perm"));
    case OpKind::kSlice:
      return AllEqual(node.GetInts("steps"), 1);
    case OpKind::kTile:
      return AllEqual(node.GetInts("repeats"), 1);
    case OpKind::kPad:
      return AllEqual(node.GetInts("pads"), 0);
    case OpKind::kConcat:
      return node.inputs.size() == 1;
    case OpKind::kSplit:
      return node.outputs.size() == 1;
    case OpKind::kDepthToSpace:
    case OpKind::kSpaceToDepth:
      return node.GetInt("blocksize") == 1;
    case OpKind::kResize:
      return std::ranges::all_of(node.GetFloats("scales"),
                                 [](float scale) { return scale == 1.0f; });
    case OpKind::kClip:
      return std::isinf(node.GetFloat("min")) && node.GetFloat("min") < 0 &&
             std::isinf(node.GetFloat("max")) && node.GetFloat("max") > 0;
    default:
      return false;
  }
}

}  // namespace

size_t RemoveIdentities(Graph& graph) {
  const auto producers = graph.AllProducers();
  size_t changed = 0;
  std::vector<bool> removed(graph.nodes().size(), false);
  // Readers come later in the order: each looks up what took the place of its inputs.
  std::vector<ValueId> replaced_by(graph.value_count());
  std::iota(replaced_by.begin(), replaced_by.end(), ValueId{0});
  for (size_t i = 0; i < removed.size(); ++i) {
    Node& node = graph.nodes()[i];
    for (ValueId& id : node.inputs) {
      if (id != kNoValue) id = replaced_by[static_cast<size_t>(id)];
    }
    if (node.inputs[0] == kNoValue || node.outputs[0] == kNoValue) continue;
    if (IsIdentity(graph, node) && graph.CanReplace(node.outputs[0], node.inputs[0])) {
      if (graph.IsOutput(node.outputs[0])) {
        graph.ReplaceUses(node.outputs[0], node.inputs[0]);
      } else {
        replaced_by[static_cast<size_t>(node.outputs[0])] = node.inputs[0];
      }
      removed[i] = true;
      ++changed;
      continue;
    }
    const NodeIndex before = producers[static_cast<size_t>(node.inputs[0])];
    if (node.op != OpKind::kReshape || before == kNoNode) continue;
    const Node& first = graph.nodes()[static_cast<size_t>(before)];
    if (first.op == OpKind::kReshape) {
      node.inputs[0] = first.inputs[0];
      ++changed;
    }
  }
  graph.RemoveNodes(removed);
  return changed;
}

}  // namespace penumbra::model
