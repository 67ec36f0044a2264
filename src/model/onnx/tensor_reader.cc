#include "model/onnx/tensor_reader.h"

#include <charconv>
#include <cstring>
#include <utility>

#include "model/error.h"
#include "model/half.h"

namespace penumbra::model {
namespace {

[[noreturn]] void Malformed(const onnx::TensorProto& proto, const std::string& what) {
  throw ModelError(Status::kMalformed, "tensor '" + proto.name() + "': " + what);
}

int64_t ParseNumber(const onnx::TensorProto& proto, const std::string& text) {
  int64_t number = -1;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || number < 0) {
    Malformed(proto, "external data offset or length '" + text + "' is not a number");
  }
  return number;
}

std::vector<std::byte> ExternalBytes(const onnx::TensorProto& proto,
                                     const std::filesystem::path& folder, size_t size) {
  std::string location;
  int64_t offset = 0;
  for (const auto& entry : proto.external_data()) {
    if (entry.key() == "location") location = entry.value();
    if (entry.key() == "offset") offset = ParseNumber(proto, entry.value());
    if (entry.key() == "length" &&
        ParseNumber(proto, entry.value()) != static_cast<int64_t>(size)) {
      Malformed(proto, "external data length " + entry.value() +
                           " does not fit its shape, which takes " + std::to_string(size) +
                           " bytes");
    }
  }
  return ReadExternalData(folder, location, offset, size);
}

// Elements of the typed field `items`, each converted to T.
template <typename T, typename Items>
void CopyTyped(const onnx::TensorProto& proto, const Items& items, std::span<std::byte> out_bytes) {
  if (static_cast<size_t>(items.size()) * sizeof(T) != out_bytes.size()) {
    Malformed(proto, std::to_string(items.size()) + " elements do not fit its shape");
  }
  size_t at = 0;
  for (const auto item : items) {
    const auto element = static_cast<T>(item);
    std::memcpy(out_bytes.data() + at, &element, sizeof(T));
    at += sizeof(T);
  }
}

void CopyTyped(const onnx::TensorProto& proto, DataType type, std::span<std::byte> out_bytes) {
  switch (type) {
    case DataType::kFloat32:
      return CopyTyped<float>(proto, proto.float_data(), out_bytes);
    case DataType::kFloat64:
      return CopyTyped<double>(proto, proto.double_data(), out_bytes);
    case DataType::kInt64:
      return CopyTyped<int64_t>(proto, proto.int64_data(), out_bytes);
    case DataType::kUint64:
      return CopyTyped<uint64_t>(proto, proto.uint64_data(), out_bytes);
    case DataType::kUint32:
      return CopyTyped<uint32_t>(proto, proto.uint64_data(), out_bytes);
    case DataType::kInt32:
      return CopyTyped<int32_t>(proto, proto.int32_data(), out_bytes);
    case DataType::kInt16:
    case DataType::kUint16:
    case DataType::kFloat16:
      return CopyTyped<uint16_t>(proto, proto.int32_data(), out_bytes);
    default:
      return CopyTyped<uint8_t>(proto, proto.int32_data(), out_bytes);
  }
}

template <typename From, typename Convert>
Tensor ToFloat32(const std::vector<std::byte>& bytes, const Shape& shape, Convert convert) {
  Tensor tensor(DataType::kFloat32, shape);
  for (size_t i = 0; i < static_cast<size_t>(tensor.count()); ++i) {
    From element;
    std::memcpy(&element, bytes.data() + i * sizeof(From), sizeof(From));
    tensor.Floats()[i] = convert(element);
  }
  return tensor;
}

}  // namespace

void TensorReader::NoteConversion(DataType type) {
  if (ComputeType(type) != type) converted_.insert(type);
}

Tensor TensorReader::Read(const onnx::TensorProto& proto) {
  const DataType type = DataTypeFromOnnx(proto.data_type());
  if (type == DataType::kUndefined) {
    throw ModelError(Status::kUnsupported, "tensor '" + proto.name() + "' has ONNX element type " +
                                               std::to_string(proto.data_type()));
  }
  if (proto.has_segment()) Malformed(proto, "segments are not supported");
  NoteConversion(type);
  const Shape shape(proto.dims().begin(), proto.dims().end());
  const auto size = static_cast<size_t>(ElementCount(shape)) * ElementSize(type);
  const bool external = proto.data_location() == onnx::TensorProto::EXTERNAL;
  // Check before allocating: a few bytes can claim any shape.
  if (!external && proto.has_raw_data() && proto.raw_data().size() != size) {
    Malformed(proto,
              std::to_string(proto.raw_data().size()) + " raw bytes for shape " + ShapeText(shape));
  }
  const auto typed_limit = static_cast<size_t>(proto.float_data_size() + proto.int32_data_size() +
                                               proto.int64_data_size() + proto.double_data_size() +
                                               proto.uint64_data_size());
  if (!external && !proto.has_raw_data() && typed_limit * ElementSize(type) != size) {
    Malformed(proto, std::to_string(typed_limit) + " elements for shape " + ShapeText(shape));
  }
  std::vector<std::byte> bytes;
  if (external) {
    bytes = ExternalBytes(proto, folder_, size);
  } else {
    bytes.resize(size);
    if (proto.has_raw_data()) {
      if (size != 0) std::memcpy(bytes.data(), proto.raw_data().data(), size);
    } else {
      CopyTyped(proto, type, bytes);
    }
  }
  if (type == DataType::kFloat16) return ToFloat32<uint16_t>(bytes, shape, HalfToFloat);
  if (type == DataType::kFloat64) {
    return ToFloat32<double>(bytes, shape, [](double x) { return static_cast<float>(x); });
  }
  if (type == DataType::kBool) {
    for (std::byte& b : bytes) b = b == std::byte{0} ? b : std::byte{1};
  }
  Tensor tensor(type, shape);
  if (!bytes.empty()) std::memcpy(tensor.bytes().data(), bytes.data(), size);
  return tensor;
}

}  // namespace penumbra::model
