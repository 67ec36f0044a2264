// Between the tensors of the public API and those of the inner rooms.
#ifndef PENUMBRA_API_CONVERT_H_
#define PENUMBRA_API_CONVERT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "media/array.h"
#include "penumbra/tensor.h"

namespace penumbra::api {

Tensor FromArray(media::Array array);
media::Array ToArray(const Tensor& tensor);

// Throws Error(P103) for an extent that is negative or above 2^32 - 1.
std::vector<uint32_t> ToExtents(const std::vector<int64_t>& shape, const std::string& name);

std::string ShapeText(const std::vector<int64_t>& shape);  // "1x3x32x32"; "scalar"

}  // namespace penumbra::api

#endif  // PENUMBRA_API_CONVERT_H_
