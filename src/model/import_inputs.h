// Full shapes for the inputs of a model.
#ifndef PENUMBRA_MODEL_ONNX_INPUT_SHAPES_H_
#define PENUMBRA_MODEL_ONNX_INPUT_SHAPES_H_

#include <onnx/onnx.pb.h>

#include <map>
#include <string>
#include <vector>

#include "model/onnx/import.h"

namespace penumbra::model {

// Shapes of `inputs` by the rules of ImportOptions::shapes. Inputs that fix_inputs replaces may
// stay dynamic; their entry is then the shape of the replacement. Throws ModelError.
std::map<std::string, Shape> ResolveInputShapes(
    const std::vector<const onnx::ValueInfoProto*>& inputs, const ImportOptions& options);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_ONNX_INPUT_SHAPES_H_
