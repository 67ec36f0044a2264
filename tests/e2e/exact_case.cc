#include "exact_case.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "protect/presets/presets.h"

namespace penumbra::e2e {

using protect::CompiledModel;
using protect::CompileOptions;

namespace {

// A comparison of constants would pass whatever the pipeline does.
bool Varies(const Tensors& a, const Tensors& b) {
  return CountDifferentBits(a, b) != 0 && std::ranges::any_of(a, [](const auto& values) {
           return std::ranges::adjacent_find(values, std::not_equal_to{}) != values.end();
         });
}

}  // namespace

CompileOptions Preset(const std::string& name) {
  CompileOptions options;
  options.preset = name;
  options.scheme = protect::PresetScheme(name);
  options.seed_for_tests.emplace().fill(7);
  return options;
}

CompileOptions ShadowNet(double ratio, uint32_t primes) {
  CompileOptions options = Preset("shadownet");
  options.scheme.weights_parameter = ratio;
  options.ring.prime_count = primes;
  return options;
}

CompileOptions Prime(CompileOptions options) {
  protect::SetAxis("arithmetic", "prime", &options.scheme);
  options.prime.allow_unproved_bound = true;
  return options;
}

CompileOptions PlainWeights(CompileOptions options) {
  protect::SetAxis("weights", "plain", &options.scheme);
  return options;
}

CompileOptions WithoutPads(CompileOptions options) {
  protect::SetAxis("activations", "plain", &options.scheme);
  return options;
}

CompileOptions Checked(CompileOptions options) {
  protect::SetAxis("integrity", "freivalds", &options.scheme);
  options.check_costly_layers = true;
  return options;
}

CompileOptions GroupCover(uint32_t primes) {
  CompileOptions options = Preset("groupcover");
  options.ring.prime_count = primes;
  return options;
}

CompileOptions Enclave(uint32_t bits) {
  CompileOptions options = Preset("enclave");
  options.integer.bits = bits;
  return options;
}

std::unique_ptr<CompiledModel> Compile(const model::Graph& graph, CompileOptions options) {
  options.calibration = SmoothCalibration(graph);
  return std::make_unique<CompiledModel>(graph, options);
}

void ExpectExact(const CompiledModel& model, const std::vector<Place>& places) {
  const ScratchFolder scratch;
  const Keys keys;
  const std::filesystem::path bundle = scratch.path() / "model.penumbra";
  WriteBundle(model, keys, bundle);
  const Tensors inputs[] = {SmoothInputs(model.lowered(), 1), SmoothInputs(model.lowered(), 2)};
  const Tensors wanted[] = {RunPlain(model, inputs[0]), RunPlain(model, inputs[1])};
  EXPECT_TRUE(Varies(wanted[0], wanted[1]));
  for (const Place& place : places) {
    SCOPED_TRACE(PlaceName(place));
    const auto session = OpenSession(bundle, keys, place, scratch.path());
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(CountDifferentBits(RunSession(session.get(), inputs[i]), wanted[i]), 0u)
          << "sample " << i;
    }
    // The same with pads that shared a pass over the weights.
    const uint32_t batch = session->pad_batch() == 1 ? 0 : session->pad_batch();
    session->MakePads(batch);
    EXPECT_EQ(session->QueryInfo().pads_ready, batch);
    for (size_t i = 0; i < batch; ++i) {
      EXPECT_EQ(CountDifferentBits(RunSession(session.get(), inputs[i % 2]), wanted[i % 2]), 0u)
          << "pad " << i << " of a batch";
    }
    EXPECT_LE(session->QueryInfo().secure_memory_peak, session->QueryInfo().secure_memory_size);
  }
}

}  // namespace penumbra::e2e
