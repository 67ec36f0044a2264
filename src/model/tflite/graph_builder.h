// Builds a graph operator by operator, in the file's order, which is that of execution. Shapes are
// inferred and constants folded on the way.
#ifndef PENUMBRA_MODEL_TFLITE_GRAPH_BUILDER_H_
#define PENUMBRA_MODEL_TFLITE_GRAPH_BUILDER_H_

#include <set>
#include <string>
#include <vector>

#include "model/import.h"
#include "model/import_errors.h"
#include "model/tflite/tensor_table.h"

namespace penumbra::model {

class TfliteGraphBuilder {
 public:
  // `model` has been verified and outlives the builder.
  explicit TfliteGraphBuilder(const tflite::Model& model);

  // Throws ModelError. Call once.
  ImportedModel Build(const ImportOptions& options);

 private:
  const tflite::OperatorCode& CodeOf(const tflite::Operator& op) const;
  ErrorPlace PlaceOf(size_t index) const;
  // Empty when the operator can be read; otherwise what it is called in the complaint.
  std::string Objection(const tflite::Operator& op) const;
  void CheckSupported() const;
  void CheckPorts() const;
  void AddInputs(const ImportOptions& options);
  void AddOperator(const tflite::Operator& op);
  void AddOutputs();
  bool ReadsLost(const tflite::Operator& op) const;

  const tflite::Model& model_;
  const tflite::SubGraph& subgraph_;
  Graph graph_;
  TensorTable tensors_;
  std::vector<ValueId> outputs_;  // declared first, so that nothing takes their names
  // What an operator that cannot be imported would define; operators that read it are passed over,
  // so that one error names all that is unsupported.
  std::set<int32_t> lost_;
  Complaints complaints_;
};

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_TFLITE_GRAPH_BUILDER_H_
