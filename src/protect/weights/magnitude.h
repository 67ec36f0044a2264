// Placement magnitude: the largest weights of every public linear layer stay inside (Magnitude of
// Hou et al., IEEE TDSC 2021, as Zhang et al., IEEE S&P 2024, compare it).
#ifndef PENUMBRA_PROTECT_WEIGHTS_MAGNITUDE_H_
#define PENUMBRA_PROTECT_WEIGHTS_MAGNITUDE_H_

#include <vector>

#include "protect/weights/split_graph.h"

namespace penumbra::protect {

// Every public linear layer becomes two, and their sum: one outside under the layer's name, its
// ceil(fraction * count) weights of the largest magnitude zeroed, and one inside that has only these,
// and the bias. The zeros show where they were. fraction: in [0, 1]; 0 changes nothing.
SplitGraph SplitByMagnitude(LoweredGraph graph, const std::vector<bool>& is_public,
                            double fraction);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_WEIGHTS_MAGNITUDE_H_
