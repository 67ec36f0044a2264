#include "model/testing/model_maker.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "model/interpreter.h"
#include "model/op_table.h"
#include "model/passes/passes.h"

namespace penumbra::model {
namespace {

float NextRandom(uint32_t* state) {
  *state = *state * 1664525u + 1013904223u;
  return static_cast<float>(*state >> 8) / static_cast<float>(1 << 23) - 1.0f;
}

onnx::AttributeProto& AddAttribute(onnx::NodeProto& node, const std::string& key,
                                   onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(key);
  attribute.set_type(type);
  return attribute;
}

}  // namespace

ModelMaker::ModelMaker(int opset) {
  proto_.set_ir_version(7);
  proto_.set_producer_name("test");
  proto_.add_opset_import()->set_version(opset);
  proto_.mutable_graph()->set_name("test");
}

ModelMaker& ModelMaker::Input(const std::string& name, const Shape& dims, int onnx_type) {
  auto& input = *proto_.mutable_graph()->add_input();
  input.set_name(name);
  auto& type = *input.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx_type);
  type.mutable_shape();
  for (size_t i = 0; i < dims.size(); ++i) {
    auto& dim = *type.mutable_shape()->add_dim();
    if (dims[i] == -1) {
      dim.set_dim_param("dim" + std::to_string(i));
    } else {
      dim.set_dim_value(dims[i]);
    }
  }
  return *this;
}

ModelMaker& ModelMaker::Output(const std::string& name) {
  proto_.mutable_graph()->add_output()->set_name(name);
  return *this;
}

onnx::TensorProto& ModelMaker::Initializer(const std::string& name, const Shape& dims,
                                           int onnx_type) {
  auto& tensor = *proto_.mutable_graph()->add_initializer();
  tensor.set_name(name);
  tensor.set_data_type(onnx_type);
  for (int64_t dim : dims) tensor.add_dims(dim);
  return tensor;
}

ModelMaker& ModelMaker::Floats(const std::string& name, const Shape& dims,
                               const std::vector<float>& elements) {
  auto& tensor = Initializer(name, dims, onnx::TensorProto::FLOAT);
  for (float x : elements) tensor.add_float_data(x);
  return *this;
}

ModelMaker& ModelMaker::RandomFloats(const std::string& name, const Shape& dims) {
  const Tensor random = RandomTensor(dims, ++state_);
  return Floats(name, dims, {random.Floats().begin(), random.Floats().end()});
}

ModelMaker& ModelMaker::Ints(const std::string& name, const std::vector<int64_t>& elements) {
  auto& tensor =
      Initializer(name, {static_cast<int64_t>(elements.size())}, onnx::TensorProto::INT64);
  for (int64_t x : elements) tensor.add_int64_data(x);
  return *this;
}

onnx::NodeProto& ModelMaker::Node(const std::string& op, const std::vector<std::string>& inputs,
                                  const std::vector<std::string>& outputs) {
  auto& node = *proto_.mutable_graph()->add_node();
  node.set_op_type(op);
  node.set_name(outputs.at(0));
  for (const auto& name : inputs) node.add_input(name);
  for (const auto& name : outputs) node.add_output(name);
  return node;
}

ImportedModel ModelMaker::Import(const ImportOptions& options) const {
  const std::string bytes = Bytes();
  return ImportOnnxBytes(std::as_bytes(std::span(bytes)), options);
}

void SetInt(onnx::NodeProto& node, const std::string& key, int64_t number) {
  AddAttribute(node, key, onnx::AttributeProto::INT).set_i(number);
}

void SetFloat(onnx::NodeProto& node, const std::string& key, float number) {
  AddAttribute(node, key, onnx::AttributeProto::FLOAT).set_f(number);
}

void SetString(onnx::NodeProto& node, const std::string& key, const std::string& text) {
  AddAttribute(node, key, onnx::AttributeProto::STRING).set_s(text);
}

void SetInts(onnx::NodeProto& node, const std::string& key, const std::vector<int64_t>& numbers) {
  auto& attribute = AddAttribute(node, key, onnx::AttributeProto::INTS);
  for (int64_t x : numbers) attribute.add_ints(x);
}

Tensor RandomTensor(const Shape& shape, uint32_t seed) {
  Tensor tensor(DataType::kFloat32, shape);
  uint32_t state = seed * 2654435761u + 1;
  for (float& x : tensor.Floats()) x = NextRandom(&state);
  return tensor;
}

float MaxDifference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return std::numeric_limits<float>::infinity();
  float most = 0;
  for (size_t i = 0; i < a.Floats().size(); ++i)
    most = std::max(most, std::fabs(a.Floats()[i] - b.Floats()[i]));
  return most;
}

std::string Kinds(const Graph& graph) {
  std::string kinds;
  for (const auto& node : graph.nodes()) {
    kinds += (kinds.empty() ? "" : " ") + std::string(Info(node.op).name);
  }
  return kinds;
}

float NormalizeError(const ModelMaker& maker, Graph* out_graph) {
  Graph graph = maker.Import().graph;
  std::map<std::string, Tensor> inputs;
  for (ValueId id : graph.inputs) {
    const Value& v = graph.value(id);
    inputs[v.name] = RandomTensor(v.shape, static_cast<uint32_t>(id) + 77);
  }
  const auto before = Interpreter(graph).Run(inputs);
  Normalize(graph);
  const auto after = Interpreter(graph).Run(inputs);
  float most = before.size() == after.size() ? 0 : std::numeric_limits<float>::infinity();
  for (const auto& [name, tensor] : before)
    most = std::max(most, MaxDifference(tensor, after.at(name)));
  *out_graph = std::move(graph);
  return most;
}

}  // namespace penumbra::model
