// Nodes that a pass puts in the place of another.
#ifndef PENUMBRA_MODEL_PASSES_NODE_MAKER_H_
#define PENUMBRA_MODEL_PASSES_NODE_MAKER_H_

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "model/graph.h"

namespace penumbra::model {

class NodeMaker {
 public:
  using Attributes = std::map<std::string, Attribute>;

  // `replaced` lends the new nodes its name. The graph outlives the maker.
  NodeMaker(Graph* graph, const Node& replaced) : graph_(*graph), name_(replaced.name) {}

  // Nodes made from now on are called after the replaced one with `part` behind.
  void SetPart(const std::string& part) { part_ = part; }
  const Shape& ShapeOf(ValueId id) const { return graph_.value(id).shape; }

  ValueId Make(OpKind op, std::vector<ValueId> inputs, Attributes attributes = {});
  std::vector<ValueId> MakeSplit(ValueId x, int64_t axis, const std::vector<int64_t>& parts);
  ValueId Reshape(ValueId x, const Shape& shape);
  ValueId Transpose(ValueId x, const std::vector<int64_t>& perm);  // itself where nothing moves
  ValueId Scalar(float value);
  // Reads of `output` become reads of `made`; called last, for every output of the replaced node.
  void Finish(ValueId made, ValueId output);

  std::vector<Node> Take() { return std::move(nodes_); }

 private:
  void Add(Node node);
  // Names of their own keep Graph from searching for a free one.
  std::string ValueName() { return name_ + "/" + std::to_string(value_count_++); }

  Graph& graph_;
  std::string name_, part_;
  size_t value_count_ = 0;
  std::vector<Node> nodes_;
};

// Finds what computes a value, for passes that look for patterns.
class Makers {
 public:
  // The graph outlives the finder and does not change.
  explicit Makers(const Graph& graph) : graph_(graph), producers_(graph.AllProducers()) {}

  // The node of kind `op` that computes the value; null when there is none.
  const Node* Find(ValueId id, OpKind op) const {
    const NodeIndex at = producers_[static_cast<size_t>(id)];
    const Node* node = at == kNoNode ? nullptr : &graph_.nodes()[static_cast<size_t>(at)];
    return node != nullptr && node->op == op ? node : nullptr;
  }

 private:
  const Graph& graph_;
  std::vector<NodeIndex> producers_;
};

// Replaces every node for which `rewrite` returns true by what it made. Returns how many.
size_t ReplaceNodes(Graph& graph, const std::function<bool(const Node&, NodeMaker*)>& rewrite);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_PASSES_NODE_MAKER_H_
