#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "model/error.h"
#include "protect/lower/same_operator.h"
#include "protect/placement/placement.h"

namespace penumbra::protect {
namespace {

std::string Extents(std::initializer_list<uint32_t> extents) {
  std::string text;
  for (const uint32_t extent : extents) text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text;
}

std::string ShapeOf(const LoweredOp& op) {
  const ConvGeometry& g = std::get<LinearOp>(op.kind).geometry;
  return "'" + op.name + "': input " + Extents({g.in_h, g.in_w, g.in_c}) + ", kernel " +
         Extents({g.kernel_h, g.kernel_w}) + ", output " + Extents({g.out_h, g.out_w, g.out_c});
}

std::string ShapeOf(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t extent : shape) text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text;
}

[[noreturn]] void RefuseShapes(const std::string& what) {
  throw model::ModelError(Status::kWrongShape, "the public backbone has other shapes than the model: " + what, {},
                          "give the public network that the model was trained from");
}

void RequireSameInputs(const LoweredGraph& graph, const LoweredGraph& backbone) {
  if (graph.inputs.size() != backbone.inputs.size()) {
    RefuseShapes(std::to_string(backbone.inputs.size()) + " inputs, the model has " +
                 std::to_string(graph.inputs.size()));
  }
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    const LoweredPort& own = graph.inputs[i];
    const LoweredPort& other = backbone.inputs[i];
    if (own.shape == other.shape && own.type == other.type) continue;
    RefuseShapes("its input '" + other.name + "' is " + ShapeOf(other.shape) + ", the model's '" +
                 own.name + "' " + ShapeOf(own.shape));
  }
}

// Numbers the tensors of a model by those of the backbone that hold the same values.
class Matcher {
 public:
  Matcher(const LoweredGraph& graph, const LoweredGraph& backbone)
      : graph_(graph), backbone_(backbone), twin_(graph.tensors.size(), kNone) {
    for (size_t i = 0; i < graph.inputs.size(); ++i) {
      twin_[graph.inputs[i].tensor] = backbone.inputs[i].tensor;
    }
    for (const LoweredOp& op : backbone.ops) {
      for (const TensorId id : OperandsOf(op)) readers_.emplace(id, &op);
    }
  }

  // Whether the backbone computes what `op` does from the same values. In topological order.
  bool Match(const LoweredOp& op) {
    std::vector<TensorId> operands = OperandsOf(op);
    for (TensorId& id : operands) {
      if (twin_[id] == kNone) return false;
      id = twin_[id];
    }
    if (operands.empty()) return false;
    const auto [begin, end] = readers_.equal_range(operands.front());
    const TensorId y = OutputOf(op);
    for (auto at = begin; at != end; ++at) {
      const LoweredOp& other = *at->second;
      if (OperandsOf(other) != operands || !SameParameters(op, other)) continue;
      const TensorId other_y = OutputOf(other);
      if (backbone_.tensors[other_y].dims != graph_.tensors[y].dims) continue;
      twin_[y] = other_y;
      return true;
    }
    return false;
  }

 private:
  const LoweredGraph& graph_;
  const LoweredGraph& backbone_;
  std::vector<TensorId> twin_;  // of each tensor of the model; kNone: the backbone has no such
  std::multimap<TensorId, const LoweredOp*> readers_;
};

[[noreturn]] void RefuseStranger(const LoweredGraph& graph, const LoweredGraph& backbone) {
  const auto own = std::ranges::find_if(graph.ops, IsLinear);
  const auto other = std::ranges::find_if(backbone.ops, IsLinear);
  if (own != graph.ops.end() && other != backbone.ops.end() &&
      !SameGeometry(std::get<LinearOp>(own->kind).geometry, std::get<LinearOp>(other->kind).geometry)) {
    RefuseShapes("its first linear layer is " + ShapeOf(*other) + "; the model's " + ShapeOf(*own));
  }
  throw model::ModelError(
      Status::kInvalidArgument,
      "no linear layer of the model is one of the public backbone: their weights differ from the first layer on", {},
      "train the model with the backbone's layers frozen, or give the network it was trained from");
}

}  // namespace

Placement PlacePublicBackbone(const LoweredGraph& graph, const LoweredGraph& backbone) {
  RequireSameInputs(graph, backbone);
  Matcher matcher(graph, backbone);
  Placement placement = PlaceAllTrusted(graph);
  bool any = false;
  for (size_t op = 0; op < graph.ops.size(); ++op) {
    if (!matcher.Match(graph.ops[op])) continue;
    placement[op] = Side::kPublic;
    any |= IsLinear(graph.ops[op]);
  }
  if (!any) RefuseStranger(graph, backbone);
  return placement;
}

}  // namespace penumbra::protect
