// A protected model, loaded and ready: bundle, trusted half, accelerator and pads under one object, with one lane for
// each request in flight.
#ifndef PENUMBRA_HOST_SESSION_H_
#define PENUMBRA_HOST_SESSION_H_

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "accel/device.h"
#include "host/bundle_file.h"
#include "host/durable_bank.h"
#include "host/fair_pool.h"
#include "host/job_pump.h"
#include "host/metadata.h"
#include "host/pad_filler.h"
#include "host/pad_store.h"
#include "host/timeline.h"
#include "host/trace.h"
#include "host/transport.h"
#include "host/trusted_half.h"

namespace penumbra::host {

// Room for eight pads, at most 256 MiB.
constexpr uint64_t DefaultPadBankSize(uint64_t pad_size) {
  return std::min(8 * pad_size, uint64_t{256} << 20);
}

// What an inference does that finds no pad. It never runs unmasked.
enum class PadPolicy {
  kWait,    // waits for the pad that is being made for the bank; makes one when none is
  kRefuse,  // fails with kPadsExhausted
  kInline,  // makes one
};

struct SessionOptions {
  VendorKey vendor_key{};
  uint32_t threads = 1;  // of the accelerator, for each segment that runs; the caller's included
  // Requests that may be under way at once, up to kMaxRuns. Each has memory of its own inside and outside the trusted
  // half; kSecureMemoryExceeded says how many fit.
  uint32_t max_in_flight = 1;
  PadPolicy pad_policy = PadPolicy::kWait;
  // Bytes of pads kept ready by making some whenever the host is idle; none are when the bundle does not tell the size
  // of its pads. MakePads() may make more. Empty: DefaultPadBankSize().
  std::optional<uint64_t> pad_bank_size = 0;
  std::chrono::milliseconds device_timeout = kDefaultDeviceTimeout;  // of one job, up to kMaxDeviceTimeout
  // Bytes of private memory the trusted half gets; 0: what the bundle was planned for.
  uint64_t secure_memory_size = 0;
  uint64_t max_exchange_size = uint64_t{8} << 30;  // a bundle that wants more is refused
  std::unique_ptr<PadStore> pads;                  // null: in memory, or in the folder below
  // Pads that nobody has leased outlive the session in this folder (docs/pad_bank.md). Null: none does.
  std::shared_ptr<const PadFolder> durable_pads;
  // Pads that wait inside the trusted half, unsealed, where its memory has room for them beside the model; the others, and
  // durable ones, wait outside. They are no part of pad_bank_size.
  uint32_t pads_inside = 0;
  // Of durable pads: how many are in hand at once, so that an unclean end burns fewer than twice as many. 0: half of
  // the bank, at least two.
  uint32_t pad_lease = 0;
};

// A float32 tensor in logical axis order.
struct TensorView {
  std::string name;
  std::vector<uint32_t> shape;
  std::span<const float> values;
};
struct Tensor {
  std::string name;
  std::vector<uint32_t> shape;
  std::vector<float> values;
};

// A receipt for one inference (boundary/receipt.h).
struct ReceiptRequest {
  std::array<uint8_t, kReceiptNonceSize> nonce{};  // whoever will believe the receipt chose it
  std::vector<uint8_t> receipt;                    // the COSE_Sign1 message, filled by Run
};

struct RunStats {
  uint64_t total_ns = 0;
  PumpStats pump;
  uint64_t port_bytes = 0;     // inputs and outputs, which cross in the clear
  uint64_t clamped_count = 0;  // input levels that left the calibrated range

  uint64_t inside_ns() const { return pump.inside_ns; }
  uint64_t outside_ns() const { return total_ns - pump.inside_ns; }
  uint64_t crossing_bytes() const { return pump.bytes_in + pump.bytes_out + port_bytes; }
};

// Safe from any thread: up to max_in_flight calls of Run and MakePads are under way at once, more wait and are served in
// the order they came. Everything throws HostError. After kEnclaveDied, kPoisoned, kTimeout, kIntegrity or kInternal
// the session is over, for every thread; after other errors it can be used again, and no other request has noticed.
class Session {
 public:
  // Starts `transport` (not yet started) with the sizes the bundle asks for, loads the bundle into
  // it and prepares every segment on `device`.
  static std::unique_ptr<Session> Load(const std::filesystem::path& bundle,
                                       std::unique_ptr<Transport> transport,
                                       std::shared_ptr<Device> device, SessionOptions options);
  // Ends with ~TrustedHalf(), durable pads recorded. No call may be under way.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::string& model_name() const { return bundle_->manifest().name; }
  const std::vector<Port>& inputs() const { return metadata_.inputs; }
  const std::vector<Port>& outputs() const { return metadata_.outputs; }
  // Bytes of one sealed pad, 0 for a model without; empty when the bundle does not say.
  std::optional<uint64_t> pad_size() const { return metadata_.pad_size; }
  // How many pads can share a pass over the weights; 1: they are made one by one.
  uint32_t pad_batch() const { return metadata_.pad_batch; }
  const BundleFile& bundle() const { return *bundle_; }
  const Transport& transport() const { return trusted_.transport(); }
  uint32_t max_in_flight() const { return lanes_.count(); }

  // Makes `count` pads ahead of the inferences that will use them, as many at a time as can share a pass over the
  // weights. Nothing happens when the model
  // needs none. Returns what it cost.
  RunStats MakePads(uint32_t count);

  // Every input of the model exactly once, in any order. Returns all outputs, in the model's order.
  // kWrongName, kWrongShape, kNotFinite name the input; nothing has run then.
  // `receipt`: null for none; empty after a failure.
  std::vector<Tensor> Run(std::span<const TensorView> inputs, RunStats* out_stats = nullptr,
                          ReceiptRequest* receipt = nullptr);

  // After a Run that ended in kIntegrity: what the trusted half sealed for the vendor, who alone can read it.
  std::optional<FailureLog> failure_log();

  // What the trusted half says about itself and its memory.
  Info QueryInfo();

  // Sees every job of later calls, each lane on a thread of its own; null to stop. Waits for the calls under way. The observer
  // outlives its use.
  void SetObserver(ExchangeObserver* observer);
  // Gets what both halves do in later calls, pads made in idle time included; null to stop. Waits likewise.
  void SetTimeline(std::shared_ptr<Timeline> timeline);

 private:
  using Inputs = std::vector<std::span<const float>>;  // in the order of the model's ports

  Session(std::shared_ptr<const BundleFile> bundle, Metadata metadata,
          std::unique_ptr<Transport> transport, const SessionOptions& options,
          std::unique_ptr<PadStore> pads);
  void StartTransport(const SessionOptions& options);
  void LoadModel(uint32_t pads_inside);
  void MakeDurableBank(const SessionOptions& options);
  void OpenDurableBank();
  void StartFiller(std::optional<uint64_t> bank_size);
  PadSource::Outcome MakePadsAtPace(uint32_t count, Pace* pace);
  FairPool::Lease TakeLane();
  template <typename Change>
  void ChangePumps(Change&& change);
  Inputs CheckInputs(std::span<const TensorView> inputs) const;
  void WriteInputs(const Inputs& inputs, uint32_t lane);
  std::vector<Tensor> ReadOutputs(uint32_t lane);
  Reply Infer(const Inputs& inputs, const Command& start, PumpStats* stats);
  std::optional<Reply> StartWithPad(const Command& start, PumpStats* stats);
  Reply StartOnce(const Command& start, PumpStats* stats);
  Reply StartInference(const Inputs& inputs, const Command& start, PumpStats* stats);
  std::vector<uint8_t> ReadReceipt(uint32_t lane, const Reply& reply);
  uint64_t PartOffset(uint32_t lane);
  template <typename Body>
  auto WithLane(Body&& body);
  std::span<float> PortMemory(const Port& port, uint32_t lane);

  std::shared_ptr<const BundleFile> bundle_;
  Metadata metadata_;
  TrustedHalf trusted_;
  std::unique_ptr<PadStore> pads_;
  std::vector<std::unique_ptr<JobPump>> pumps_;  // one per lane
  std::unique_ptr<DurableBank> durable_bank_;    // null: pads end with the session
  FairPool lanes_;
  FairPool starts_{1};     // whoever finds no pad makes one and takes it before anybody else starts
  FairPool observers_{1};  // one ChangePumps at a time
  std::shared_ptr<Timeline> timeline_;  // may be null; read by whoever has a lane
  const PadPolicy pad_policy_;
  std::unique_ptr<PadFiller> filler_;  // may be null; uses everything above
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_SESSION_H_
