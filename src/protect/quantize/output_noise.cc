#include "protect/quantize/output_noise.h"

#include <cmath>

#include "protect/plain/inference.h"
#include "protect/plain/ports.h"

namespace penumbra::protect {

std::optional<double> MeasureOutputNoise(const LoweredGraph& graph, const std::map<size_t, QuantizedLinear>& quantized,
                                         const std::vector<Sample>& samples) {
  const PlainInference integers(graph, quantized);
  std::vector<double> signal(graph.outputs.size()), error(graph.outputs.size());
  for (const Sample& sample : samples) {
    const auto inputs = PhysicalInputs(graph, sample);
    const auto wanted = RunFloat(graph, inputs), got = integers.Run(inputs);
    for (size_t output = 0; output < wanted.size(); ++output) {
      for (size_t i = 0; i < wanted[output].size(); ++i) {
        const double value = wanted[output][i], difference = got[output][i] - value;
        signal[output] += value * value;
        error[output] += difference * difference;
      }
    }
  }
  std::optional<double> least;
  for (size_t output = 0; output < error.size(); ++output) {
    if (error[output] == 0) continue;
    const double below = 10 * std::log10(signal[output] / error[output]);
    if (!least || below < *least) least = below;
  }
  return least;
}

}  // namespace penumbra::protect
