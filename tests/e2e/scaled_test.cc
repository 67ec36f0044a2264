// Float32 schemes whose public half is scaled or not whole: the protected pipeline against the model
// itself, on every accelerator, for every share of public operators.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "accel/registry.h"
#include "expect_close.h"
#include "graphs.h"
#include "harness.h"

namespace penumbra::e2e {
namespace {

using protect::CompiledModel;
using protect::CompileOptions;

CompileOptions Preset(const char* name) {
  CompileOptions options;
  options.preset = name;
  options.scheme = SchemeOf(name);
  return options;
}

CompileOptions Soter(double theta, uint64_t seed) {
  CompileOptions options = Preset("soter");
  protect::SetTheta(theta, &options.scheme);
  options.placement_seed = seed;
  return options;
}

// Those of this build among three.
std::vector<std::string> Devices() {
  std::vector<std::string> devices;
  for (const std::string_view name : DeviceNames()) {
    if (name == "reference" || name == "onednn" || name == "openvino") devices.emplace_back(name);
  }
  return devices;
}

class ScaledGraphs : public testing::TestWithParam<GraphCase> {
 protected:
  ScaledGraphs() {
    GetParam().build(test_);
    original_ = std::make_unique<CompiledModel>(test_.graph, Preset("mlcapsule"));
    inputs_ = SmoothInputs(test_.graph, 1);
    wanted_ = RunPlain(*original_, inputs_);
  }

  // Runs the bundle on every accelerator; returns the number of segments.
  size_t ExpectSameAsModel(const CompileOptions& options, uint32_t repeat = 1) {
    const CompiledModel model(test_.graph, options);
    const ScratchFolder scratch;
    const Keys keys;
    WriteBundle(model, keys, scratch.path() / "model.penumbra");
    for (const std::string& device : Devices()) {
      SCOPED_TRACE(device);
      const auto session = OpenSession(scratch.path() / "model.penumbra", keys,
                                       {.device = device, .threads = 2}, scratch.path());
      for (uint32_t i = 0; i < repeat; ++i) ExpectClose(RunSession(session.get(), inputs_), wanted_);
    }
    return model.plan().segments.size();
  }

  protect::TestGraph test_;
  std::unique_ptr<CompiledModel> original_;
  Tensors inputs_, wanted_;
};

TEST_P(ScaledGraphs, Soter) {
  size_t segments = 0;
  for (const auto& [theta, seed] :
       std::initializer_list<std::pair<double, uint64_t>>{{0.5, 1}, {0.8, 2}, {1, 3}}) {
    SCOPED_TRACE(theta);
    segments += ExpectSameAsModel(Soter(theta, seed));
  }
  EXPECT_GT(segments, 0u);
  EXPECT_TRUE(CompiledModel(test_.graph, Soter(0, 1)).plan().segments.empty());
}

// The whole preset: requests stand at any place of a batch, and honest accelerators are never refused.
TEST_P(ScaledGraphs, Fingerprints) {
  constexpr uint32_t kRepeat = 20;
  size_t segments = 0;
  for (const uint32_t count : {1u, 3u}) {
    SCOPED_TRACE(count);
    CompileOptions options = Soter(1, 3);
    protect::SetAxis("integrity", "fingerprints", &options.scheme);
    options.fingerprints.count = count;
    options.fingerprints.challenge_rate = count == 1 ? 1 : 0.5;
    segments += ExpectSameAsModel(options, kRepeat);
  }
  CompileOptions options = Preset("securenets");
  protect::SetAxis("integrity", "fingerprints", &options.scheme);
  options.fingerprints.fixed = true;
  segments += ExpectSameAsModel(options, kRepeat);
  EXPECT_GT(segments, 0u);
}

TEST_P(ScaledGraphs, SecureNets) { EXPECT_GT(ExpectSameAsModel(Preset("securenets")), 0u); }

// Any placement goes with scaled weights.
TEST_P(ScaledGraphs, OtherPlacements) {
  for (const auto& [placement, weights] : std::initializer_list<std::pair<const char*, const char*>>{
           {"all-public", "channel-scalar"}, {"last:1", "scalar:64"}}) {
    SCOPED_TRACE(placement);
    CompileOptions options = Preset("soter");
    protect::SetAxis("placement", placement, &options.scheme);
    protect::SetAxis("weights", weights, &options.scheme);
    ExpectSameAsModel(options);
  }
}

TEST_P(ScaledGraphs, Magnitude) {
  CompileOptions options = Preset("magnitude");
  EXPECT_GT(ExpectSameAsModel(options), 0u);
  protect::SetAxis("placement", "magnitude:0.5", &options.scheme);
  protect::SetAxis("weights", "scalar", &options.scheme);
  ExpectSameAsModel(options);
}

// The constant weights of the linear nodes, in their order.
std::vector<model::ValueId> WeightsOf(const model::Graph& graph) {
  std::vector<model::ValueId> weights;
  for (const model::Node& node : graph.nodes()) {
    const bool linear = node.op == model::OpKind::kConv || node.op == model::OpKind::kMatMul ||
                        node.op == model::OpKind::kGemm;
    if (linear && graph.value(node.Input(1)).IsConstant()) weights.push_back(node.Input(1));
  }
  return weights;
}

// All layers but those with the weights of the last one are a public network's.
TEST_P(ScaledGraphs, PublicBackbone) {
  model::Graph backbone = test_.graph;
  const std::vector<model::ValueId> weights = WeightsOf(backbone);
  CompileOptions options = Preset("ennclave");
  if (!weights.empty()) {
    model::Tensor other = *backbone.value(weights.back()).constant;
    other.Floats()[0] += 1;
    backbone.SetConstant(weights.back(), std::move(other));
  }
  options.public_backbone = std::make_shared<const model::Graph>(std::move(backbone));
  if (!weights.empty() && weights.front() == weights.back()) {
    EXPECT_THROW(CompiledModel(test_.graph, options), model::ModelError);
  } else {
    EXPECT_GT(ExpectSameAsModel(options), 0u);
  }
}

INSTANTIATE_TEST_SUITE_P(Graphs, ScaledGraphs, testing::ValuesIn(GraphCases()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace penumbra::e2e
