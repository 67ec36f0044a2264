// Runs the ONNX backend test suite against the importer and the reference interpreter.
//
//   onnx_backend_suite [--min-passed N] [--verbose] FOLDER...
//
// Each case runs twice, as imported and after the normalising passes. A case is refused when the
// importer says that it does not support it; everything else must pass. Exit code 1 when a case
// failed or fewer than N passed.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "backend_case.h"
#include "model/interpreter.h"
#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

std::string Compare(const BackendCase& data) {
  const Graph& graph = data.model.graph;
  const auto outputs = Interpreter(graph).Run(data.inputs);
  for (size_t i = 0; i < data.expected.size(); ++i) {
    const std::string& name = graph.value(graph.outputs.at(i)).name;
    const std::string difference = Difference(outputs.at(name), data.expected[i]);
    if (!difference.empty()) return "output '" + name + "': " + difference;
  }
  return "";
}

std::string RunTwice(BackendCase& data) {
  const std::string difference = Compare(data);
  if (!difference.empty()) return difference;
  Normalize(data.model.graph);
  InferShapes(data.model.graph);
  const std::string after_passes = Compare(data);
  return after_passes.empty() ? "" : "after the passes, " + after_passes;
}

}  // namespace
}  // namespace penumbra::model

int main(int argc, char** argv) {
  try {
    return penumbra::model::RunSuite(penumbra::model::ParseSuiteOptions(argc, argv),
                                     penumbra::model::RunTwice);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return EXIT_FAILURE;
  }
}
