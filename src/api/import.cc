#include "api/import.h"

#include <algorithm>

#include "api/convert.h"
#include "api/translate.h"

namespace penumbra::api {

model::ImportedModel Import(const std::filesystem::path& model_file, const ImportSettings& settings) {
  model::ImportOptions options;
  options.shapes = settings.shapes;
  for (const auto& [name, tensor] : settings.fix_inputs) {
    options.fix_inputs.emplace(name, ToModelTensor(tensor, ModelTypeOf(tensor.type)));
  }
  return model::ImportModelFile(model_file, options);
}

std::vector<TensorInfo> GraphInputs(const model::Graph& graph) {
  std::vector<TensorInfo> infos;
  for (size_t i = 0; i < graph.inputs.size(); ++i) {
    const model::Value& value = graph.value(graph.inputs[i]);
    infos.push_back({value.name, value.shape, TensorTypeOf(graph.InputType(i))});
  }
  return infos;
}

std::vector<TensorInfo> GraphOutputs(const model::Graph& graph) {
  std::vector<TensorInfo> infos;
  for (size_t i = 0; i < graph.outputs.size(); ++i) {
    const model::Value& value = graph.value(graph.outputs[i]);
    infos.push_back({value.name, value.shape, TensorTypeOf(graph.OutputType(i))});
  }
  return infos;
}

model::Tensor ToModelTensor(const Tensor& tensor, model::DataType type) {
  model::Tensor result(model::ComputeType(type), tensor.shape);
  if (static_cast<size_t>(result.count()) != tensor.values.size()) {
    Throw(Status::kWrongShape, "a tensor has " + std::to_string(tensor.values.size()) +
                                   " values, its shape " + model::ShapeText(tensor.shape) +
                                   " says " + std::to_string(result.count()));
  }
  RequireInputValues({"", tensor.shape, TensorTypeOf(type)}, tensor.values);
  model::WithElementType(result.type(), [&](auto zero) {
    std::ranges::transform(tensor.values, result.Data<decltype(zero)>().begin(),
                           [](float value) { return static_cast<decltype(zero)>(value); });
  });
  return result;
}

}  // namespace penumbra::api
