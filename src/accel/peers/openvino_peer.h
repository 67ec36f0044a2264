// A whole model in OpenVINO's CPU plugin, float32 or int8.
#ifndef PENUMBRA_ACCEL_PEERS_OPENVINO_PEER_H_
#define PENUMBRA_ACCEL_PEERS_OPENVINO_PEER_H_

#include <filesystem>
#include <memory>

#include "accel/peers/peer.h"

namespace penumbra::peers {

// ONNX or TFLite. `inputs` gives every input its values and its shape; element types are float32, float16 or integers.
// int8: quantised on these inputs (openvino_quantize.h). Throws PeerError: kUnsupported for what OpenVINO cannot read
// or run, kNotFound for an input without values, kOutOfMemory.
std::unique_ptr<Runtime> MakeOpenvinoPeer(const std::filesystem::path& model, const Arrays& inputs, bool int8,
                                          uint32_t threads);

}  // namespace penumbra::peers

#endif  // PENUMBRA_ACCEL_PEERS_OPENVINO_PEER_H_
