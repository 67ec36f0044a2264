// Reading an ONNX file with the settings of the public API.
#ifndef PENUMBRA_API_IMPORT_H_
#define PENUMBRA_API_IMPORT_H_

#include <filesystem>
#include <vector>

#include "model/onnx/import.h"
#include "penumbra/float_model.h"

namespace penumbra::api {

model::ImportedModel Import(const std::filesystem::path& onnx, const ImportSettings& settings);

std::vector<TensorInfo> GraphPorts(const model::Graph& graph,
                                   const std::vector<model::ValueId>& ids);

// Rounded to nearest for integer types. Throws Error(P104) for a value the type cannot hold.
model::Tensor ToModelTensor(const Tensor& tensor, model::DataType type);

}  // namespace penumbra::api

#endif  // PENUMBRA_API_IMPORT_H_
