#include "protect/fingerprints/observed_inputs.h"

#include <cmath>
#include <numeric>
#include <random>

#include "protect/plain/inference.h"
#include "protect/plain/ports.h"

namespace penumbra::protect {
namespace {

constexpr uint32_t kSampleLimit = 32;
constexpr uint32_t kNoiseSamples = 4;
constexpr double kLeastShare = 1.0 / 64;

struct Sums {
  std::vector<double> sum, square;
  uint64_t pixel_count = 0;

  void Add(std::span<const float> values) {
    for (size_t i = 0; i < values.size(); ++i) {
      const double v = values[i];
      sum[i % sum.size()] += v;
      square[i % sum.size()] += v * v;
    }
    pixel_count += values.size() / sum.size();
  }

  ChannelMoments Finish() const {
    const auto count = static_cast<double>(pixel_count);
    const double power = std::accumulate(square.begin(), square.end(), 0.0) /
                         (count * static_cast<double>(sum.size()));
    const bool has_scale = std::isfinite(power) && power > 0;
    const double least = has_scale ? kLeastShare * std::sqrt(power) : 1;
    ChannelMoments moments;
    for (size_t c = 0; c < sum.size(); ++c) {
      const double mean = has_scale ? sum[c] / count : 0;
      const double variance = has_scale ? square[c] / count - mean * mean : 1;
      moments.mean.push_back(static_cast<float>(mean));
      moments.deviation.push_back(static_cast<float>(std::max(least, std::sqrt(std::max(0.0, variance)))));
    }
    return moments;
  }
};

// Integers in ports stay 0: noise would be no valid index.
std::vector<std::vector<float>> NoiseInputs(const LoweredGraph& graph, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> inputs;
  for (const LoweredPort& port : graph.inputs) {
    std::vector<float>& values = inputs.emplace_back(graph.tensors[port.tensor].count());
    if (port.type != model::DataType::kFloat32) continue;
    for (float& v : values) v = normal(random);
  }
  return inputs;
}

}  // namespace

std::map<TensorId, ChannelMoments> ObserveInputs(const LoweredGraph& graph, const FloatPlan& floats,
                                                 const SampleSource& samples) {
  const std::vector<TensorId> root = ReshapeRoots(graph);
  std::map<TensorId, std::map<TensorId, Sums>> readers;  // of each root: the inputs that are views of it
  for (const FloatSegment& segment : floats.segments) {
    for (const TensorId id : segment.inputs) {
      const uint32_t channels = graph.tensors[id].channels();
      readers[root[id]].try_emplace(id, Sums{std::vector<double>(channels), std::vector<double>(channels)});
    }
  }
  const auto note = [&readers](TensorId id, std::span<const float> values) {
    const auto found = readers.find(id);
    if (found == readers.end()) return;
    for (auto& [view, sums] : found->second) sums.Add(values);
  };
  const auto run = [&](const std::vector<std::vector<float>>& inputs) {
    for (size_t i = 0; i < inputs.size(); ++i) note(graph.inputs[i].tensor, inputs[i]);
    RunFloat(graph, inputs, [&](size_t op, std::span<const float> y) { note(OutputOf(graph.ops[op]), y); });
  };
  Sample sample;
  uint32_t count = 0;
  while (samples && count < kSampleLimit && samples(&sample)) {
    run(PhysicalInputs(graph, sample));
    ++count;
  }
  for (uint32_t i = 0; count == 0 && i < kNoiseSamples; ++i) run(NoiseInputs(graph, i));
  std::map<TensorId, ChannelMoments> moments;
  for (const auto& [id, views] : readers) {
    for (const auto& [view, sums] : views) moments.emplace(view, sums.Finish());
  }
  return moments;
}

}  // namespace penumbra::protect
