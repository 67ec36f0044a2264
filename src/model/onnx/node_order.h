// Topological order of the nodes of one ONNX graph.
#ifndef PENUMBRA_MODEL_ONNX_NODE_ORDER_H_
#define PENUMBRA_MODEL_ONNX_NODE_ORDER_H_

#include <onnx/onnx.pb.h>

#include <functional>
#include <string>
#include <vector>

namespace penumbra::model {

using NodeList = google::protobuf::RepeatedPtrField<onnx::NodeProto>;

// Indices into `nodes`, producers before readers, otherwise in file order. `is_known` tells which
// names exist before the first node: inputs, initialisers and names of enclosing scopes. Throws
// ModelError(kMalformed) for cycles, names that nothing defines and names defined twice.
std::vector<int> OrderNodes(const NodeList& nodes,
                            const std::function<bool(const std::string&)>& is_known);

// How error messages call a node.
std::string NodeLabel(const onnx::NodeProto& node);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_ONNX_NODE_ORDER_H_
