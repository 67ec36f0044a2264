// Which operators a fingerprint passes through: F(sum c_i x_i) = sum c_i F(x_i) for all c with sum 1, over all inputs
// together. Linear operators do, with their biases; ReLU and max-pool commute with a scale (weights/scaling.h), but not with
// a sum. Pure functions, any thread.
#ifndef PENUMBRA_PROTECT_FINGERPRINTS_AFFINE_H_
#define PENUMBRA_PROTECT_FINGERPRINTS_AFFINE_H_

#include <cstdint>

#include "protect/lower/lowered.h"

namespace penumbra::protect {

// The whole table.
bool IsAffine(const LoweredOp& op);

// Of an affine operator: what it makes of the magnitudes of its inputs bounds the magnitude of every partial sum of its
// output, in any order. Weights and constants become their absolute values, differences sums.
LoweredOp MagnitudeOf(const LoweredOp& op);

// Of an affine operator: most roundings on the way to one element of its output.
uint64_t RoundingCount(const LoweredGraph& graph, const LoweredOp& op);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_FINGERPRINTS_AFFINE_H_
