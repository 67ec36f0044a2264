// The prepare program: s^T W' of every checked layer from authenticated slices of the published
// weights, once per load (docs/integrity.md).
#ifndef PENUMBRA_PROTECT_SCHEDULE_PREPARE_PROGRAM_H_
#define PENUMBRA_PROTECT_SCHEDULE_PREPARE_PROGRAM_H_

#include <vector>

#include "protect/schedule/linear_plan.h"
#include "protect/schedule/plan_parts.h"
#include "protect/schedule/public_slices.h"

namespace penumbra::protect {

// Empty when no layer is checked. Throws model::ModelError(kSecureMemoryExceeded).
std::vector<Step> BuildPrepareProgram(const LoweredGraph& lowered,
                                      const std::vector<LinearPlan>& linears,
                                      const std::vector<PublicSlices>& slices, CompiledPlan* plan);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_PREPARE_PROGRAM_H_
