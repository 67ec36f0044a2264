// How much it hurts when a layer computes wrongly: faults are injected into its output and the change of
// the result is measured (AegisDNN, RTSS 2021: damage of leaving a layer unprotected).
#ifndef PENUMBRA_PROTECT_PLACEMENT_CRITICALITY_H_
#define PENUMBRA_PROTECT_PLACEMENT_CRITICALITY_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "protect/lower/lowered.h"

namespace penumbra::protect {

struct FaultOptions {
  uint64_t seed = 0;         // equal seeds inject equal faults
  uint32_t trial_count = 2;  // runs with faults for each layer and sample, above 0
  // done of total runs; may be empty.
  std::function<void(uint64_t done, uint64_t total)> progress = {};
};

// Of each operator, in [0, 1]; 0 for those that are not linear. In every trial one of 4096 outputs of
// the layer, at least one, has its sign or a bit of its exponent flipped. The damage of a trial is 1
// when the largest element of the model's first output is another than without faults (or the output
// is not finite), else the share of its softmax probability that is lost; the layer's is the mean over
// trials and samples. samples: physical inputs, at least one.
std::vector<double> MeasureCriticality(const LoweredGraph& graph,
                                       const std::vector<std::vector<std::vector<float>>>& samples,
                                       const FaultOptions& options);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLACEMENT_CRITICALITY_H_
