#include "model/testing/fuzz_graph.h"

#include <map>
#include <string>

#include "model/error.h"
#include "model/interpreter.h"
#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

// Keeps a run within the time a fuzzer has; size is not what it looks for.
constexpr int64_t kMaxElements = 1 << 12;

bool IsSmall(const Graph& graph) {
  for (size_t i = 0; i < graph.value_count(); ++i) {
    if (ElementCount(graph.value(static_cast<ValueId>(i)).shape) > kMaxElements) return false;
  }
  return true;
}

void Run(Graph graph) {
  Normalize(graph);
  InferShapes(graph);
  graph.Validate();
  if (!IsSmall(graph)) return;
  std::map<std::string, Tensor> inputs;
  for (const ValueId id : graph.inputs) {
    inputs[graph.value(id).name] = Tensor(graph.value(id).type, graph.value(id).shape);
  }
  Interpreter(graph).Run(inputs);
}

}  // namespace

int FuzzImporter(std::span<const std::byte> bytes,
                 const std::function<ImportedModel(std::span<const std::byte>)>& import) {
  try {
    Run(import(bytes).graph);
  } catch (const ModelError& error) {
    if (error.status() == Status::kInternal) __builtin_trap();
  }
  return 0;
}

}  // namespace penumbra::model
