// The two plain evaluations of a lowered graph: in float32, for calibration and for comparing with
// the unprotected model, and with quantised linear layers, the oracle of the protected pipeline.
#ifndef PENUMBRA_PROTECT_PLAIN_INFERENCE_H_
#define PENUMBRA_PROTECT_PLAIN_INFERENCE_H_

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "protect/lower/lowered.h"
#include "protect/plain/evaluator.h"
#include "protect/plain/linear_integer.h"

namespace penumbra::protect {

// y = W x + b in float32; the order of summation is unspecified.
void LinearFloat(const LinearOp& op, std::span<const float> x, std::span<float> out_y);

// Whole model in float32. inputs and result: as Evaluator::Run.
std::vector<std::vector<float>> RunFloat(const LoweredGraph& graph,
                                         const std::vector<std::vector<float>>& inputs,
                                         const OpObserver& observer = {});

// Several threads may use one object at once.
class PlainInference {
 public:
  // `graph` outlives the object. quantized: by index into graph.ops; linear layers without an entry
  // are computed in float32.
  PlainInference(const LoweredGraph& graph, const std::map<size_t, QuantizedLinear>& quantized);

  std::vector<std::vector<float>> Run(const std::vector<std::vector<float>>& inputs,
                                      const OpObserver& observer = {}) const;

 private:
  Evaluator evaluator_;
  std::map<size_t, IntegerLinear> layers_;
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_PLAIN_INFERENCE_H_
