// Between the values of the public API and those of the inner rooms.
#ifndef PENUMBRA_API_CONVERT_H_
#define PENUMBRA_API_CONVERT_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "host/metadata.h"
#include "media/array.h"
#include "model/tensor.h"
#include "penumbra/tensor.h"

namespace penumbra::api {

std::string Hex(std::span<const uint8_t> bytes);

Tensor FromArray(media::Array array);
media::Array ToArray(const Tensor& tensor);

TensorType TensorTypeOf(model::DataType type);
model::DataType ModelTypeOf(TensorType type);
// By the name that bundles use; throws Error(P301) for any other text.
TensorType TensorTypeOf(const std::string& name);

// Throws Error(P101) naming the first element that is no value of the port's integer type or is
// beyond 2^24, from where float32 does not hold every integer. Floating-point ports take anything.
void RequireInputValues(const TensorInfo& port, const std::vector<float>& values);
// Throws Error(P105) where a result is no value of the port's integer type.
void RequireOutputValues(const TensorInfo& port, const std::vector<float>& values);

std::vector<TensorInfo> PortInfos(const std::vector<host::Port>& ports);

// Throws Error(P103) for an extent that is negative or above 2^32 - 1.
std::vector<uint32_t> ToExtents(const std::vector<int64_t>& shape, const std::string& name);

std::string ShapeText(const std::vector<int64_t>& shape);  // "1x3x32x32"; "scalar"

}  // namespace penumbra::api

#endif  // PENUMBRA_API_CONVERT_H_
