// The convolutions and inner products of a model, one after the other, in oneDNN.
#ifndef PENUMBRA_ACCEL_PEERS_LINEAR_PEER_H_
#define PENUMBRA_ACCEL_PEERS_LINEAR_PEER_H_

#include <functional>
#include <memory>
#include <vector>

#include "accel/device.h"
#include "accel/peers/linear_layer.h"
#include "accel/peers/peer.h"

namespace penumbra::peers {

// Layers read one buffer of noise and write another, both as warm as a network's would be at best; nothing is
// converted between layers.
class LinearPeer final : public Runtime {
 public:
  // `segments`: all of a model. Throws PeerError: kUnsupported when nothing is linear, when oneDNN or the processor
  // lacks the precision, or when kWinograd fits no layer; kOutOfMemory.
  LinearPeer(std::span<const SegmentView> segments, const BlobSource& blobs, Precision precision, uint32_t threads);

  std::string version() const override;
  std::string includes() const override;
  void Run() override;

  size_t layer_count() const { return layers_.size(); }
  // What layer i makes of the noise, beside the same in double by plain loops: the largest difference, and the
  // largest value it is to be measured by. Slow.
  struct Deviation {
    double difference, largest;
  };
  Deviation Check(size_t i, const float* weights, const float* bias);

 private:
  void AddLayers(const SegmentView& segment, const BlobSource& blobs, Precision precision);
  void MakeBuffers();

  const dnnl::engine engine_;
  dnnl::stream stream_;
  const Precision precision_;
  const uint32_t threads_;
  std::vector<LinearLayer> layers_;
  dnnl::memory source_, destination_, scratch_;
};

}  // namespace penumbra::peers

#endif  // PENUMBRA_ACCEL_PEERS_LINEAR_PEER_H_
