// Bytes to ModelProto, with the place of the damage when they are not one.
#ifndef PENUMBRA_MODEL_ONNX_WIRE_H_
#define PENUMBRA_MODEL_ONNX_WIRE_H_

#include <onnx/onnx.pb.h>

#include <cstddef>
#include <span>

namespace penumbra::model {

// Throws ModelError(kMalformed or kTruncated) with the file offset of the first field that does not
// fit.
onnx::ModelProto ParseModel(std::span<const std::byte> bytes);

}  // namespace penumbra::model

#endif  // PENUMBRA_MODEL_ONNX_WIRE_H_
