// Lowering: the normalised model graph to the graph that is scheduled (lowered.h).
#ifndef PENUMBRA_PROTECT_LOWER_LOWER_H_
#define PENUMBRA_PROTECT_LOWER_LOWER_H_

#include <string_view>

#include "model/graph.h"
#include "protect/lower/lowered.h"

namespace penumbra::protect {

// `graph`: after the normalising passes (shapes known, parameters as attributes, BatchNorm folded
// where it can be). The result owns all its data. Throws model::ModelError: kUnsupported with every
// operator that cannot be lowered (operator, node, opset, reason), kInternal when the result breaks
// an invariant.
LoweredGraph Lower(const model::Graph& graph);

// What lowering asks of an operator beyond the importer's limits, for people; "refused" where it has
// no protected form at all.
std::string_view ProtectedLimits(model::OpKind op);

// Throws model::ModelError(kInternal): ids in range, one producer per tensor, operators in
// topological order, shapes and row grids of every operator agree. Lower() ends with it; stages
// that edit a lowered graph can repeat it.
void ValidateLowered(const LoweredGraph& graph);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_LOWER_LOWER_H_
