// Implementation part of model/tensor.h: run-time element type to C++ type.
#ifndef PENUMBRA_MODEL_TENSOR_DISPATCH_H_
#define PENUMBRA_MODEL_TENSOR_DISPATCH_H_

#include "boundary/status.h"
#include "model/error.h"
#include "model/tensor.h"

namespace penumbra::model {

template <typename Body>
decltype(auto) WithElementType(DataType type, Body&& body) {
  switch (type) {
    case DataType::kFloat32:
      return body(float{});
    case DataType::kInt8:
      return body(int8_t{});
    case DataType::kInt16:
      return body(int16_t{});
    case DataType::kInt32:
      return body(int32_t{});
    case DataType::kInt64:
      return body(int64_t{});
    case DataType::kUint8:
      return body(uint8_t{});
    case DataType::kUint16:
      return body(uint16_t{});
    case DataType::kUint32:
      return body(uint32_t{});
    case DataType::kUint64:
      return body(uint64_t{});
    case DataType::kBool:
      return body(bool{});
    case DataType::kUndefined:
    case DataType::kFloat16:
    case DataType::kFloat64:
      break;
  }
  throw ModelError(Status::kWrongType, "tensor of type " + std::string(DataTypeName(type)));
}

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_TENSOR_DISPATCH_H_
