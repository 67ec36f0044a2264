// Builds a graph node by node. Shapes are inferred and constants folded on the way, so that by the
// time an If is met its condition is known and the chosen branch can be inlined.
#ifndef PENUMBRA_MODEL_ONNX_GRAPH_BUILDER_H_
#define PENUMBRA_MODEL_ONNX_GRAPH_BUILDER_H_

#include <onnx/onnx.pb.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "model/graph.h"
#include "model/import_errors.h"
#include "model/onnx/import.h"
#include "model/onnx/node_order.h"
#include "model/onnx/tensor_reader.h"

namespace penumbra::model {

// Null when the node has no attribute of this name.
const onnx::AttributeProto* FindAttribute(const onnx::NodeProto& node, const std::string& name);

class GraphBuilder {
 public:
  // `model` outlives the builder. `reader` may be shared with the caller.
  GraphBuilder(const onnx::ModelProto& model, TensorReader* reader)
      : model_(model), reader_(*reader) {}

  // Builds the main graph. Throws ModelError. Call once.
  Graph Build(const ImportOptions& options);

  // Version of the default domain that the opset imports name, 0 when they do not; throws when out
  // of range.
  static int DefaultOpset(
      const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& imports);

 private:
  using Call =
      std::map<std::string, const onnx::AttributeProto*>;  // attributes of the calling node

  // Names visible in one graph body.
  struct Scope {
    const Scope* outer = nullptr;
    std::string prefix = {};  // of value names, to keep inlined bodies apart
    int opset = 0;
    int depth = 0;
    const Call* call = nullptr;  // inside a function: what reference attributes refer to
    std::map<std::string, ValueId> names = {};

    ValueId Find(const std::string& name) const;
  };

  void AddInitializers(const onnx::GraphProto& graph, Scope* scope);
  void AddInputs(const onnx::GraphProto& graph, const ImportOptions& options, Scope* scope);
  void AddBody(const NodeList& nodes, Scope* scope);
  void AddOperator(const onnx::NodeProto& node, Scope* scope);
  void AddConstantNode(const onnx::NodeProto& node, Scope* scope);
  void InlineIf(const onnx::NodeProto& node, Scope* scope);
  void InlineLoop(const onnx::NodeProto& node, Scope* scope);
  bool RunTrip(const onnx::GraphProto& body, int64_t trip, Scope* inner,
               std::vector<ValueId>* state, std::vector<std::vector<ValueId>>* scans);
  int64_t TripCount(ValueId id) const;       // kNoValue: no limit
  bool ConstantCondition(ValueId id) const;  // kNoValue: true
  // The values of all trips along a new first axis.
  ValueId StackScans(const std::vector<ValueId>& scanned, const std::string& label);
  // The one output of a node that the importer makes up.
  ValueId AddMade(Node node, const std::string& label);
  void InlineFunction(const onnx::NodeProto& node, const onnx::FunctionProto& function,
                      Scope* scope);
  void CheckSupported(const NodeList& nodes, const Scope& scope) const;
  const onnx::FunctionProto* FindFunction(const onnx::NodeProto& node) const;
  void AddAttributes(const onnx::NodeProto& node, const Scope& scope, Node* out_node);
  ValueId AddTensorAttribute(const onnx::NodeProto& node, const Scope& scope,
                             const onnx::AttributeProto& attribute);
  // Makes `to`, declared in an outer scope, a copy of `from`.
  void Alias(ValueId from, ValueId to, const std::string& label);
  void CountNode(const Scope& scope);
  // A node that cannot be imported takes everything that reads its outputs with it; the others are
  // still looked at, so that one error names all that is unsupported.
  bool ReadsLost(const onnx::NodeProto& node, const Scope& scope) const;
  void Lose(const onnx::NodeProto& node, const Scope& scope);

  const onnx::ModelProto& model_;
  TensorReader& reader_;
  Graph graph_;
  size_t node_count_ = 0;
  std::set<ValueId> lost_;
  Complaints complaints_;
};

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_ONNX_GRAPH_BUILDER_H_
