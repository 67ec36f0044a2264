#include "protect/quantize/calibrate.h"

#include "kernels/dispatch.h"
#include "protect/plain/evaluator.h"
#include "protect/plain/inference.h"
#include "protect/plain/ports.h"
#include "protect/quantize/statistics.h"

namespace penumbra::protect {

std::map<size_t, LinearStatistics> Calibrate(const LoweredGraph& graph, const SampleSource& next) {
  std::map<size_t, LayerAccumulator> layers;
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const auto* op = std::get_if<LinearOp>(&graph.ops[i].kind);
    if (op != nullptr && op->same_as == kNone) layers.emplace(i, op->geometry);
  }
  const auto linear = [&layers](size_t index, const LinearOp& op, std::span<const float> x,
                                std::span<float> out_y) {
    LinearFloat(op, x, out_y);
    layers.at(op.same_as == kNone ? index : op.same_as).Add(x, out_y);
  };
  const Evaluator evaluator(graph, Kernels(DetectIsa()));
  for (Sample sample; next(&sample);) evaluator.Run(PhysicalInputs(graph, sample), linear);
  std::map<size_t, LinearStatistics> statistics;
  for (const auto& [index, layer] : layers) statistics.emplace(index, layer.Finish());
  for (size_t i = 0; i < graph.ops.size(); ++i) {
    const auto* op = std::get_if<LinearOp>(&graph.ops[i].kind);
    if (op != nullptr && op->same_as != kNone) statistics.emplace(i, statistics.at(op->same_as));
  }
  return statistics;
}

}  // namespace penumbra::protect
