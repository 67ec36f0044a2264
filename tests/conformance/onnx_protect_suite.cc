// Protects every case of the ONNX backend test suite that the importer accepts, and runs it.
//
//   onnx_protect_suite [--preset NAME] [--min-passed N] [--verbose] FOLDER...
//
// mlcapsule (the default, float32 inside the TEE) and the float32 presets with a public half (soter with
// every associative operator public) must give the suite's expected outputs. Presets
// that quantise are calibrated with the case's own inputs and must give the bits of plain integer
// arithmetic. A case is refused when the importer or the compiler says that it does not support it;
// everything else must pass. The trusted half runs in this process (carrier `direct`). Exit code 1
// when a case failed or fewer than N passed.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <utility>

#include "backend_case.h"
#include "harness.h"
#include "model/passes/passes.h"

namespace penumbra::e2e {
namespace {

std::string preset = "mlcapsule";

// What the protected model says, under the type and shape it declares.
model::Tensor Declared(const protect::LoweredPort& port, const std::vector<float>& values) {
  const model::DataType type = model::ComputeType(port.type);
  model::Tensor tensor(type, port.shape);
  model::WithElementType(type, [&](auto tag) {
    using T = decltype(tag);
    for (size_t i = 0; i < values.size(); ++i)
      tensor.Data<T>()[i] = static_cast<T>(values[i]);
  });
  return tensor;
}

// Scales round sums at the size of their terms: what cancels to almost nothing keeps that error.
double AbsoluteTolerance(const model::Tensor& expected) {
  constexpr double kOfLargest = 1e-6;
  if (!protect::AreScaled(SchemeOf(preset).weights)) return model::kAbsoluteTolerance;
  double largest = 0;
  for (const float value : expected.ToFloat()) {
    if (std::isfinite(value)) largest = std::max(largest, std::fabs(double{value}));
  }
  return model::kAbsoluteTolerance + kOfLargest * largest;
}

std::string CompareExpected(const protect::CompiledModel& model, const Tensors& outputs,
                            const std::vector<model::Tensor>& expected) {
  const std::vector<protect::LoweredPort>& ports = model.lowered().outputs;
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::string difference =
        model::Difference(Declared(ports.at(i), outputs.at(i)), expected[i],
                          AbsoluteTolerance(expected[i]));
    if (!difference.empty()) return "output '" + ports[i].name + "': " + difference;
  }
  return "";
}

std::string ProtectAndRun(model::BackendCase& data) {
  model::Normalize(data.model.graph);
  const model::Graph& graph = data.model.graph;
  if (graph.inputs.empty())
    throw model::ModelError(Status::kUnsupported, "nothing is computed at run time");
  Tensors inputs;
  for (const model::ValueId id : graph.inputs)
    inputs.push_back(data.inputs.at(graph.value(id).name).ToFloat());
  protect::CompileOptions options;
  options.preset = preset;
  options.scheme = SchemeOf(preset);
  if (options.scheme.placement == protect::PlacementKind::kRandom) {
    protect::SetTheta(1, &options.scheme);
  }
  bool taken = false;
  options.calibration = [&](protect::Sample* out_sample) {
    *out_sample = inputs;
    return !std::exchange(taken, true);
  };
  const protect::CompiledModel model(graph, options);
  static const ScratchFolder scratch;
  static const Keys keys;
  const std::filesystem::path bundle = scratch.path() / "case.penumbra";
  WriteBundle(model, keys, bundle);
  const auto session = OpenSession(bundle, keys, {}, scratch.path());
  const Tensors outputs = RunSession(session.get(), inputs);
  if (model.quantized().empty()) return CompareExpected(model, outputs, data.expected);
  const uint64_t different = CountDifferentBits(outputs, RunPlain(model, inputs));
  return different == 0 ? "" : std::to_string(different) + " elements differ from plain integers";
}

}  // namespace
}  // namespace penumbra::e2e

int main(int argc, char** argv) {
  try {
    bool takes_value = false;
    const auto options = penumbra::model::ParseSuiteOptions(argc, argv, [&](const std::string& text) {
      if (takes_value) penumbra::e2e::preset = text;
      const bool known = takes_value || text == "--preset";
      takes_value = text == "--preset";
      return known;
    });
    return penumbra::model::RunSuite(options, penumbra::e2e::ProtectAndRun);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
}
