// What cornerstones are matched to: mean and deviation, channel by channel, of what float segments read.
#ifndef PENUMBRA_PROTECT_FINGERPRINTS_OBSERVED_INPUTS_H_
#define PENUMBRA_PROTECT_FINGERPRINTS_OBSERVED_INPUTS_H_

#include <map>
#include <vector>

#include "protect/lower/lowered.h"
#include "protect/quantize/calibrate.h"
#include "protect/schedule/float_segments.h"

namespace penumbra::protect {

// Of one tensor, by channel (its last axis). Deviations are positive: a channel that never moved gets a small share of the
// tensor's root mean square, so that its weights are checked, too.
struct ChannelMoments {
  std::vector<float> mean, deviation;
};

// Of every input of every segment, over the float evaluation of `samples` (at most 32 of them) or, when it is empty, of
// normal noise. Throws what Calibrate() throws.
std::map<TensorId, ChannelMoments> ObserveInputs(const LoweredGraph& graph, const FloatPlan& floats,
                                                 const SampleSource& samples);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_FINGERPRINTS_OBSERVED_INPUTS_H_
