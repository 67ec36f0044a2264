#include "protect/schedule/nodes.h"

namespace penumbra::protect {
namespace {

struct Reads {
  std::vector<StorageId> operator()(const InputNode&) const { return {}; }
  std::vector<StorageId> operator()(const PassNode& n) const {
    std::vector<StorageId> reads;
    if (n.x != kNoStorage) reads.push_back(n.x);
    for (const ElementStep& step : n.steps) {
      if (step.operand != kNoStorage) reads.push_back(step.operand);
    }
    return reads;
  }
  std::vector<StorageId> operator()(const CopyNode& n) const {
    std::vector<StorageId> reads;
    for (const CopyBox& box : n.boxes) reads.push_back(box.src);
    return reads;
  }
  std::vector<StorageId> operator()(const MatMulNode& n) const { return {n.a, n.b}; }
  std::vector<StorageId> operator()(const FloatJobNode& n) const { return n.inputs; }
  std::vector<StorageId> operator()(const FloatReplyNode&) const { return {}; }
  template <typename Kind>
  std::vector<StorageId> operator()(const Kind& n) const {
    return {n.x};
  }
};

struct Writes {
  StorageId operator()(const OutputNode&) const { return kNoStorage; }
  StorageId operator()(const JobNode&) const { return kNoStorage; }
  StorageId operator()(const FloatJobNode&) const { return kNoStorage; }
  template <typename Kind>
  StorageId operator()(const Kind& n) const {
    return n.y;
  }
};

}  // namespace

std::vector<StorageId> ReadsOf(const Node& node) { return std::visit(Reads{}, node.kind); }
StorageId WriteOf(const Node& node) { return std::visit(Writes{}, node.kind); }

StorageId TileClass(const NodeGraph& graph, StorageId id) {
  while (graph.storages[id].same_tiles != kNoStorage) id = graph.storages[id].same_tiles;
  return id;
}

void TileAlike(NodeGraph* graph, StorageId a, StorageId b) {
  a = TileClass(*graph, a);
  b = TileClass(*graph, b);
  if (a != b) graph->storages[b].same_tiles = a;
}

std::string OpText(const LoweredGraph& graph, uint32_t op) {
  return op < graph.ops.size() ? "operator '" + graph.ops[op].name + "'" : "a port of the model";
}

}  // namespace penumbra::protect
