// What earlier stages decided about one linear layer.
#ifndef PENUMBRA_PROTECT_SCHEDULE_LINEAR_PLAN_H_
#define PENUMBRA_PROTECT_SCHEDULE_LINEAR_PLAN_H_

#include <cstdint>

#include "boundary/plan.h"
#include "protect/lower/lowered.h"
#include "protect/weights/published_weights.h"

namespace penumbra::protect {

// Everything is borrowed and must outlive the plan, whose constants are made from it late.
struct LinearPlan {
  uint32_t op;  // index into LoweredGraph::ops
  const LinearOp* linear;
  const QuantizedLinear* quantized = nullptr;   // null: float32
  const PublishedWeights* published = nullptr;  // null: trusted
  uint32_t layer = kNoTensor;                   // index of the public layer
  uint32_t same_as = kNoTensor;                 // index of the plan whose sealed and published weights it uses
  bool masked = false;                          // one-time pad on its input
  uint32_t projection_count = 0;                // secret projections per prime; 0: replies are not checked

  bool is_public() const { return published != nullptr; }
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_LINEAR_PLAN_H_
