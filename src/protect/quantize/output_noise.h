// How far quantisation has moved the outputs of the whole model, which predictions of single layers do not tell: noise
// adds up over depth, and some networks amplify it.
#ifndef PENUMBRA_PROTECT_QUANTIZE_OUTPUT_NOISE_H_
#define PENUMBRA_PROTECT_QUANTIZE_OUTPUT_NOISE_H_

#include <map>
#include <optional>
#include <vector>

#include "protect/lower/lowered.h"
#include "protect/quantize/calibrate.h"
#include "protect/quantize/quantize.h"

namespace penumbra::protect {

// Decibels by which the error of the quantised model lies below the values of the float32 one, both as sums of squares
// over `samples`, at the output where that is least. Nothing when no output differs or there is no sample. `quantized`:
// by index into graph.ops.
std::optional<double> MeasureOutputNoise(const LoweredGraph& graph, const std::map<size_t, QuantizedLinear>& quantized,
                                         const std::vector<Sample>& samples);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_QUANTIZE_OUTPUT_NOISE_H_
