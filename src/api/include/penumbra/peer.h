// Unprotected runtimes to time a protected model against, in this process.
#ifndef PENUMBRA_PEER_H_
#define PENUMBRA_PEER_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "penumbra/export.h"
#include "penumbra/tensor.h"

namespace penumbra {

struct PeerInfo {
  std::string name = {};
  std::string precision = {};     // "float32", "bfloat16", "int8"
  bool whole_model = false;       // else part of its work only: no ratio is taken to it
  std::string version = {};       // of the runtime, with its name; empty before it was opened
  std::string includes = {};      // what one run computes, exactly; empty before it was opened
  std::string remedy = {};        // what to do about a peer this build was made without; empty: it is there
};

// Not thread-safe.
class PENUMBRA_API Peer {
 public:
  virtual ~Peer();
  virtual PeerInfo info() const = 0;
  // Nanoseconds of one inference. Throws Error.
  virtual uint64_t RunOnce() = 0;
  // The float32 outputs of the last inference; none of a peer that does not compute the whole model.
  virtual TensorMap Outputs() const { return {}; }
};

// "openvino" and "openvino-int8" (quantised on `inputs`) run the whole model; "onednn-f32", "onednn-winograd",
// "onednn-bf16" and "onednn-int8" its linear layers, one after the other.
PENUMBRA_API std::vector<PeerInfo> InProcessPeers();

struct PeerOptions {
  std::filesystem::path model_file;    // of a whole model
  std::filesystem::path plain_bundle;  // of linear layers: the model by preset `plain`
  TensorMap inputs = {};               // every input of the file, in its shape
  uint32_t threads = 1;
};

// Throws Error: P205 for a name that is unknown or not in this build, or an input without values; P106 for a model, a
// processor or a library that the peer cannot do with.
PENUMBRA_API std::unique_ptr<Peer> OpenPeer(const std::string& name, const PeerOptions& options);

}  // namespace penumbra

#endif  // PENUMBRA_PEER_H_
