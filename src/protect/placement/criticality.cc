#include "protect/placement/criticality.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <span>

#include "protect/placement/placement.h"
#include "protect/plain/inference.h"

namespace penumbra::protect {
namespace {

constexpr uint64_t kOutputsPerFault = 4096;
constexpr uint32_t kFirstBit = 23;  // of a float32: exponent and sign
constexpr uint32_t kBitCount = 9;

void Inject(std::mt19937_64* random, std::span<float> values) {
  const uint64_t count = std::max<uint64_t>(1, values.size() / kOutputsPerFault);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t draw = (*random)();
    float& value = values[(draw >> 16) % values.size()];
    value = std::bit_cast<float>(std::bit_cast<uint32_t>(value) ^ (1u << (kFirstBit + draw % kBitCount)));
  }
}

size_t Top(const std::vector<float>& scores) {
  return static_cast<size_t>(std::ranges::max_element(scores) - scores.begin());
}

double Confidence(const std::vector<float>& scores, size_t index) {
  double sum = 0;
  for (const float score : scores) sum += std::exp(double{score} - scores[index]);
  return 1 / sum;
}

double Damage(const std::vector<float>& right, const std::vector<float>& wrong) {
  const auto finite = [](float v) { return std::isfinite(v); };
  const size_t top = Top(right);
  if (!std::ranges::all_of(wrong, finite) || Top(wrong) != top) return 1;
  return std::clamp(1 - Confidence(wrong, top) / Confidence(right, top), 0.0, 1.0);
}

}  // namespace

std::vector<double> MeasureCriticality(const LoweredGraph& graph,
                                       const std::vector<std::vector<std::vector<float>>>& samples,
                                       const FaultOptions& options) {
  std::vector<double> damage(graph.ops.size());
  size_t hit = graph.ops.size();  // the operator that computes wrongly; none
  std::mt19937_64 random(options.seed);
  const auto linear = [&](size_t op, const LinearOp& layer, std::span<const float> x, std::span<float> out_y) {
    LinearFloat(layer, x, out_y);
    if (op == hit) Inject(&random, out_y);
  };
  const Evaluator evaluator(graph, Kernels(DetectIsa()));
  std::vector<std::vector<float>> right;
  for (const auto& sample : samples) right.push_back(evaluator.Run(sample, linear).front());
  const auto layer_count = static_cast<uint64_t>(std::ranges::count_if(graph.ops, IsLinear));
  const uint64_t run_count = samples.size() * options.trial_count;
  uint64_t done = 0;
  for (hit = 0; hit < graph.ops.size(); ++hit) {
    if (!IsLinear(graph.ops[hit])) continue;
    for (size_t i = 0; i < samples.size(); ++i) {
      for (uint32_t trial = 0; trial < options.trial_count; ++trial) {
        if (options.progress) options.progress(done++, run_count * layer_count);
        damage[hit] += Damage(right[i], evaluator.Run(samples[i], linear).front()) / static_cast<double>(run_count);
      }
    }
  }
  return damage;
}

}  // namespace penumbra::protect
