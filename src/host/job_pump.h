// Runs a command of the trusted half to its end by doing the jobs it asks for: linear segments on
// the accelerator, bytes of the bundle, spilled tiles and pads.
#ifndef PENUMBRA_HOST_JOB_PUMP_H_
#define PENUMBRA_HOST_JOB_PUMP_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "accel/device.h"
#include "boundary/protocol.h"
#include "host/bundle_file.h"
#include "host/device_runner.h"
#include "host/pad_store.h"
#include "host/spill_store.h"
#include "host/trace.h"
#include "host/transport.h"

namespace penumbra::host {

struct PumpStats {
  uint64_t switches = 0;        // calls into the trusted half
  uint64_t inside_ns = 0;       // spent in those calls, hand-over included
  uint64_t accelerator_ns = 0;  // spent in segments
  uint64_t transfer_ns = 0;     // spent copying for kRead and kWrite
  uint64_t bytes_out = 0;       // left the trusted half: masked inputs, kWrite
  uint64_t bytes_in = 0;        // entered it: replies, kRead
};

struct PumpOptions {
  uint32_t threads = 1;                         // of the accelerator, the caller's included
  uint32_t max_batch = 1;                       // largest batch a job may ask for
  std::chrono::milliseconds device_timeout{0};  // 0: no limit
  // Bytes of spilled tiles of one inference, and of tiles derived at load.
  uint64_t max_spill_size = uint64_t{8} << 30;
};

// One call at a time. The trusted half is not hostile to its host, but a carrier may be buggy and a
// bundle foreign: every job is checked against the exchange region before a byte moves.
class JobPump {
 public:
  // Prepares every segment of `bundle` on `device`. `transport` is started; it and `pads` outlive
  // the pump. Throws HostError with the device's reason.
  JobPump(Transport* transport, std::shared_ptr<const BundleFile> bundle,
          std::shared_ptr<Device> device, PadStore* pads, const PumpOptions& options);

  // Sends `command` and does jobs until the trusted half is done; returns its last reply, with
  // status kOk. Throws HostError with the trusted half's or the failed job's status; a failed job
  // is reported to the trusted half first, so that it wipes what the command was about. Spilled
  // tiles are gone afterwards, and so is what was left of pads the command read. `stats` is added
  // to, also on failure.
  Reply Run(const Command& command, PumpStats* stats);

  // Null switches observation off. The observer outlives its use.
  void SetObserver(ExchangeObserver* observer) { observer_ = observer; }

 private:
  struct Segment {
    std::shared_ptr<PreparedSegment> prepared;
    std::vector<SegmentTensor> inputs, outputs;
  };
  struct Failure {
    Status status = Status::kOk;
    std::string what;
  };

  void ForgetRun();
  void PrepareSegment(uint32_t index, const PrepareOptions& options);
  Reply CallTrusted(const Command& command, PumpStats* stats);
  Failure Do(const HostJob& job, PumpStats* stats);
  Failure Accelerate(const HostJob& job, PumpStats* stats);
  Failure CheckAccelerate(const HostJob& job) const;
  Failure Transfer(const HostJob& job, PumpStats* stats);
  Failure Read(const HostJob& job, std::span<uint8_t> window);
  Failure Write(const HostJob& job, std::span<const uint8_t> window);

  Transport* transport_;
  std::shared_ptr<const BundleFile> bundle_;
  std::shared_ptr<Device> device_;
  PadStore* pads_;
  PumpOptions options_;
  std::vector<Segment> segments_;
  DeviceRunner runner_;
  SpillStore spill_;
  SpillStore derived_;            // kept as long as the model
  std::set<uint64_t> pads_read_;  // by the command that runs
  ExchangeObserver* observer_ = nullptr;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_JOB_PUMP_H_
