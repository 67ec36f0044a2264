#include "api/import.h"

#include <cmath>
#include <limits>
#include <type_traits>

#include "api/translate.h"

namespace penumbra::api {

model::ImportedModel Import(const std::filesystem::path& onnx, const ImportSettings& settings) {
  model::ImportOptions options;
  options.shapes = settings.shapes;
  for (const auto& [name, tensor] : settings.fix_inputs) {
    options.fix_inputs.emplace(name, ToModelTensor(tensor, model::DataType::kFloat32));
  }
  return model::ImportOnnxFile(onnx, options);
}

std::vector<TensorInfo> GraphPorts(const model::Graph& graph,
                                   const std::vector<model::ValueId>& ids) {
  std::vector<TensorInfo> infos;
  for (const model::ValueId id : ids)
    infos.push_back({graph.value(id).name, graph.value(id).shape});
  return infos;
}

model::Tensor ToModelTensor(const Tensor& tensor, model::DataType type) {
  model::Tensor result(type, tensor.shape);
  if (static_cast<size_t>(result.count()) != tensor.values.size()) {
    Throw(Status::kWrongShape, "a tensor has " + std::to_string(tensor.values.size()) +
                                   " values, its shape " + model::ShapeText(tensor.shape) +
                                   " says " + std::to_string(result.count()));
  }
  model::WithElementType(type, [&](auto zero) {
    using Element = decltype(zero);
    const std::span<Element> elements = result.Data<Element>();
    for (size_t i = 0; i < elements.size(); ++i) {
      const float value = tensor.values[i];
      if constexpr (std::is_same_v<Element, float>) {
        elements[i] = value;
      } else {
        const double rounded = std::nearbyint(static_cast<double>(value));
        // 2^digits is exact in double where max() is not.
        const double limit = std::ldexp(1.0, std::numeric_limits<Element>::digits);
        if (!(rounded >= static_cast<double>(std::numeric_limits<Element>::lowest()) &&
              rounded < limit)) {
          Throw(Status::kWrongType, "element " + std::to_string(i) +
                                        " does not fit the input's type " +
                                        std::string(model::DataTypeName(type)));
        }
        elements[i] = static_cast<Element>(rounded);
      }
    }
  });
  return result;
}

}  // namespace penumbra::api
