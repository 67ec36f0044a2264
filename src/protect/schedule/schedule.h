// From the lowered graph and the decisions about its linear layers to a complete plan.
#ifndef PENUMBRA_PROTECT_SCHEDULE_SCHEDULE_H_
#define PENUMBRA_PROTECT_SCHEDULE_SCHEDULE_H_

#include <cstdint>
#include <vector>

#include "protect/schedule/fingerprint_plan.h"
#include "protect/schedule/linear_plan.h"
#include "protect/schedule/plan_parts.h"

namespace penumbra::protect {

struct ScheduleOptions {
  uint64_t secure_memory_size = uint64_t{12} << 20;  // tables, scratch and arena together
  uint32_t weights_axis = 0;                         // informative
  uint32_t soundness_bits = 0;                       // of every public layer; 0: replies are not checked
  // Of each operator: may run in float32 on the accelerator, unmasked; empty: none may.
  std::vector<bool> float_public = {};
  // A partition drawn inside, about the operators above: each is public with probability theta, under scales in [1 / scale_range,
  // scale_range]. 0: they are public.
  float theta = 0, scale_range = 0;
  // Of the segments these operators make (float_segments.h), all of them affine. Outlives the plan; null: none.
  const FingerprintPlan* fingerprints = nullptr;
};

struct ScheduleReport {
  uint64_t secure_memory_size = 0;  // planned peak
  uint64_t evicted_size = 0;        // bytes sealed and fetched again per inference for lack of room
  uint64_t pad_evicted_size = 0;    // the same per pad
  uint64_t batch_evicted_size = 0;  // the same per run of the batch program
  std::vector<uint32_t> float_segment_of;  // of each operator; kNone: of none
  std::vector<uint64_t> in_use;  // of each operator: most bytes of tiles in the arena at its steps
};

// One LinearPlan per LinearOp of the graph, public layers numbered in order; both outlive the plan,
// whose constants and blobs borrow from them. The arena is as small as it can be without sealing
// tiles for lack of room, or what the budget leaves. The plan has passed CheckPlan(). Throws
// model::ModelError: kSecureMemoryExceeded naming the operator that does not fit, kUnsupported,
// kInternal.
CompiledPlan Schedule(const LoweredGraph& graph, const std::vector<LinearPlan>& linears,
                      const ScheduleOptions& options, ScheduleReport* out_report);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_SCHEDULE_H_
