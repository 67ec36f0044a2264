// A protected model, loaded and ready: bundle, trusted half, accelerator and pads under one object.
#ifndef PENUMBRA_HOST_SESSION_H_
#define PENUMBRA_HOST_SESSION_H_

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
#include "host/job_pump.h"
#include "host/metadata.h"
#include "host/pad_store.h"
#include "host/trace.h"
#include "host/transport.h"

namespace penumbra::host {

struct SessionOptions {
  VendorKey vendor_key{};
  uint32_t threads = 1;  // of the accelerator
  // An inference that finds no pad makes one first; without this it fails with kPadsExhausted.
  bool make_missing_pads = true;
  std::chrono::milliseconds device_timeout{0};  // 0: no limit
  // Bytes of private memory the trusted half gets; 0: what the bundle was planned for.
  uint64_t secure_memory_size = 0;
  uint64_t max_exchange_size = uint64_t{8} << 30;  // a bundle that wants more is refused
  std::unique_ptr<PadStore> pads;                  // null: in memory
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

struct RunStats {
  uint64_t total_ns = 0;
  PumpStats pump;
  uint64_t port_bytes = 0;     // inputs and outputs, which cross in the clear
  uint64_t clamped_count = 0;  // input levels that left the calibrated range

  uint64_t inside_ns() const { return pump.inside_ns; }
  uint64_t outside_ns() const { return total_ns - pump.inside_ns; }
  uint64_t crossing_bytes() const { return pump.bytes_in + pump.bytes_out + port_bytes; }
};

// One call at a time. Everything throws HostError. After kEnclaveDied, kPoisoned, kTimeout,
// kIntegrity or kInternal the session is over; after other errors it can be used again.
class Session {
 public:
  // Starts `transport` (not yet started) with the sizes the bundle asks for, loads the bundle into
  // it and prepares every segment on `device`.
  static std::unique_ptr<Session> Load(const std::filesystem::path& bundle,
                                       std::unique_ptr<Transport> transport,
                                       std::shared_ptr<Device> device, SessionOptions options);
  // Wipes the model in the trusted half and ends it.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::string& model_name() const { return bundle_->manifest().name; }
  const std::vector<Port>& inputs() const { return metadata_.inputs; }
  const std::vector<Port>& outputs() const { return metadata_.outputs; }
  const BundleFile& bundle() const { return *bundle_; }
  const Transport& transport() const { return *transport_; }

  // Makes `count` pads ahead of the inferences that will use them. Nothing happens when the model
  // needs none. Returns what it cost.
  RunStats MakePads(uint32_t count);

  // Every input of the model exactly once, in any order. Returns all outputs, in the model's order.
  // kWrongName, kWrongShape, kNotFinite name the input; nothing has run then.
  std::vector<Tensor> Run(std::span<const TensorView> inputs, RunStats* out_stats = nullptr);

  // What the trusted half says about itself and its memory.
  Info QueryInfo();

  // Sees every job of later calls; null to stop. The observer outlives its use.
  void SetObserver(ExchangeObserver* observer) { pump_->SetObserver(observer); }

 private:
  Session(std::shared_ptr<const BundleFile> bundle, Metadata metadata,
          std::unique_ptr<Transport> transport, const SessionOptions& options,
          std::unique_ptr<PadStore> pads);
  void StartTransport(const SessionOptions& options);
  void LoadModel();
  void WriteInputs(std::span<const TensorView> inputs);
  std::vector<Tensor> ReadOutputs();
  Reply Infer(std::span<const TensorView> inputs, PumpStats* stats);
  static Command StartCommand(ProgramId program);
  std::span<float> PortMemory(const Port& port);

  std::shared_ptr<const BundleFile> bundle_;
  Metadata metadata_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<PadStore> pads_;
  std::unique_ptr<JobPump> pump_;
  bool make_missing_pads_;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_SESSION_H_
