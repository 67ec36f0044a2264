// Scaled float32 weights: a graph in which every public tensor carries a secret scale and that
// computes what it did (SOTER, USENIX ATC 2022, section 4, "morph" and "restore"; SecureNets: a scale
// per channel, which is one per row and column of a matrix).
//
// It is an ordinary lowered graph. What enters the public part is multiplied by its scale inside the
// trusted half, what leaves it is multiplied by the inverse there; the runtime knows neither.
#ifndef PENUMBRA_PROTECT_WEIGHTS_SCALAR_H_
#define PENUMBRA_PROTECT_WEIGHTS_SCALAR_H_

#include <map>
#include <string>
#include <vector>

#include "protect/weights/secret_stream.h"
#include "protect/weights/split_graph.h"

namespace penumbra::protect {

struct ScaledGraph : SplitGraph {
  std::map<size_t, std::string> kept;  // operators of `graph` that could not be public, and why
};

// is_public: of each operator, may be computed outside; those without a rule (scaling.h) stay
// inside. A scale is log-uniform in [1 / range, range] and never 1; tensors that meet in an operator
// without constants have one scale, copies of a layer (LinearOp::same_as) remain copies where they
// can, and an operator whose scales would cancel stays inside. Throws model::ModelError(kInvalidArgument)
// naming the operator whose constants float32 cannot hold.
ScaledGraph ScaleTensors(LoweredGraph graph, const std::vector<bool>& is_public, double range,
                         const SecretKey& key);

// A scale per channel of every tensor between linear operators; all other operators stay inside.
ScaledGraph ScaleChannels(LoweredGraph graph, const std::vector<bool>& is_public, double range,
                          const SecretKey& key);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_WEIGHTS_SCALAR_H_
