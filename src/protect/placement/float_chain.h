// The chain of a float32 network: what its stages take on either side, and what crosses between them.
#ifndef PENUMBRA_PROTECT_PLACEMENT_FLOAT_CHAIN_H_
#define PENUMBRA_PROTECT_PLACEMENT_FLOAT_CHAIN_H_

#include <cstdint>
#include <vector>

#include "protect/lower/lowered.h"
#include "protect/placement/chain.h"
#include "protect/placement/device_profile.h"
#include "protect/placement/placement.h"

namespace penumbra::protect {

// Of each operator: its stage. A linear layer begins a new one; what comes before the first belongs
// to it.
std::vector<uint32_t> StagesOf(const LoweredGraph& graph);

// can_leave: of each operator, an accelerator has it in float32. Changing sides costs a hand-over and
// the crossing of every tensor that is made before and read behind: of those that both are on the same
// side, too, so that a prediction errs on the slow side. `damage` of each operator; empty: none.
// What stands between the stages beyond `secure_memory` bytes is spilled by the stage behind it when that is inside.
Chain FloatChain(const LoweredGraph& graph, const DeviceProfile& profile, const std::vector<bool>& can_leave,
                 const std::vector<double>& damage, uint64_t secure_memory);

// Operators of public stages that can leave.
Placement PlaceStages(const LoweredGraph& graph, const std::vector<bool>& stage_is_public,
                      const std::vector<bool>& can_leave);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLACEMENT_FLOAT_CHAIN_H_
