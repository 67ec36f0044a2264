// From a compiled model to outputs of the protected pipeline: bundle on disk, trusted runtime in a
// carrier, accelerator outside. Everything throws model::ModelError or host::HostError.
#ifndef PENUMBRA_TESTS_E2E_HARNESS_H_
#define PENUMBRA_TESTS_E2E_HARNESS_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/keys/key_file.h"
#include "host/session.h"
#include "protect/compile.h"

namespace penumbra::e2e {

// A folder of its own, removed with everything in it at the end.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// The scheme of a preset; of `soter` without fingerprints, whose cornerstones outweigh the model.
protect::Scheme SchemeOf(const std::string& preset);

struct Keys {
  host::KeyPair vendor = host::GenerateKeyPair(host::KeyKind::kVendor);
  host::KeyPair device = host::GenerateKeyPair(host::KeyKind::kDevice);
};

// Where and how a bundle runs.
struct Place {
  std::string device = "reference";
  CarrierKind carrier = CarrierKind::kDirect;
  uint32_t threads = 1;
  uint32_t in_flight = 1;
  uint64_t secure_memory_size = 0;  // 0: what the bundle was planned for
  uint64_t pad_bank_size = 0;
  host::PadPolicy pad_policy = host::PadPolicy::kWait;
  // Existing folder for counters that outlive the trusted half; without it they end with it.
  std::optional<std::string> state = {};
  std::shared_ptr<const host::PadFolder> durable_pads = {};
  uint32_t pad_lease = 0;
  uint32_t pads_inside = 0;
};
std::string PlaceName(const Place& place);

void WriteBundle(const protect::CompiledModel& model, const Keys& keys,
                 const std::filesystem::path& path);

// `scratch`: an existing folder for the key file of the carrier. Not started yet.
std::unique_ptr<host::Transport> MakeTransport(const Keys& keys, const Place& place,
                                               const std::filesystem::path& scratch);

// `scratch`: as for MakeTransport().
std::unique_ptr<host::Session> OpenSession(const std::filesystem::path& bundle, const Keys& keys,
                                           const Place& place,
                                           const std::filesystem::path& scratch);
// The same on an accelerator of the caller's.
std::unique_ptr<host::Session> OpenSession(const std::filesystem::path& bundle, const Keys& keys,
                                           const Place& place,
                                           const std::filesystem::path& scratch,
                                           std::shared_ptr<Device> device);
std::shared_ptr<Device> OpenDevice(const std::string& name);

// One tensor per port of the model, in its order and in logical element order.
using Tensors = std::vector<std::vector<float>>;

Tensors RunSession(host::Session* session, const Tensors& inputs,
                   host::RunStats* out_stats = nullptr, host::ReceiptRequest* receipt = nullptr);
// The oracle: the quantised model as plain integer arithmetic.
Tensors RunPlain(const protect::CompiledModel& model, const Tensors& inputs);

// Elements whose bits differ; every element when the shapes do.
uint64_t CountDifferentBits(const Tensors& a, const Tensors& b);

// Reproducible smooth inputs of the model, near 0 with a standard deviation near 1; unlike white
// noise they exercise early layers the way pictures do.
Tensors SmoothInputs(const protect::LoweredGraph& graph, uint32_t seed);
Tensors SmoothInputs(const model::Graph& graph, uint32_t seed);
// Three samples of them. `graph` outlives the source.
protect::SampleSource SmoothCalibration(const model::Graph& graph);

}  // namespace penumbra::e2e

#endif  // PENUMBRA_TESTS_E2E_HARNESS_H_
