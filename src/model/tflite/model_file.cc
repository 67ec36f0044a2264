#include "model/tflite/model_file.h"

#include <cstring>

#include "model/error.h"
#include "model/half.h"

namespace penumbra::model {
namespace {

constexpr uint32_t kSchemaVersion = 3;

[[noreturn]] void Malformed(const std::string& what) {
  throw ModelError(Status::kMalformed, what, {}, "export or copy the model again");
}

void CheckIndices(const flatbuffers::Vector<int32_t>* indices, size_t count, bool optional,
                  const std::string& what) {
  for (const int32_t index : Items(indices)) {
    if (index == -1 && optional) continue;
    if (index < 0 || static_cast<size_t>(index) >= count) {
      Malformed(what + " refers to tensor " + std::to_string(index) + " of " +
                std::to_string(count));
    }
  }
}

void CheckTensors(const tflite::Model& model, const tflite::SubGraph& graph) {
  const size_t buffer_count = model.buffers() == nullptr ? 0 : model.buffers()->size();
  for (const tflite::Tensor* tensor : *graph.tensors()) {
    const std::string name = "tensor '" + Text(tensor->name()) + "'";
    if (tensor->buffer() >= buffer_count && tensor->buffer() != 0) {
      Malformed(name + " refers to buffer " + std::to_string(tensor->buffer()) + " of " +
                std::to_string(buffer_count));
    }
    if (tensor->is_variable()) {
      throw ModelError(Status::kUnsupported, name + " keeps its value between inferences", {},
                       "export the model with its state as inputs and outputs");
    }
    if (tensor->sparsity() != nullptr) {
      throw ModelError(Status::kUnsupported, name + " is stored sparsely", {},
                       "export the model with dense weights");
    }
  }
}

void CheckGraph(const tflite::Model& model, const tflite::SubGraph& graph) {
  if (graph.tensors() == nullptr || graph.operators() == nullptr) {
    Malformed("the model has no tensors or no operators");
  }
  if (graph.outputs() == nullptr || graph.outputs()->size() == 0) {
    Malformed("the model has no output");
  }
  CheckTensors(model, graph);
  const size_t count = graph.tensors()->size();
  CheckIndices(graph.inputs(), count, false, "an input");
  CheckIndices(graph.outputs(), count, false, "an output");
  const size_t code_count = model.operator_codes() == nullptr ? 0 : model.operator_codes()->size();
  for (size_t i = 0; i < graph.operators()->size(); ++i) {
    const auto* op = graph.operators()->Get(static_cast<uint32_t>(i));
    const std::string name = "operator " + std::to_string(i);
    if (op->opcode_index() >= code_count) Malformed(name + " has no operator code");
    CheckIndices(op->inputs(), count, true, name);
    CheckIndices(op->outputs(), count, false, name);
  }
}

// What a file that the verifier refuses looks like: cut off, or not a TFLite file at all.
[[noreturn]] void ThrowUnreadable(std::span<const std::byte> bytes) {
  if (bytes.empty()) throw ModelError(Status::kTruncated, "the model file is empty");
  const bool identified =
      bytes.size() >= kIdentifierOffset + kIdentifier.size() &&
      std::memcmp(bytes.data() + kIdentifierOffset, kIdentifier.data(), kIdentifier.size()) == 0;
  if (!identified) Malformed("the file is not a TFLite model");
  Malformed("the TFLite file is cut off or damaged");
}

template <typename From, typename Convert>
Tensor Converted(const uint8_t* bytes, const Shape& shape, Convert convert) {
  Tensor tensor(DataType::kFloat32, shape);
  for (size_t i = 0; i < static_cast<size_t>(tensor.count()); ++i) {
    From element;
    std::memcpy(&element, bytes + i * sizeof(From), sizeof(From));
    tensor.Floats()[i] = convert(element);
  }
  return tensor;
}

}  // namespace

const tflite::Model& VerifiedModel(std::span<const std::byte> bytes) {
  if (bytes.size() >= FLATBUFFERS_MAX_BUFFER_SIZE) {
    throw ModelError(Status::kUnsupported, "the TFLite file has 2 GiB or more", {},
                     "export the model as ONNX with external data");
  }
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (bytes.empty() || !tflite::VerifyModelBuffer(verifier)) ThrowUnreadable(bytes);
  const tflite::Model& model = *tflite::GetModel(bytes.data());
  if (model.version() != kSchemaVersion) {
    throw ModelError(
        Status::kUnsupportedVersion,
        "TFLite schema version " + std::to_string(model.version()) + " is not supported", {},
        "convert the model to version " + std::to_string(kSchemaVersion));
  }
  const size_t subgraph_count = model.subgraphs() == nullptr ? 0 : model.subgraphs()->size();
  if (subgraph_count == 0) Malformed("the model has no subgraph");
  if (subgraph_count > 1) {
    throw ModelError(Status::kUnsupported,
                     "the model has " + std::to_string(subgraph_count) + " subgraphs", {},
                     "export it without control flow and with one signature");
  }
  CheckGraph(model, MainSubgraph(model));
  return model;
}

DataType DataTypeFromTflite(tflite::TensorType type) {
  switch (type) {
    case tflite::TensorType_FLOAT32:
      return DataType::kFloat32;
    case tflite::TensorType_FLOAT16:
      return DataType::kFloat16;
    case tflite::TensorType_FLOAT64:
      return DataType::kFloat64;
    case tflite::TensorType_INT8:
      return DataType::kInt8;
    case tflite::TensorType_INT16:
      return DataType::kInt16;
    case tflite::TensorType_INT32:
      return DataType::kInt32;
    case tflite::TensorType_INT64:
      return DataType::kInt64;
    case tflite::TensorType_UINT8:
      return DataType::kUint8;
    case tflite::TensorType_UINT16:
      return DataType::kUint16;
    case tflite::TensorType_UINT32:
      return DataType::kUint32;
    case tflite::TensorType_UINT64:
      return DataType::kUint64;
    case tflite::TensorType_BOOL:
      return DataType::kBool;
    default:
      return DataType::kUndefined;
  }
}

bool IsQuantized(const tflite::Tensor& tensor) {
  const DataType type = DataTypeFromTflite(tensor.type());
  const auto* quantization = tensor.quantization();
  return IsInteger(type) && quantization != nullptr && quantization->scale() != nullptr &&
         quantization->scale()->size() > 0;
}

bool IsConstant(const tflite::Model& model, const tflite::Tensor& tensor) {
  if (tensor.buffer() == 0) return false;
  const auto* data = model.buffers()->Get(tensor.buffer())->data();
  return data != nullptr && data->size() > 0;
}

Shape DeclaredShape(const tflite::Tensor& tensor) {
  Shape shape;
  for (const int32_t extent : Items(tensor.shape())) shape.push_back(extent);
  const auto* signature = tensor.shape_signature();
  if (signature == nullptr || signature->size() != shape.size()) return shape;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (signature->Get(static_cast<uint32_t>(i)) == -1) shape[i] = -1;
  }
  return shape;
}

Tensor ReadTensor(const tflite::Model& model, const tflite::Tensor& tensor) {
  const DataType type = DataTypeFromTflite(tensor.type());
  const Shape shape = DeclaredShape(tensor);
  const auto& data = *model.buffers()->Get(tensor.buffer())->data();
  const auto size = static_cast<size_t>(ElementCount(shape)) * ElementSize(type);
  // Checked before anything is allocated: a few bytes can claim any shape.
  if (data.size() != size) {
    Malformed("tensor '" + Text(tensor.name()) + "': " + std::to_string(data.size()) +
              " bytes for shape " + ShapeText(shape) + " of " + std::string(DataTypeName(type)));
  }
  if (type == DataType::kFloat16) return Converted<uint16_t>(data.data(), shape, HalfToFloat);
  if (type == DataType::kFloat64) {
    return Converted<double>(data.data(), shape, [](double x) { return static_cast<float>(x); });
  }
  Tensor read(type, shape);
  std::memcpy(read.bytes().data(), data.data(), size);
  if (type == DataType::kBool) {
    for (std::byte& b : read.bytes()) b = b == std::byte{0} ? b : std::byte{1};
  }
  return read;
}

std::string BuiltinName(tflite::BuiltinOperator op) {
  const std::string name = tflite::EnumNameBuiltinOperator(op);
  return name.empty() ? "operator " + std::to_string(static_cast<int>(op)) : name;
}

tflite::BuiltinOperator BuiltinOf(const tflite::OperatorCode& code) {
  // The old field holds codes that fit a byte, the wide one the others.
  const auto narrow = static_cast<tflite::BuiltinOperator>(code.deprecated_builtin_code());
  return std::max(narrow, code.builtin_code());
}

}  // namespace penumbra::model
