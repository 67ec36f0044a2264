// Fusing element-wise chains (ShadowNet's TeeShadow) and giving passes their sinks.
#include <algorithm>
#include <map>
#include <tuple>

#include "boundary/limits.h"
#include "protect/schedule/conv_weights.h"
#include "protect/schedule/nodes.h"

namespace penumbra::protect {
namespace {

// Position of every storage's maker in `nodes`, and how often it is read.
struct Uses {
  std::vector<uint32_t> maker, read_count, level;

  explicit Uses(const NodeGraph& graph)
      : maker(graph.storages.size(), kNone),
        read_count(graph.storages.size()),
        level(graph.storages.size()) {
    for (uint32_t n = 0; n < graph.nodes.size(); ++n) {
      uint32_t node_level = 0;
      for (const StorageId id : ReadsOf(graph.nodes[n])) {
        ++read_count[id];
        node_level = std::max(node_level, level[id]);
      }
      const StorageId y = WriteOf(graph.nodes[n]);
      if (y == kNoStorage) continue;
      maker[y] = n;
      const auto* pass = std::get_if<PassNode>(&graph.nodes[n].kind);
      const bool linear = std::holds_alternative<ConvNode>(graph.nodes[n].kind) ||
                          std::holds_alternative<FloatReplyNode>(graph.nodes[n].kind) ||
                          (pass != nullptr && pass->layer != kNoTensor);
      level[y] = linear ? graph.nodes[n].op + 1 : node_level;
    }
  }
};

PassNode* PassThatMakes(NodeGraph* graph, const Uses& uses, StorageId id) {
  if (id == kNoStorage || uses.maker[id] == kNone) return nullptr;
  return std::get_if<PassNode>(&graph->nodes[uses.maker[id]].kind);
}

// A restored layer's reply should be consumed before the next layer runs: operands that come later
// stop the chain.
bool OperandsReady(const PassNode& next, const Uses& uses, StorageId x) {
  return std::ranges::all_of(next.steps, [&](const ElementStep& step) {
    return step.operand == kNoStorage ||
           (step.operand != x && uses.level[step.operand] <= uses.level[x]);
  });
}

void DropNodes(NodeGraph* graph, const std::vector<bool>& dropped) {
  std::vector<Node> kept;
  for (size_t n = 0; n < graph->nodes.size(); ++n) {
    if (!dropped[n]) kept.push_back(std::move(graph->nodes[n]));
  }
  graph->nodes = std::move(kept);
}

// Adds sinks to the node list: a pass makes its own value, other nodes get a pass behind them.
class SinkBuilder {
 public:
  SinkBuilder(const std::vector<LinearPlan>& linears, NodeGraph* graph)
      : linears_(linears),
        graph_(*graph),
        sinks_(graph->storages.size()),
        stored_(graph->storages.size()) {}

  void Run() {
    for (Node& node : graph_.nodes) Collect(&node);
    std::vector<Node> nodes;
    for (Node& node : graph_.nodes) Place(std::move(node), &nodes);
    graph_.nodes = std::move(nodes);
  }

 private:
  void Collect(Node* node) {
    if (auto* job = std::get_if<JobNode>(&node->kind)) {
      sinks_[job->x].push_back({PassSinkKind::kMask, job->layer, 0, 0, 0});
      return;
    }
    if (auto* conv = std::get_if<ConvNode>(&node->kind)) {
      if (linears_[conv->linear].quantized != nullptr) {
        conv->levels = Levels(conv->x, linears_[conv->linear]);
        return;
      }
    }
    for (const StorageId id : ReadsOf(*node)) stored_[id] = true;
  }

  // The quantised copy of x for this layer; layers with equal levels share one.
  StorageId Levels(StorageId x, const LinearPlan& plan) {
    const QuantizedLinear& q = *plan.quantized;
    const PlanType type = FormOf(plan).mode == ConvMode::kU8 ? PlanType::kU8 : PlanType::kS16;
    const ConvGeometry& g = plan.linear->geometry;
    const auto key = std::make_tuple(x, type, q.inv_step, q.klo, q.khi);
    const auto [entry, inserted] = levels_.try_emplace(key, kNoStorage);
    if (inserted) {
      Storage s = graph_.storages[x];
      s.name += " levels";
      s.type = type;
      s.runs.clear();
      s.single_tile = false;
      s.same_tiles = kNoStorage;
      graph_.storages.push_back(s);
      entry->second = static_cast<StorageId>(graph_.storages.size() - 1);
      sinks_.emplace_back();
      stored_.push_back(true);
      TileAlike(&graph_, x, entry->second);
      sinks_[x].push_back({PassSinkKind::kQuantize, entry->second, q.inv_step, q.klo, q.khi});
    }
    graph_.storages[entry->second].runs.push_back(uint64_t{g.in_w} * g.in_c);
    return entry->second;
  }

  void Place(Node node, std::vector<Node>* out_nodes) {
    const StorageId y = WriteOf(node);
    auto* pass = std::get_if<PassNode>(&node.kind);
    if (y == kNoStorage) {
      out_nodes->push_back(std::move(node));
      return;
    }
    const uint32_t op = node.op, way_of = node.way_of;
    std::vector<SinkPlan> rest = sinks_[y];
    if (pass != nullptr) {
      const bool overflow = rest.size() > kMaxPassSinks - 1;
      if (stored_[y] || overflow) pass->sinks.push_back({PassSinkKind::kTensor, y, 0, 0, 0});
      while (!rest.empty() && pass->sinks.size() < kMaxPassSinks) {
        pass->sinks.push_back(rest.front());
        rest.erase(rest.begin());
      }
      if (pass->sinks.empty()) return;
    }
    out_nodes->push_back(std::move(node));
    while (!rest.empty()) {
      PassNode extra;
      extra.x = y;
      extra.y = y;
      const size_t count = std::min<size_t>(rest.size(), kMaxPassSinks);
      extra.sinks.assign(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(count));
      rest.erase(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(count));
      out_nodes->push_back({op, std::move(extra), way_of});
    }
  }

  const std::vector<LinearPlan>& linears_;
  NodeGraph& graph_;
  std::vector<std::vector<SinkPlan>> sinks_;  // mask and quantise sinks of each storage
  std::vector<bool> stored_;                  // somebody reads its float32 tiles
  std::map<std::tuple<StorageId, PlanType, float, int32_t, int32_t>, StorageId> levels_;
};

}  // namespace

void FusePasses(NodeGraph* graph) {
  Uses uses(*graph);
  std::vector<bool> dropped(graph->nodes.size());
  for (size_t n = 0; n < graph->nodes.size(); ++n) {
    auto* next = std::get_if<PassNode>(&graph->nodes[n].kind);
    if (next == nullptr || next->x == kNoStorage || uses.read_count[next->x] != 1) continue;
    PassNode* previous = PassThatMakes(graph, uses, next->x);
    // One way of an operator ends where the other does.
    if (graph->nodes[n].way_of != kNone) continue;
    if (previous == nullptr || previous->steps.size() + next->steps.size() > kMaxPassOps) continue;
    if (!OperandsReady(*next, uses, next->x)) continue;
    // The joined pass stands where the later one stood: all its operands are made by then.
    PassNode joined = std::move(*previous);
    dropped[uses.maker[joined.y]] = true;
    joined.steps.insert(joined.steps.end(), next->steps.begin(), next->steps.end());
    joined.y = next->y;
    *next = std::move(joined);
    uses.maker[next->y] = static_cast<uint32_t>(n);
  }
  DropNodes(graph, dropped);
}

void AddSinks(const std::vector<LinearPlan>& linears, NodeGraph* graph) {
  SinkBuilder(linears, graph).Run();
}

}  // namespace penumbra::protect
