#include "protect/plain/inference.h"

#include "protect/plain/blas_layer.h"

namespace penumbra::protect {

void LinearFloat(const LinearOp& op, std::span<const float> x, std::span<float> out_y) {
  MultiplyLayer<float>(op.geometry, x.data(), op.weights.data(), out_y.data());
  const size_t channels = op.bias.size();
  for (size_t at = 0; at < out_y.size(); at += channels) {
    for (size_t c = 0; c < channels; ++c) out_y[at + c] += op.bias[c];
  }
}

std::vector<std::vector<float>> RunFloat(const LoweredGraph& graph,
                                         const std::vector<std::vector<float>>& inputs,
                                         const OpObserver& observer) {
  const auto linear = [](size_t, const LinearOp& op, std::span<const float> x,
                         std::span<float> out_y) { LinearFloat(op, x, out_y); };
  return Evaluator(graph, Kernels(DetectIsa())).Run(inputs, linear, observer);
}

PlainInference::PlainInference(const LoweredGraph& graph,
                               const std::map<size_t, QuantizedLinear>& quantized)
    : evaluator_(graph, Kernels(DetectIsa())) {
  for (const auto& [index, layer] : quantized) {
    layers_.emplace(index,
                    IntegerLinear(std::get<LinearOp>(graph.ops.at(index).kind).geometry, layer));
  }
}

std::vector<std::vector<float>> PlainInference::Run(
    const std::vector<std::vector<float>>& inputs, const OpObserver& observer) const {
  const auto linear = [this](size_t index, const LinearOp& op, std::span<const float> x,
                             std::span<float> out_y) {
    const auto layer = layers_.find(index);
    layer == layers_.end() ? LinearFloat(op, x, out_y) : layer->second.Apply(x, out_y);
  };
  return evaluator_.Run(inputs, linear, observer);
}

}  // namespace penumbra::protect
