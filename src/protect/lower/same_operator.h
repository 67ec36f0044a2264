// Whether two operators of lowered graphs compute the same.
#ifndef PENUMBRA_PROTECT_LOWER_SAME_OPERATOR_H_
#define PENUMBRA_PROTECT_LOWER_SAME_OPERATOR_H_

#include <vector>

#include "protect/lower/lowered.h"

namespace penumbra::protect {

// Same kind and parameters, float32 compared bit by bit; names and tensors are not looked at.
bool SameParameters(const LoweredOp& a, const LoweredOp& b);

bool SameGeometry(const ConvGeometry& a, const ConvGeometry& b);

// What the operator reads, in the order of its parameters: as InputsOf(), but one entry for each box
// of a copy.
std::vector<TensorId> OperandsOf(const LoweredOp& op);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_LOWER_SAME_OPERATOR_H_
