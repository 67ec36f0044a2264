#include "penumbra/peer.h"

#include <chrono>
#include <optional>

#include "accel/peers/registry.h"
#include "api/translate.h"
#include "host/bundle_file.h"

namespace penumbra {
namespace {

PeerInfo InfoOf(const peers::Kind& kind) {
  return {.name = std::string(kind.name),
          .precision = std::string(kind.precision),
          .whole_model = kind.whole_model,
          .remedy = std::string(kind.remedy)};
}

template <typename Body>
decltype(auto) PeerTranslated(Body&& body) {
  return api::Translated([&]() -> decltype(auto) {
    try {
      return body();
    } catch (const peers::PeerError& error) {
      api::Throw(error.status(), error.what());
    }
  });
}

class InProcessPeer final : public Peer {
 public:
  InProcessPeer(const PeerInfo& info, std::unique_ptr<peers::Runtime> runtime)
      : info_(info), runtime_(std::move(runtime)) {
    info_.version = runtime_->version();
    info_.includes = runtime_->includes();
  }

  PeerInfo info() const override { return info_; }

  uint64_t RunOnce() override {
    return PeerTranslated([&] {
      const auto start = std::chrono::steady_clock::now();
      runtime_->Run();
      const auto time = std::chrono::steady_clock::now() - start;
      return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count());
    });
  }

  TensorMap Outputs() const override {
    return PeerTranslated([&] {
      TensorMap outputs;
      for (auto& [name, array] : runtime_->Outputs()) outputs[name] = {array.shape, array.values};
      return outputs;
    });
  }

 private:
  PeerInfo info_;
  std::unique_ptr<peers::Runtime> runtime_;
};

}  // namespace

Peer::~Peer() = default;

std::vector<PeerInfo> InProcessPeers() {
  std::vector<PeerInfo> infos;
  for (const peers::Kind& kind : peers::Kinds()) infos.push_back(InfoOf(kind));
  return infos;
}

std::unique_ptr<Peer> OpenPeer(const std::string& name, const PeerOptions& options) {
  return PeerTranslated([&]() -> std::unique_ptr<Peer> {
    PeerInfo info{.name = name};
    for (const PeerInfo& known : InProcessPeers()) {
      if (known.name == name) info = known;
    }
    peers::Request request{.model = options.model_file, .inputs = {}, .segments = {}, .threads = options.threads};
    for (const auto& [input, tensor] : options.inputs) request.inputs[input] = {tensor.shape, tensor.values};
    std::shared_ptr<const host::BundleFile> bundle;  // weights are copied: it may go
    std::vector<SegmentView> segments;
    if (!options.plain_bundle.empty()) {
      bundle = host::BundleFile::Open(options.plain_bundle, std::nullopt);
      for (uint32_t i = 0; i < bundle->segment_count(); ++i) segments.push_back(bundle->Segment(i));
      request.segments = segments;
      request.blobs = bundle.get();
    }
    return std::make_unique<InProcessPeer>(info, peers::Make(name, request));
  });
}

}  // namespace penumbra
