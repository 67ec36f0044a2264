// A model's inputs and outputs between the order its user sees and the physical order of the
// lowered graph. Pure functions, any thread.
#ifndef PENUMBRA_PROTECT_PLAIN_PORTS_H_
#define PENUMBRA_PROTECT_PLAIN_PORTS_H_

#include <span>
#include <vector>

#include "protect/lower/lowered.h"

namespace penumbra::protect {

// `elements`: row-major in the logical (physical) order of the tensor.
std::vector<float> ToPhysical(const LoweredTensor& tensor, std::span<const float> elements);
std::vector<float> ToLogical(const LoweredTensor& tensor, std::span<const float> elements);

// Every input of the model, ToPhysical. Throws model::ModelError(kWrongShape) for another number of inputs or elements.
std::vector<std::vector<float>> PhysicalInputs(const LoweredGraph& graph, const std::vector<std::vector<float>>& sample);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLAIN_PORTS_H_
