#include "api/convert.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "api/translate.h"

namespace penumbra::api {
namespace {

// One element type as each room calls it. lowest, end: of integers, value < end.
struct TypeRow {
  TensorType type;
  model::DataType model;
  std::string_view npy;
  bool is_integer = false;
  float lowest = 0, end = 0;
};

template <typename T>
constexpr TypeRow Integer(TensorType type, std::string_view npy) {
  // Powers of two: exact in float32 where the largest value itself is not.
  return {type, model::DataTypeOf<T>(), npy, true, static_cast<float>(std::numeric_limits<T>::min()),
          2.0f * static_cast<float>(uint64_t{1} << (std::numeric_limits<T>::digits - 1))};
}

constexpr TypeRow kTypes[] = {
    {TensorType::kFloat32, model::DataType::kFloat32, "f4"},
    {TensorType::kFloat16, model::DataType::kFloat16, "f2"},
    {TensorType::kFloat64, model::DataType::kFloat64, "f8"},
    Integer<int8_t>(TensorType::kInt8, "i1"),
    Integer<int16_t>(TensorType::kInt16, "i2"),
    Integer<int32_t>(TensorType::kInt32, "i4"),
    Integer<int64_t>(TensorType::kInt64, "i8"),
    Integer<uint8_t>(TensorType::kUint8, "u1"),
    Integer<uint16_t>(TensorType::kUint16, "u2"),
    Integer<uint32_t>(TensorType::kUint32, "u4"),
    Integer<uint64_t>(TensorType::kUint64, "u8"),
    Integer<bool>(TensorType::kBool, "b1"),
};

const TypeRow& RowOf(TensorType type) {
  const auto row = std::ranges::find(kTypes, type, &TypeRow::type);
  if (row == std::end(kTypes)) Throw(Status::kInvalidArgument, "there is no such element type");
  return *row;
}

std::optional<size_t> FirstForeign(const TypeRow& row, const std::vector<float>& values,
                                   float limit) {
  const auto fits = [&](float v) {
    return v >= row.lowest && v < row.end && std::fabs(v) <= limit && v == std::trunc(v);
  };
  const auto bad = std::ranges::find_if_not(values, fits);
  if (!row.is_integer || bad == values.end()) return std::nullopt;
  return static_cast<size_t>(bad - values.begin());
}

constexpr float kLargestInteger = 0x1p24f;
constexpr float kUnlimited = std::numeric_limits<float>::infinity();

}  // namespace

std::string Hex(std::span<const uint8_t> bytes) {
  std::string text;
  for (const uint8_t byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", byte);
    text += digits;
  }
  return text;
}

Tensor FromArray(media::Array array) {
  const auto row = std::ranges::find(kTypes, array.type, &TypeRow::npy);
  if (row == std::end(kTypes)) Throw(Status::kInternal, "an array of an unknown element type");
  return {{array.shape.begin(), array.shape.end()}, std::move(array.values), row->type};
}

media::Array ToArray(const Tensor& tensor) {
  return {ToExtents(tensor.shape, "tensor"), tensor.values, std::string(RowOf(tensor.type).npy)};
}

TensorType TensorTypeOf(model::DataType type) {
  const auto row = std::ranges::find(kTypes, type, &TypeRow::model);
  if (row == std::end(kTypes)) Throw(Status::kInternal, "a value without an element type");
  return row->type;
}

model::DataType ModelTypeOf(TensorType type) { return RowOf(type).model; }

TensorType TensorTypeOf(const std::string& name) {
  for (const TypeRow& row : kTypes) {
    if (model::DataTypeName(row.model) == name) return row.type;
  }
  Throw(Status::kMalformed, "the bundle has a port of an unknown element type");
}

void RequireInputValues(const TensorInfo& port, const std::vector<float>& values) {
  const auto bad = FirstForeign(RowOf(port.type), values, kLargestInteger);
  if (!bad) return;
  Throw(Status::kInvalidArgument,
        std::to_string(values[*bad]) + " is not a whole number of type " +
            TensorTypeName(port.type) + " with a magnitude of at most 2^24 [input '" + port.name +
            "', element " + std::to_string(*bad) + "]; larger integers would be rounded");
}

void RequireOutputValues(const TensorInfo& port, const std::vector<float>& values) {
  const auto bad = FirstForeign(RowOf(port.type), values, kUnlimited);
  if (!bad) return;
  Throw(Status::kNotFinite, std::to_string(values[*bad]) + " is not a value of type " +
                                TensorTypeName(port.type) + " [output '" + port.name +
                                "', element " + std::to_string(*bad) + "]");
}

std::vector<TensorInfo> PortInfos(const std::vector<host::Port>& ports) {
  std::vector<TensorInfo> infos;
  for (const host::Port& port : ports) {
    infos.push_back(
        {port.name, {port.shape.begin(), port.shape.end()}, TensorTypeOf(port.type)});
  }
  return infos;
}

std::vector<uint32_t> ToExtents(const std::vector<int64_t>& shape, const std::string& name) {
  std::vector<uint32_t> extents;
  for (const int64_t extent : shape) {
    if (extent < 0 || extent > std::numeric_limits<uint32_t>::max()) {
      Throw(Status::kWrongShape, "impossible shape " + ShapeText(shape) + " [" + name + "]");
    }
    extents.push_back(static_cast<uint32_t>(extent));
  }
  return extents;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text;
  for (const int64_t extent : shape)
    text.append(text.empty() ? "" : "x").append(std::to_string(extent));
  return text.empty() ? "scalar" : text;
}

}  // namespace penumbra::api

namespace penumbra {

std::string TensorTypeName(TensorType type) {
  return std::string(model::DataTypeName(api::RowOf(type).model));
}

}  // namespace penumbra
