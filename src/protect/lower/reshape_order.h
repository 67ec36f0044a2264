// When is a Reshape free? Axes of the two shapes fall into groups of equal products; the reshape
// keeps the bytes where they are when every group's input axes lie side by side, in order. Pure,
// any thread.
#ifndef PENUMBRA_PROTECT_LOWER_RESHAPE_ORDER_H_
#define PENUMBRA_PROTECT_LOWER_RESHAPE_ORDER_H_

#include <optional>
#include <vector>

#include "protect/lower/layout.h"

namespace penumbra::protect {

struct ReshapeGroup {
  Perm in_axes, out_axes;  // logical, ascending, without axes of extent 1
};
// Both shapes have the same number of elements.
std::vector<ReshapeGroup> GroupAxes(const Dims& in, const Dims& out);

// Axis order of the result when bytes in order `perm` can stay; empty when they must move.
std::optional<Perm> FreeReshape(const Dims& in, const Perm& perm, const Dims& out);

// Axis order of the input from which the reshape is free and its result in the usual order of its
// rank (channel-last for images).
Perm OrderBeforeReshape(const Dims& in, const Perm& perm, const Dims& out);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_LOWER_RESHAPE_ORDER_H_
