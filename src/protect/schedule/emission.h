// What a partition drawn inside publishes: the public half of every float segment, sealed, and the steps that emit it.
#ifndef PENUMBRA_PROTECT_SCHEDULE_EMISSION_H_
#define PENUMBRA_PROTECT_SCHEDULE_EMISSION_H_

#include <vector>

#include "protect/schedule/float_segments.h"

namespace penumbra::protect {

// Adds constants to the plan, and returns the prepare program's share; nothing when no partition is drawn. Constants borrow what the
// segments borrow. Throws model::ModelError(kUnsupported) for a segment whose half is larger than offsets reach.
std::vector<Step> BuildEmission(const LoweredGraph& lowered, const FloatPlan& floats, CompiledPlan* plan);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_SCHEDULE_EMISSION_H_
