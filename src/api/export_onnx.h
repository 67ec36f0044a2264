// A segment of the public half as a standard ONNX model, so that any runtime can serve it.
#ifndef PENUMBRA_API_EXPORT_ONNX_H_
#define PENUMBRA_API_EXPORT_ONNX_H_

#include <string>

#include "accel/device.h"

namespace penumbra::api {

// A serialised ModelProto, opset 14. Inputs `input_0`.., outputs `output_0`.. in the order of the
// segment, one sample in the order of the exchange region: float32 [1, h, w, c], u8 residues
// [prime, h, w, c] (replies are reduced). Checks the segment first. Throws Error: kMalformed,
// kDeviceUnsupported for what no standard operator computes exactly (sums modulo the papers' prime),
// kUnsupported beyond the 2 GiB of a protobuf message.
std::string ExportOnnx(const SegmentView& segment, const BlobSource& blobs,
                       const std::string& name);

}  // namespace penumbra::api

#endif  // PENUMBRA_API_EXPORT_ONNX_H_
