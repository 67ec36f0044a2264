// The graph IR: what importers produce, passes rewrite, the interpreter runs and the compiler
// reads.
//
// Every shape is fully known, every parameter (axes, pads, slice bounds, clip limits, ...) is an
// attribute in the canonical form that model/op_table.h lists, whatever the opset of the file said.
// Inputs are data only: activations, weights, and constants that take part in arithmetic. Layout is
// ONNX's (NCHW).
//
// Not thread-safe while being changed; const members may be used by several threads at once.
#ifndef PENUMBRA_MODEL_GRAPH_H_
#define PENUMBRA_MODEL_GRAPH_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "model/op_kind.h"
#include "model/tensor.h"

namespace penumbra::model {

using ValueId = int32_t;
inline constexpr ValueId kNoValue = -1;  // an absent optional input or an unused output
using NodeIndex = int32_t;               // position in Graph::nodes()
inline constexpr NodeIndex kNoNode = -1;

// One edge of the graph. Constants (initialisers, folded results) carry their elements.
struct Value {
  std::string name;  // unique and not empty
  DataType type = DataType::kUndefined;
  Shape shape;
  std::shared_ptr<const Tensor> constant;  // null: computed at run time or a graph input

  bool IsConstant() const { return constant != nullptr; }
};

using Attribute = std::variant<int64_t, float, std::string, std::vector<int64_t>,
                               std::vector<float>, std::vector<std::string>>;

struct Node {
  OpKind op = OpKind::kIdentity;
  std::string name = {};
  std::vector<ValueId> inputs = {};
  std::vector<ValueId> outputs = {};
  std::map<std::string, Attribute> attributes = {};
  int opset =
      0;  // of the file; 0 for nodes made by passes. Semantics never depend on it after import.

  bool Has(const std::string& key) const { return attributes.contains(key); }
  // The attribute, or `fallback` when absent. Throw ModelError(kMalformed) when it has another
  // type.
  int64_t GetInt(const std::string& key, int64_t fallback = 0) const;
  float GetFloat(const std::string& key, float fallback = 0) const;
  std::string GetString(const std::string& key, const std::string& fallback = "") const;
  std::vector<int64_t> GetInts(const std::string& key,
                               const std::vector<int64_t>& fallback = {}) const;
  std::vector<float> GetFloats(const std::string& key,
                               const std::vector<float>& fallback = {}) const;

  ValueId Input(size_t i) const { return i < inputs.size() ? inputs[i] : kNoValue; }
};

class Graph {
 public:
  std::string name;
  std::vector<ValueId> inputs;   // run-time inputs only, in the order of the file
  std::vector<ValueId> outputs;  // in the order of the file; an entry may be a constant
  // What the file declares where the IR computes with another type (float16, float64); shorter than
  // `inputs` and `outputs` where nothing was declared.
  std::vector<DataType> declared_inputs, declared_outputs;
  DataType InputType(size_t i) const { return PortType(inputs.at(i), declared_inputs, i); }
  DataType OutputType(size_t i) const { return PortType(outputs.at(i), declared_outputs, i); }

  // --- Values ---
  // `name` is made unique when taken. The id stays valid for the life of the graph.
  ValueId AddValue(const std::string& value_name, DataType type, Shape shape);
  ValueId AddConstant(const std::string& value_name, Tensor tensor);
  void SetConstant(ValueId id, Tensor tensor);  // also sets type and shape
  size_t value_count() const { return values_.size(); }
  Value& value(ValueId id) { return values_.at(static_cast<size_t>(id)); }
  const Value& value(ValueId id) const { return values_.at(static_cast<size_t>(id)); }
  ValueId FindValue(const std::string& value_name) const;  // kNoValue when there is none

  // --- Nodes, always in topological order ---
  const std::vector<Node>& nodes() const { return nodes_; }
  std::vector<Node>& nodes() { return nodes_; }
  NodeIndex AddNode(Node node);                  // appends
  void InsertNode(NodeIndex before, Node node);  // indices from `before` on move up by one
  void RemoveNodes(
      const std::vector<bool>& removed);  // one flag per node; the rest keeps its order

  // Node that computes the value, or kNoNode for inputs and constants. Linear in the number of
  // nodes.
  NodeIndex Producer(ValueId id) const;
  // Nodes that read the value, each once. Linear in the number of nodes.
  std::vector<NodeIndex> Consumers(ValueId id) const;
  // Both for all values at once, indexed by ValueId; valid until the graph changes.
  std::vector<NodeIndex> AllProducers() const;
  std::vector<std::vector<NodeIndex>> AllConsumers() const;
  bool IsOutput(ValueId id) const;

  // Every read of `from`, as node input or graph output, becomes a read of `to`. A graph output
  // keeps its name: `to` takes it over. Requires CanReplace(from, to).
  bool CanReplace(ValueId from,
                  ValueId to) const;  // false where an input, constant or output would be renamed
  void ReplaceUses(ValueId from, ValueId to);
  // Drops nodes none of whose outputs is read, and the elements of constants that nobody reads.
  // Returns the number of nodes dropped.
  size_t RemoveDead();

  // Throws ModelError(kInternal): ids in range, order topological, one producer per value, shapes
  // known, constants consistent with their values.
  void Validate() const;

 private:
  DataType PortType(ValueId id, const std::vector<DataType>& declared, size_t i) const {
    const DataType type = value(id).type;
    return i < declared.size() && ComputeType(declared[i]) == type ? declared[i] : type;
  }
  void ValidateValues() const;
  std::string UniqueName(const std::string& wanted) const;

  std::vector<Value> values_;
  std::map<std::string, ValueId> by_name_;
  std::vector<Node> nodes_;
};

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_GRAPH_H_
