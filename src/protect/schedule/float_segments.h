// Public float32 layers: which operators run together on the accelerator, and the segments they
// become. A segment is as large as the data flow allows, so that a backend can keep its own layouts
// from its first operator to its last.
#ifndef PENUMBRA_PROTECT_SCHEDULE_FLOAT_SEGMENTS_H_
#define PENUMBRA_PROTECT_SCHEDULE_FLOAT_SEGMENTS_H_

#include <cstdint>
#include <vector>

#include "protect/lower/lowered.h"
#include "protect/schedule/fingerprint_plan.h"
#include "protect/schedule/plan_parts.h"

namespace penumbra::protect {

struct FloatSegment {
  PublicSegment graph;                   // blobs counted from the first one below
  std::vector<PublicBlob> blobs;         // borrow from the lowered graph
  std::vector<TensorId> inputs, outputs;  // in the order of graph.inputs and graph.outputs
  bool keeps_scale = false;  // of a partition drawn inside: FloatSegmentRec::flags
};

struct FloatPlan {
  std::vector<FloatSegment> segments;
  // All operators in an order in which each segment can run where its first operator stands.
  std::vector<uint32_t> order;
  std::vector<uint32_t> segment_of;  // of each operator; kNone: trusted, or a reshape
  bool is_drawn = false;  // a partition drawn inside: segments have one operator each, which can be run either way
  const FingerprintPlan* fingerprints = nullptr;  // of all segments, borrowed; null: their replies are not checked
};

// is_public: of each operator, what may leave the trusted half; empty: nothing. Operators that
// segments do not have stay trusted. Weights are copied out of `graph`, which outlives the plan,
// when they are written.
FloatPlan PlanFloatSegments(const LoweredGraph& graph, const std::vector<bool>& is_public);

// Of a partition drawn inside: each operator of `may_leave` that has a scaling rule (weights/scaling.h) and that segments have.
FloatPlan PlanCandidates(const LoweredGraph& graph, const std::vector<bool>& may_leave);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_FLOAT_SEGMENTS_H_
