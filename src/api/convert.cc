#include "api/convert.h"

#include <limits>
#include <utility>

#include "api/translate.h"

namespace penumbra::api {
Tensor FromArray(media::Array array) {
  return {{array.shape.begin(), array.shape.end()}, std::move(array.values)};
}

media::Array ToArray(const Tensor& tensor) {
  return {ToExtents(tensor.shape, "tensor"), tensor.values};
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
