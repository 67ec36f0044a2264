#include "model/tensor.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "model/error.h"

namespace penumbra::model {

std::string_view DataTypeName(DataType type) {
  switch (type) {
    case DataType::kUndefined:
      return "undefined";
    case DataType::kFloat32:
      return "float32";
    case DataType::kInt8:
      return "int8";
    case DataType::kInt16:
      return "int16";
    case DataType::kInt32:
      return "int32";
    case DataType::kInt64:
      return "int64";
    case DataType::kUint8:
      return "uint8";
    case DataType::kUint16:
      return "uint16";
    case DataType::kUint32:
      return "uint32";
    case DataType::kUint64:
      return "uint64";
    case DataType::kBool:
      return "bool";
    case DataType::kFloat16:
      return "float16";
    case DataType::kFloat64:
      return "float64";
  }
  return "unknown";
}

size_t ElementSize(DataType type) {
  switch (type) {
    case DataType::kInt8:
    case DataType::kUint8:
    case DataType::kBool:
      return 1;
    case DataType::kInt16:
    case DataType::kUint16:
    case DataType::kFloat16:
      return 2;
    case DataType::kFloat32:
    case DataType::kInt32:
    case DataType::kUint32:
      return 4;
    case DataType::kInt64:
    case DataType::kUint64:
    case DataType::kFloat64:
      return 8;
    case DataType::kUndefined:
      break;
  }
  throw ModelError(Status::kWrongType, "a tensor has no element type");
}

bool IsInteger(DataType type) { return type >= DataType::kInt8 && type <= DataType::kUint64; }

namespace {

// In the order of their codes in ONNX files.
constexpr DataType kOnnxTypes[] = {
    DataType::kUndefined, DataType::kFloat32, DataType::kUint8,   DataType::kInt8,
    DataType::kUint16,    DataType::kInt16,   DataType::kInt32,   DataType::kInt64,
    DataType::kUndefined, DataType::kBool,    DataType::kFloat16, DataType::kFloat64,
    DataType::kUint32,    DataType::kUint64};

}  // namespace

DataType DataTypeFromOnnx(int64_t code) {
  if (code < 0 || code >= static_cast<int64_t>(std::size(kOnnxTypes))) return DataType::kUndefined;
  return kOnnxTypes[code];
}

int64_t OnnxCodeOf(DataType type) { return std::ranges::find(kOnnxTypes, type) - kOnnxTypes; }

DataType ComputeType(DataType type) {
  return type == DataType::kFloat16 || type == DataType::kFloat64 ? DataType::kFloat32 : type;
}

int64_t ElementCount(const Shape& shape) {
  if (shape.size() > kMaxRank) {
    throw ModelError(Status::kMalformed,
                     "a shape has " + std::to_string(shape.size()) + " dimensions");
  }
  int64_t count = 1;
  for (int64_t dim : shape) {
    if (dim < 0) {
      throw ModelError(Status::kMalformed,
                       "shape " + ShapeText(shape) + " has a negative dimension");
    }
    if (dim > kMaxElementCount || (dim > 0 && count > kMaxElementCount / dim)) {
      throw ModelError(Status::kMalformed, "shape " + ShapeText(shape) + " has too many elements",
                       {}, "at most 2^31 elements per tensor are supported");
    }
    count *= dim;
  }
  return count;
}

std::string ShapeText(const Shape& shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (int64_t dim : shape) text += (text.empty() ? "" : "x") + std::to_string(dim);
  return text;
}

Shape RowMajorStrides(const Shape& shape) {
  Shape strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

Tensor::Tensor(DataType type, Shape shape) : type_(type), shape_(std::move(shape)) {
  count_ = ElementCount(shape_);
  bytes_.resize(static_cast<size_t>(count_) * ElementSize(type));
}

void Tensor::CheckType(DataType asked) const {
  if (asked == type_) return;
  throw ModelError(Status::kWrongType, "tensor of " + std::string(DataTypeName(type_)) +
                                           " read as " + std::string(DataTypeName(asked)));
}

void Tensor::CheckCount(int64_t asked) const {
  if (asked == count_) return;
  throw ModelError(Status::kWrongShape,
                   std::to_string(asked) + " elements for a tensor of shape " + ShapeText(shape_));
}

std::vector<int64_t> Tensor::ToInt64() const {
  CheckType(type_ == DataType::kFloat32 ? DataType::kInt64 : type_);
  return WithElementType(type_, [this](auto tag) {
    const auto data = Data<decltype(tag)>();
    std::vector<int64_t> out(data.size());
    for (size_t i = 0; i < data.size(); ++i) out[i] = static_cast<int64_t>(data[i]);
    return out;
  });
}

std::vector<float> Tensor::ToFloat() const {
  return WithElementType(type_, [this](auto tag) {
    const auto data = Data<decltype(tag)>();
    return std::vector<float>(data.begin(), data.end());
  });
}

Tensor Tensor::Reshaped(Shape shape) const {
  CheckCount(ElementCount(shape));
  Tensor out = *this;
  out.shape_ = std::move(shape);
  return out;
}

}  // namespace penumbra::model
