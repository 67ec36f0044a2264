// The operators about which a partition drawn inside draws lots.
#include <algorithm>
#include <numeric>

#include "protect/schedule/float_segment_builder.h"
#include "protect/weights/scaling.h"

namespace penumbra::protect {
namespace {

// The scales of an operator of this rule can be turned where its constants are published: one node has them.
bool CanBeScaled(const FloatSegment& segment, ScalingRule rule) {
  const auto has_weights = [](const SegmentNode& node) { return node.weight_blob != kNoBlob; };
  return rule == ScalingRule::kKeeps || std::ranges::count_if(segment.graph.nodes, has_weights) == 1;
}

}  // namespace

FloatPlan PlanCandidates(const LoweredGraph& graph, const std::vector<bool>& may_leave) {
  FloatPlan plan;
  plan.is_drawn = true;
  plan.order.resize(graph.ops.size());
  std::iota(plan.order.begin(), plan.order.end(), 0u);
  plan.segment_of.assign(graph.ops.size(), kNone);
  std::vector<TensorId> root(graph.tensors.size());
  std::iota(root.begin(), root.end(), 0u);
  for (uint32_t op = 0; op < graph.ops.size(); ++op) {
    const TensorId y = OutputOf(graph.ops[op]);
    if (const auto* reshape = std::get_if<ReshapeOp>(&graph.ops[op].kind)) root[y] = root[reshape->x];
    const ScalingRule rule = RuleOf(graph.ops[op]);
    if (!may_leave[op] || rule == ScalingRule::kUnknown) continue;
    FloatSegmentBuilder builder(graph, root);
    if (!builder.Add(graph.ops[op])) continue;
    builder.AddOutput(y);
    FloatSegment segment = builder.Take();
    if (!CanBeScaled(segment, rule)) continue;
    segment.keeps_scale = rule == ScalingRule::kKeeps;
    plan.segment_of[op] = static_cast<uint32_t>(plan.segments.size());
    plan.segments.push_back(std::move(segment));
  }
  return plan;
}

}  // namespace penumbra::protect
