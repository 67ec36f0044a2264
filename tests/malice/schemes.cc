#include "schemes.h"

#include <cmath>
#include <utility>

#include "harness.h"
#include "protect/plain/test_support.h"
#include "protect/presets/presets.h"

namespace penumbra::malice {
namespace {

using model::OpKind;
using model::ValueId;

// All of it is wiped when a model is unloaded, which here is what takes the time.
constexpr uint64_t kSecureMemorySize = 1 << 20;

ValueId ConvRelu(protect::TestGraph& t, ValueId x, int64_t in, int64_t out) {
  const float limit = 2 / std::sqrt(static_cast<float>(9 * in));
  x = t.Node(OpKind::kConv, {x, t.Weights({out, in, 3, 3}, -limit, limit), t.Weights({out})},
             {{"pads", std::vector<int64_t>{1, 1, 1, 1}}});
  return t.Node(OpKind::kRelu, {x});
}

void Build(protect::TestGraph& t) {
  const ValueId first = ConvRelu(t, t.Input({1, 3, 6, 6}), 3, 6);
  const ValueId second = ConvRelu(t, first, 6, 6);
  const ValueId third = ConvRelu(t, second, 6, 6);
  const ValueId joined = ConvRelu(t, t.Node(OpKind::kAdd, {third, first}), 6, 8);
  const ValueId flat = t.Node(OpKind::kFlatten, {t.Node(OpKind::kGlobalAveragePool, {joined})});
  t.Output(t.Node(OpKind::kGemm, {flat, t.Weights({8, 5}), t.Weights({5})}));
}

}  // namespace

const std::vector<SchemeCase>& SchemeCases() {
  static const std::vector<SchemeCase> cases = {
      {.name = "plain", .preset = "plain", .is_float = true},
      {.name = "darknetz", .preset = "darknetz", .is_float = true},
      {.name = "soter", .preset = "soter", .is_float = true, .is_sampled = true},
      {.name = "shadownet", .preset = "shadownet", .is_masked = true},
      {.name = "shadownet-freivalds",
       .preset = "shadownet",
       .integrity = "freivalds",
       .is_checked = true,
       .is_masked = true},
      {.name = "groupcover", .preset = "groupcover", .is_masked = true},
      {.name = "groupcover-freivalds",
       .preset = "groupcover",
       .integrity = "freivalds",
       .is_checked = true,
       .is_masked = true},
      {.name = "slalom", .preset = "slalom", .is_checked = true, .is_masked = true},
      {.name = "slalom-verify", .preset = "slalom-verify", .is_checked = true},
      {.name = "shadownet-freivalds-prime",
       .preset = "shadownet",
       .integrity = "freivalds",
       .arithmetic = "prime",
       .is_checked = true,
       .is_masked = true},
      {.name = "slalom-prime",
       .preset = "slalom",
       .arithmetic = "prime",
       .is_checked = true,
       .is_masked = true},
  };
  return cases;
}

const SchemeCase& WeakScheme() {
  static const SchemeCase weak = {
      .name = "slalom, one projection", .preset = "slalom", .soundness_bits = 7, .is_masked = true};
  return weak;
}

std::unique_ptr<protect::CompiledModel> CompileNetwork(protect::CompileOptions options) {
  protect::TestGraph test;
  Build(test);
  options.secure_memory_size = kSecureMemorySize;
  options.check_costly_layers = true;  // as small ones are
  options.calibration = e2e::SmoothCalibration(test.graph);
  return std::make_unique<protect::CompiledModel>(test.graph, options);
}

std::unique_ptr<protect::CompiledModel> CompileCase(const SchemeCase& scheme) {
  protect::CompileOptions options;
  options.preset = scheme.preset;
  options.scheme = protect::PresetScheme(scheme.preset);
  options.soundness_bits = scheme.soundness_bits;
  if (!scheme.integrity.empty()) {
    protect::SetAxis("integrity", scheme.integrity, &options.scheme);
  }
  if (!scheme.arithmetic.empty()) {
    protect::SetAxis("arithmetic", scheme.arithmetic, &options.scheme);
  }
  return CompileNetwork(std::move(options));
}

}  // namespace penumbra::malice
