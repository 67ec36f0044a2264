// Reading a model file with the settings of the public API.
#ifndef PENUMBRA_API_IMPORT_H_
#define PENUMBRA_API_IMPORT_H_

#include <filesystem>
#include <vector>

#include "model/import.h"
#include "penumbra/float_model.h"

namespace penumbra::api {

model::ImportedModel Import(const std::filesystem::path& model_file, const ImportSettings& settings);

// With the element types that the file declares.
std::vector<TensorInfo> GraphInputs(const model::Graph& graph);
std::vector<TensorInfo> GraphOutputs(const model::Graph& graph);

// Of the type the model computes with: float32 for float16 and float64. Throws Error(P101) for a
// value that an integer type cannot hold.
model::Tensor ToModelTensor(const Tensor& tensor, model::DataType type);

}  // namespace penumbra::api

#endif  // PENUMBRA_API_IMPORT_H_
