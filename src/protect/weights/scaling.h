// Which operators commute with a scale of their tensors, and what an operator becomes when its
// tensors are scaled: the associative operators of SOTER (USENIX ATC 2022, section 4), for which
// F(x) = mu^-1 F(mu x). Pure functions, any thread.
#ifndef PENUMBRA_PROTECT_WEIGHTS_SCALING_H_
#define PENUMBRA_PROTECT_WEIGHTS_SCALING_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "protect/lower/lowered.h"

namespace penumbra::protect {

enum class ScalingRule : uint8_t {
  kUnknown,  // the output of scaled inputs is no multiple of the output
  kKeeps,    // all inputs have one positive scale, and the output has it, too
  kChooses,  // linear with secret constants, which turn the input's scale into any other
};

// The whole table. Operators whose constants everybody knows (a clip at 6, the addition of a number)
// have no rule even where scaling the constant would do: it would publish the scale.
ScalingRule RuleOf(const LoweredOp& op);

// Factors of a tensor's elements, all positive: one for all, or one per channel (last axis).
using Scale = std::vector<float>;

// The operator G with G(in x) = out F(x), without its tensors renamed: constants multiplied by the
// quotient of the scales, constants that are added by the output's own. kKeeps demands in == out and
// scales of one factor; linear operators take scales per channel, too. Throws
// model::ModelError(kInvalidArgument) naming the operator when float32 cannot hold the constants.
LoweredOp ScaleOperator(const LoweredOp& op, const Scale& in, const Scale& out);

// elements[i] *= scale[i % scale.size()].
void ApplyScale(const Scale& scale, std::span<float> elements);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_WEIGHTS_SCALING_H_
