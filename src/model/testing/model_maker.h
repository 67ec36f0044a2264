// Builds small ONNX models for tests.
#ifndef PENUMBRA_MODEL_TESTING_MODEL_MAKER_H_
#define PENUMBRA_MODEL_TESTING_MODEL_MAKER_H_

#include <onnx/onnx.pb.h>

#include <map>
#include <string>
#include <vector>

#include "model/onnx/import.h"

namespace penumbra::model {

class ModelMaker {
 public:
  explicit ModelMaker(int opset = 13);

  // A dimension of -1 is dynamic and called "dim<i>".
  ModelMaker& Input(const std::string& name, const Shape& dims,
                    int onnx_type = onnx::TensorProto::FLOAT);
  ModelMaker& Output(const std::string& name);
  ModelMaker& Floats(const std::string& name, const Shape& dims,
                     const std::vector<float>& elements);
  // Reproducible numbers in [-1, 1).
  ModelMaker& RandomFloats(const std::string& name, const Shape& dims);
  ModelMaker& Ints(const std::string& name, const std::vector<int64_t>& elements);
  // The node is named after its first output. The reference is valid until the next call.
  onnx::NodeProto& Node(const std::string& op, const std::vector<std::string>& inputs,
                        const std::vector<std::string>& outputs);

  onnx::ModelProto& proto() { return proto_; }
  std::string Bytes() const { return proto_.SerializeAsString(); }
  ImportedModel Import(const ImportOptions& options = {}) const;

 private:
  onnx::TensorProto& Initializer(const std::string& name, const Shape& dims, int onnx_type);

  onnx::ModelProto proto_;
  uint32_t state_ = 1;
};

void SetInt(onnx::NodeProto& node, const std::string& key, int64_t number);
void SetFloat(onnx::NodeProto& node, const std::string& key, float number);
void SetString(onnx::NodeProto& node, const std::string& key, const std::string& text);
void SetInts(onnx::NodeProto& node, const std::string& key, const std::vector<int64_t>& numbers);

// Reproducible elements in [-1, 1).
Tensor RandomTensor(const Shape& shape, uint32_t seed);

// Largest absolute difference of two float tensors of one shape; infinity when the shapes differ.
float MaxDifference(const Tensor& a, const Tensor& b);

// Kinds of the nodes in order, as names: "Conv Relu".
std::string Kinds(const Graph& graph);

// Runs the model on random inputs as imported and after Normalize, and returns the largest
// difference between their outputs. `out_graph` is the normalised graph.
float NormalizeError(const ModelMaker& maker, Graph* out_graph);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_TESTING_MODEL_MAKER_H_
