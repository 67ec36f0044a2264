// What an operator's shape rule and its kernel get to see.
#ifndef PENUMBRA_MODEL_OPS_CONTEXT_H_
#define PENUMBRA_MODEL_OPS_CONTEXT_H_

#include <optional>
#include <string>
#include <vector>

#include "model/error.h"
#include "model/graph.h"

namespace penumbra::model {

// Shape rule of one node. It may rewrite the node's attributes and drop parameter inputs.
class InferContext {
 public:
  // Both outlive the context.
  InferContext(Graph& graph, Node& node) : graph_(graph), node_(node) {}

  Node& node() { return node_; }
  size_t input_count() const { return node_.inputs.size(); }
  bool HasInput(size_t i) const { return node_.Input(i) != kNoValue; }
  const Value& Input(size_t i) const;  // throws when absent
  const Shape& InputShape(size_t i) const { return Input(i).shape; }
  DataType InputType(size_t i) const { return Input(i).type; }
  int64_t InputRank(size_t i) const { return static_cast<int64_t>(InputShape(i).size()); }

  // Parameter input i as integers or floats; empty when absent. Throws when it is not constant.
  std::optional<std::vector<int64_t>> IntParameter(size_t i) const;
  std::optional<std::vector<float>> FloatParameter(size_t i) const;
  // The attribute `key`, taken from parameter input i when that is present.
  std::optional<std::vector<int64_t>> IntsFrom(size_t i, const std::string& key) const;
  // Drops inputs from position `count` on.
  void KeepInputs(size_t count);

  size_t output_count() const { return node_.outputs.size(); }
  // Ignored for absent outputs. Throws when the shape is not sane.
  void SetOutput(size_t i, DataType type, const Shape& shape);
  // For operators whose result is known already now; the importer then drops the node.
  void SetConstantOutput(size_t i, Tensor tensor);

  // `axis` in [0, rank) from an ONNX axis in [-rank, rank); throws otherwise.
  int64_t Axis(int64_t axis, int64_t rank) const;
  void Require(bool condition, const std::string& complaint) const;  // kMalformed
  [[noreturn]] void Unsupported(const std::string& what, const std::string& hint = "") const;

 private:
  const Tensor& Parameter(size_t i) const;

  Graph& graph_;
  Node& node_;
};

struct KernelContext {
  const Node& node;
  std::vector<const Tensor*> inputs;  // null for absent optional inputs
  std::vector<Tensor>& outputs;       // allocated and zero-filled

  const Tensor& In(size_t i) const { return *inputs.at(i); }
  bool Has(size_t i) const { return i < inputs.size() && inputs[i] != nullptr; }
  Tensor& Out(size_t i = 0) { return outputs.at(i); }
};

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_OPS_CONTEXT_H_
