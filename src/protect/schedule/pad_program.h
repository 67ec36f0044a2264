// The pad program: for every masked layer draws r and computes L'(r) from authenticated slices of
// the published weights, row tile by row tile (SCHEMES section 2).
#ifndef PENUMBRA_PROTECT_SCHEDULE_PAD_PROGRAM_H_
#define PENUMBRA_PROTECT_SCHEDULE_PAD_PROGRAM_H_

#include <vector>

#include "protect/schedule/linear_plan.h"
#include "protect/schedule/plan_parts.h"
#include "protect/schedule/public_slices.h"

namespace penumbra::protect {

// Adds the tensors the program needs to the plan; empty when no layer is masked. Layers
// must have their mask grid and pad tensor. Throws model::ModelError(kSecureMemoryExceeded).
std::vector<Step> BuildPadProgram(const LoweredGraph& lowered,
                                  const std::vector<LinearPlan>& linears,
                                  const std::vector<PublicSlices>& slices, CompiledPlan* plan);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_PAD_PROGRAM_H_
