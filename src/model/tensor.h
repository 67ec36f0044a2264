// Dense, row-major tensors that own their elements. Float16 and float64 data of a model file is
// turned into float32 on import, so arithmetic in this room knows one floating-point type.
#ifndef PENUMBRA_MODEL_TENSOR_H_
#define PENUMBRA_MODEL_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace penumbra::model {

enum class DataType : uint8_t {
  kUndefined,
  kFloat32,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kBool,     // one byte, 0 or 1
  kFloat16,  // only as a type read from a file; tensors of the IR never have it
  kFloat64,  // only as a type read from a file; tensors of the IR never have it
};

std::string_view DataTypeName(DataType type);
size_t ElementSize(DataType type);  // bytes; throws ModelError for kUndefined
bool IsInteger(DataType type);      // signed or unsigned, not bool

// Element type from the numbering that ONNX files use (TensorProto.DataType); kUndefined for types
// that are not supported (strings, complex, bfloat16, 8-bit floats).
DataType DataTypeFromOnnx(int64_t code);
int64_t OnnxCodeOf(DataType type);  // the way back; 0 for kUndefined
// The type the IR computes with: float32 for float16 and float64, else the type itself.
DataType ComputeType(DataType type);

template <typename T>
constexpr DataType DataTypeOf() {
  if constexpr (std::is_same_v<T, float>) return DataType::kFloat32;
  if constexpr (std::is_same_v<T, int8_t>) return DataType::kInt8;
  if constexpr (std::is_same_v<T, int16_t>) return DataType::kInt16;
  if constexpr (std::is_same_v<T, int32_t>) return DataType::kInt32;
  if constexpr (std::is_same_v<T, int64_t>) return DataType::kInt64;
  if constexpr (std::is_same_v<T, uint8_t>) return DataType::kUint8;
  if constexpr (std::is_same_v<T, uint16_t>) return DataType::kUint16;
  if constexpr (std::is_same_v<T, uint32_t>) return DataType::kUint32;
  if constexpr (std::is_same_v<T, uint64_t>) return DataType::kUint64;
  if constexpr (std::is_same_v<T, bool>) return DataType::kBool;
}

using Shape = std::vector<int64_t>;

// Larger tensors are refused: 2^31 elements, i.e. 8 GiB of float32.
inline constexpr int64_t kMaxElementCount = int64_t{1} << 31;
inline constexpr size_t kMaxRank = 32;

// Product of the dimensions (1 for a scalar). Throws ModelError(kMalformed) for a negative
// dimension, for one or a product above kMaxElementCount and for more than kMaxRank dimensions.
int64_t ElementCount(const Shape& shape);
std::string ShapeText(const Shape& shape);  // "1x3x224x224"; "scalar" for rank 0

// Elements between neighbours along each axis, row-major.
Shape RowMajorStrides(const Shape& shape);

class Tensor {
 public:
  Tensor() = default;
  Tensor(DataType type, Shape shape);  // zero-filled; throws like ElementCount

  template <typename T>
  static Tensor Of(Shape shape, const std::vector<T>& elements) {
    Tensor tensor(DataTypeOf<T>(), std::move(shape));
    tensor.CheckCount(static_cast<int64_t>(elements.size()));
    for (size_t i = 0; i < elements.size(); ++i) tensor.Data<T>()[i] = elements[i];
    return tensor;
  }
  template <typename T>
  static Tensor Scalar(T element) {
    return Of<T>({}, std::vector<T>{element});
  }
  template <typename T>
  static Tensor Vector(const std::vector<T>& elements) {
    return Of<T>({static_cast<int64_t>(elements.size())}, elements);
  }

  DataType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  int64_t rank() const { return static_cast<int64_t>(shape_.size()); }
  int64_t count() const { return count_; }  // elements

  // Throw ModelError(kWrongType) when T is not the tensor's element type.
  template <typename T>
  std::span<T> Data() {
    CheckType(DataTypeOf<T>());
    return {reinterpret_cast<T*>(bytes_.data()), static_cast<size_t>(count_)};
  }
  template <typename T>
  std::span<const T> Data() const {
    CheckType(DataTypeOf<T>());
    return {reinterpret_cast<const T*>(bytes_.data()), static_cast<size_t>(count_)};
  }
  std::span<const float> Floats() const { return Data<float>(); }
  std::span<float> Floats() { return Data<float>(); }
  std::span<std::byte> bytes() { return bytes_; }
  std::span<const std::byte> bytes() const { return bytes_; }

  // Any integer or bool tensor, widened; throws ModelError(kWrongType) for float32.
  std::vector<int64_t> ToInt64() const;
  // Any tensor, converted element by element.
  std::vector<float> ToFloat() const;
  // The same elements under another shape with the same count.
  Tensor Reshaped(Shape shape) const;

 private:
  void CheckType(DataType asked) const;
  void CheckCount(int64_t asked) const;

  DataType type_ = DataType::kUndefined;
  Shape shape_;
  int64_t count_ = 0;
  std::vector<std::byte> bytes_;
};

// Calls `body(T{})` with the C++ element type of `type`.
template <typename Body>
decltype(auto) WithElementType(DataType type, Body&& body);

}  // namespace penumbra::model

#include "model/tensor_dispatch.h"

#endif  // PENUMBRA_MODEL_TENSOR_H_
