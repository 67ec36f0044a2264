// Calibration: runs samples through the float evaluation of the lowered graph and records what
// every linear layer reads.
#ifndef PENUMBRA_PROTECT_QUANTIZE_CALIBRATE_H_
#define PENUMBRA_PROTECT_QUANTIZE_CALIBRATE_H_

#include <functional>
#include <map>
#include <vector>

#include "protect/lower/lowered.h"

namespace penumbra::protect {

// One tensor per graph input, in logical (the model's) row-major order.
using Sample = std::vector<std::vector<float>>;
// Fills the next sample and returns true, or returns false at the end.
using SampleSource = std::function<bool(Sample* out_sample)>;

// Statistics by index into graph.ops, one entry per LinearOp. Layers that are the same
// (LinearOp::same_as) have the statistics of all their inputs together. Samples are streamed, none
// is kept. Throws model::ModelError: kInvalidArgument without samples, kWrongShape or kNotFinite
// for a bad one.
std::map<size_t, LinearStatistics> Calibrate(const LoweredGraph& graph, const SampleSource& next);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_QUANTIZE_CALIBRATE_H_
