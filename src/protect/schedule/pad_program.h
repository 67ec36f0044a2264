// The pad programs: for every masked layer they draw r and compute L'(r) from authenticated slices
// of the published weights (docs/pad_bank.md). Several pads of one program share each pass over the
// weights.
#ifndef PENUMBRA_PROTECT_SCHEDULE_PAD_PROGRAM_H_
#define PENUMBRA_PROTECT_SCHEDULE_PAD_PROGRAM_H_

#include <vector>

#include "protect/schedule/linear_plan.h"
#include "protect/schedule/plan_parts.h"
#include "protect/schedule/public_slices.h"

namespace penumbra::protect {

// The program that makes `pad_count` pads. Adds the tensors it needs to the plan; empty when no layer is
// masked. Layers must have their mask grid and pad tensor. How many tiles of rows share a pass over
// a layer's weights depends on `arena_size`, the bytes they may take together; with 0 each tile has
// its own. Throws model::ModelError(kSecureMemoryExceeded).
std::vector<Step> BuildPadProgram(const LoweredGraph& lowered,
                                  const std::vector<LinearPlan>& linears,
                                  const std::vector<PublicSlices>& slices, uint32_t pad_count,
                                  uint64_t arena_size, CompiledPlan* plan);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_PAD_PROGRAM_H_
