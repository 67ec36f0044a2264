#include "protect/schedule/float_segments.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>

#include "protect/schedule/float_segment_builder.h"

namespace penumbra::protect {
namespace {

// Segment L reads only what is made before it: by trusted operators of level at most L and
// segments below L. An operator of a segment has the level of its segment, a trusted one the lowest
// that lets it read its inputs.
class Partition {
 public:
  Partition(const LoweredGraph& graph, const std::vector<bool>& is_public)
      : graph_(graph),
        is_public_(is_public),
        root_(graph.tensors.size()),
        made_(graph.tensors.size(), kNone),
        ready_(graph.tensors.size()),
        level_(graph.ops.size()),
        outputs_(graph.tensors.size()) {
    std::iota(root_.begin(), root_.end(), 0u);
  }

  FloatPlan Build() {
    out_.segment_of.assign(graph_.ops.size(), kNone);
    for (uint32_t op = 0; op < graph_.ops.size(); ++op) Place(op);
    FindOutputs();
    Order();
    Compact();
    return std::move(out_);
  }

 private:
  void Place(uint32_t op) {
    const TensorId y = OutputOf(graph_.ops[op]);
    uint32_t level = 0;  // where a trusted operator stands
    uint32_t joined = 0;  // where a public one may
    for (const TensorId id : InputsOf(graph_.ops[op])) {
      level = std::max(level, ready_[root_[id]]);
      joined = std::max(joined, made_[root_[id]] == kNone ? ready_[root_[id]] : made_[root_[id]]);
    }
    if (const auto* reshape = std::get_if<ReshapeOp>(&graph_.ops[op].kind)) {
      root_[y] = root_[reshape->x];
      level_[op] = joined;
      return;
    }
    level_[op] = level;
    ready_[y] = level;
    if (is_public_.empty() || !is_public_[op]) return;
    while (builders_.size() <= joined) builders_.emplace_back(graph_, root_);
    if (!builders_[joined].Add(graph_.ops[op])) return;
    out_.segment_of[op] = level_[op] = made_[y] = joined;
    ready_[y] = joined + 1;
  }

  // Values that anything but their own segment reads, or nothing at all.
  void FindOutputs() {
    std::set<TensorId> read;
    const auto reads = [&](TensorId id, uint32_t reader) {
      const TensorId root = root_[id];
      read.insert(root);
      if (made_[root] != kNone && made_[root] != reader) outputs_[root] = true;
    };
    for (uint32_t op = 0; op < graph_.ops.size(); ++op) {
      if (std::holds_alternative<ReshapeOp>(graph_.ops[op].kind)) continue;
      for (const TensorId id : InputsOf(graph_.ops[op])) reads(id, out_.segment_of[op]);
    }
    for (const LoweredPort& port : graph_.outputs) reads(port.tensor, kNone);
    for (TensorId id = 0; id < graph_.tensors.size(); ++id) {
      if (made_[id] != kNone && !read.contains(id)) outputs_[id] = true;
      if (outputs_[id]) builders_[made_[id]].AddOutput(id);
    }
  }

  void Order() {
    out_.order.resize(graph_.ops.size());
    std::iota(out_.order.begin(), out_.order.end(), 0u);
    std::ranges::stable_sort(out_.order, {}, [this](uint32_t op) {
      const TensorId root = root_[OutputOf(graph_.ops[op])];
      return std::make_tuple(level_[op], made_[root] != kNone);
    });
  }

  // Levels without public operators have no segment.
  void Compact() {
    std::vector<uint32_t> number(builders_.size(), kNone);
    for (size_t level = 0; level < builders_.size(); ++level) {
      if (builders_[level].empty()) continue;
      number[level] = static_cast<uint32_t>(out_.segments.size());
      out_.segments.push_back(builders_[level].Take());
    }
    for (uint32_t& segment : out_.segment_of) {
      if (segment != kNone) segment = number[segment];
    }
  }

  const LoweredGraph& graph_;
  const std::vector<bool>& is_public_;
  std::vector<TensorId> root_;    // of each tensor: the one it is a reshape of, or itself
  std::vector<uint32_t> made_;    // of each tensor: level of the segment that makes it, or kNone
  std::vector<uint32_t> ready_;   // of each tensor: first level whose trusted operators may read it
  std::vector<uint32_t> level_;   // of each operator
  std::vector<bool> outputs_;     // of each tensor
  std::vector<FloatSegmentBuilder> builders_;
  FloatPlan out_;
};

}  // namespace

FloatPlan PlanFloatSegments(const LoweredGraph& graph, const std::vector<bool>& is_public) {
  return Partition(graph, is_public).Build();
}

}  // namespace penumbra::protect
