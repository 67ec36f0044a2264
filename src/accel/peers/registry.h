// Peers by name. Which exist is decided at build time (accel/CMakeLists.txt).
#ifndef PENUMBRA_ACCEL_PEERS_REGISTRY_H_
#define PENUMBRA_ACCEL_PEERS_REGISTRY_H_

#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "accel/device.h"
#include "accel/peers/peer.h"

namespace penumbra::peers {

struct Kind {
  std::string_view name;       // "openvino", "openvino-int8", "onednn-f32", "onednn-winograd", ...
  std::string_view precision;  // "float32", "bfloat16", "int8"
  bool whole_model;            // false: linear layers only
  std::string_view remedy;     // what to do about a peer this build was made without; empty: it is there
};
std::vector<Kind> Kinds();

struct Request {
  std::filesystem::path model;  // whole models
  Arrays inputs;
  std::span<const SegmentView> segments;  // linear layers: all of the model's float segments
  const BlobSource* blobs = nullptr;
  uint32_t threads = 1;
};

// Throws PeerError: kNotFound for a name without a built-in peer; the rest as the peer itself.
std::unique_ptr<Runtime> Make(std::string_view name, const Request& request);

}  // namespace penumbra::peers

#endif  // PENUMBRA_ACCEL_PEERS_REGISTRY_H_
