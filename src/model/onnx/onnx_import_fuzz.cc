// libFuzzer entry: any bytes are imported, normalised and, when small, run, or refused with
// ModelError.
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "model/error.h"
#include "model/interpreter.h"
#include "model/onnx/import.h"
#include "model/passes/passes.h"

namespace {

using penumbra::model::ElementCount;
using penumbra::model::Graph;
using penumbra::model::Tensor;
using penumbra::model::Value;

// Keeps a run within the time a fuzzer has; size is not what it looks for.
constexpr int64_t kMaxElements = 1 << 12;

bool IsSmall(const Graph& graph) {
  for (size_t i = 0; i < graph.value_count(); ++i) {
    const Value& v = graph.value(static_cast<penumbra::model::ValueId>(i));
    if (ElementCount(v.shape) > kMaxElements) return false;
  }
  return true;
}

void ImportAndRun(std::span<const std::byte> bytes) {
  Graph graph = penumbra::model::ImportOnnxBytes(bytes).graph;
  penumbra::model::Normalize(graph);
  penumbra::model::InferShapes(graph);
  graph.Validate();
  if (!IsSmall(graph)) return;
  std::map<std::string, Tensor> inputs;
  for (const auto id : graph.inputs) {
    inputs[graph.value(id).name] = Tensor(graph.value(id).type, graph.value(id).shape);
  }
  penumbra::model::Interpreter(graph).Run(inputs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    ImportAndRun(std::as_bytes(std::span(data, size)));
  } catch (const penumbra::model::ModelError& error) {
    // Everything but a bug of ours is a legitimate answer to hostile bytes.
    if (error.status() == penumbra::Status::kInternal) __builtin_trap();
  }
  return 0;
}
