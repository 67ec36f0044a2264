// The peers of one measurement, which take turns.
#ifndef PENUMBRA_CLI_PEER_GROUP_H_
#define PENUMBRA_CLI_PEER_GROUP_H_

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "console.h"
#include "model_options.h"
#include "peer.h"

namespace penumbra::cli {

inline constexpr const char* kPeerHelp =
    "what to compare with, several with commas: plain, onnxruntime, openvino, openvino-int8, onednn-f32, onednn-winograd, "
    "onednn-bf16, onednn-int8 (the last four: linear layers only), or none";

struct PeerRequest {
  std::string names = "plain";  // with commas between them
  std::string command = "python3 tools/reference/ort_bench.py";  // of onnxruntime
  std::filesystem::path model;                                   // ONNX or TFLite
  ImportArguments import;
  SessionArguments session;
  std::filesystem::path scratch;  // a folder for the bundle of preset `plain`
};

struct PeerTimes {
  PeerInfo info;
  std::vector<double> milliseconds;
};

// Throws Error: P205 for an unknown name, P107 for a name twice or `none` beside others.
std::vector<std::string> PeerNames(const std::string& names);

class PeerGroup {
 public:
  // Throws Error.
  PeerGroup(const PeerRequest& request, const Console& console, const TensorMap& feeds);
  explicit PeerGroup(std::unique_ptr<Peer> only);

  // One inference of each peer, in order.
  void RunOnce();
  // Of the last `count` rounds.
  std::vector<PeerTimes> Times(size_t count) const;

 private:
  struct Member {
    std::unique_ptr<Peer> peer;
    std::vector<double> milliseconds;
  };
  std::vector<Member> members_;
};

// The fastest whole model in float32, by its median; null without one.
const PeerTimes* BestFloatPeer(const std::vector<PeerTimes>& peers);

// Adds what docs/json_schema.md has under `peers`, `peer` and `ratio`, and the rows that tell it. protected_time: milliseconds.
void ReportPeers(const std::vector<PeerTimes>& peers, double protected_time, Json* document, std::vector<Row>* rows,
                 std::vector<Row>* facts);

}  // namespace penumbra::cli

#endif  // PENUMBRA_CLI_PEER_GROUP_H_
