// Profiling: which operators of a model are associative, by the rule table and by running them
// (SOTER, USENIX ATC 2022, section 4).
#ifndef PENUMBRA_PROTECT_WEIGHTS_PROFILE_H_
#define PENUMBRA_PROTECT_WEIGHTS_PROFILE_H_

#include <vector>

#include "protect/lower/lowered.h"
#include "protect/weights/scaling.h"

namespace penumbra::protect {

// Of each operator: it has a rule, and ScaleOperator() was confirmed by ConfirmScaling(). Reshapes
// compute nothing and do not count; neither do operators on integers, which must stay exact. Runs the
// model's operators twice each in float32.
std::vector<bool> ProfileOperators(const LoweredGraph& graph);

// Whether the plain float32 evaluation of `scaled` on inputs times `in` is that of `op` on the same
// random inputs, times `out`, up to rounding. `op`, `scaled`: tensors as in `graph`.
bool ConfirmScaling(const LoweredGraph& graph, const LoweredOp& op, const LoweredOp& scaled,
                    const Scale& in, const Scale& out);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_WEIGHTS_PROFILE_H_
