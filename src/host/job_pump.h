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
#include <utility>
#include <vector>

#include "boundary/protocol.h"
#include "host/bundle_file.h"
#include "host/device_thread.h"
#include "host/error.h"
#include "host/pad_store.h"
#include "host/segment_set.h"
#include "host/spill_store.h"
#include "host/timeline.h"
#include "host/trace.h"
#include "host/trusted_half.h"

namespace penumbra::host {

struct PumpStats {
  uint64_t switches = 0;        // calls into the trusted half
  uint64_t inside_ns = 0;       // spent in those calls, hand-over included, waiting for one's turn not
  uint64_t accelerator_ns = 0;  // spent in segments, likewise
  uint64_t transfer_ns = 0;     // spent copying for kRead and kWrite
  uint64_t bytes_out = 0;       // left the trusted half: masked inputs, kWrite
  uint64_t bytes_in = 0;        // entered it: replies, kRead
};

// Far beyond any job of a working device, and soon enough for whoever waits.
inline constexpr std::chrono::milliseconds kDefaultDeviceTimeout{60'000};
inline constexpr std::chrono::hours kMaxDeviceTimeout{24};

struct PumpOptions {
  std::chrono::milliseconds device_timeout = kDefaultDeviceTimeout;  // of one job, above zero
  // Bytes of spilled tiles of one inference.
  uint64_t max_spill_size = uint64_t{8} << 30;
};

class PadLost : public HostError {
 public:
  using HostError::HostError;
};

// Tells work that is in no hurry when to go on.
class Pace {
 public:
  virtual ~Pace() = default;
  virtual bool MayGoOn() = 0;
  // Waits; false: the work is to be given up.
  virtual bool WaitToGoOn() = 0;
};

// One call at a time; pumps that share the rest may run at once, each for a run of its own. The
// trusted half is not hostile to its host, but a carrier may be buggy and a bundle foreign: every job
// is checked against the exchange region before a byte moves.
class JobPump {
 public:
  // `trusted` is started; it and `pads` outlive the pump. `segments` are those of `bundle`; null: no job
  // of the accelerator is expected, and one that comes fails.
  JobPump(TrustedHalf* trusted, std::shared_ptr<const BundleFile> bundle,
          std::shared_ptr<SegmentSet> segments, PadStore* pads, const PumpOptions& options);

  // Sends `command` and does jobs until the trusted half is done; returns its last reply, with
  // status kOk. Throws HostError with the trusted half's or the failed job's status; a failed job
  // is reported to the trusted half first, so that it wipes what the command was about. Spilled
  // tiles are gone afterwards, and so is what was left of pads the command read and, after a
  // failure, what there was of pads it wrote; after a success those are complete. `stats` is added to, also on failure
  // unless that is kTimeout. After kTimeout the device may use the job's memory at any time, and the pump has no further use.
  // Throws PadLost when a pad could not be brought: the run has ended and that pad is spent, another may serve.
  Reply Run(const Command& command, PumpStats* stats) {
    return Finish(command, Start(command, stats), stats);
  }
  // The two parts of Run(): the command with its first answer, the rest.
  Reply Start(const Command& command, PumpStats* stats);
  Reply Finish(const Command& command, Reply reply, PumpStats* stats);

  // Run() with the trusted half left alone between any two steps for as long as `pace` says. kWrongState when the work
  // was given up.
  Reply RunAtPace(const Command& command, Pace* pace, PumpStats* stats);

  // Null switches observation off. The observer outlives its use; it is called on the pump's thread. Not during Run().
  void SetObserver(ExchangeObserver* observer) { observer_ = observer; }
  // Gets a slice for every call into the trusted half, every job of the accelerator and every copy; null: nobody does. Not
  // during Run().
  void SetTimeline(std::shared_ptr<Timeline> timeline) { timeline_ = std::move(timeline); }

 private:
  struct Failure {
    Status status = Status::kOk;
    std::string what;
    bool pad_lost = false;
  };

  Reply DoJobs(const Command& command, Reply reply, PumpStats* stats);
  [[noreturn]] void LeaveBehind(const Command& command, PumpStats* stats);
  void ForgetRun(bool failed);
  Reply CallTrusted(const Command& command, PumpStats* stats);
  Failure KeepPace();
  Failure Do(const HostJob& job, PumpStats* stats);
  Failure DoCaught(const HostJob& job, PumpStats* stats);
  Failure Accelerate(const HostJob& job, PumpStats* stats);
  Failure CheckAccelerate(const HostJob& job) const;
  Failure Transfer(const HostJob& job, PumpStats* stats);
  Failure Read(const HostJob& job, std::span<uint8_t> window);
  Status ReadPad(const HostJob& job, std::span<uint8_t> window);
  Failure Write(const HostJob& job, std::span<const uint8_t> window);

  TrustedHalf* trusted_;
  std::shared_ptr<const BundleFile> bundle_;
  std::shared_ptr<SegmentSet> segments_;
  PadStore* pads_;
  PumpOptions options_;
  DeviceThread thread_;
  DeviceClock* clock_ = nullptr;  // of thread_, while it works
  uint32_t segment_ = 0;          // that was handed to the device last
  SpillStore spill_;
  std::set<uint64_t> pads_read_, pads_written_;  // by the command that runs
  // Kept from call to call while nothing but copies lies between them: handing the trusted half to
  // another thread at every copy would cost more than the copies.
  TrustedHalf::Turn turn_;
  std::chrono::steady_clock::time_point turn_began_;
  uint32_t run_ = 0;  // whose jobs are done
  ExchangeObserver* observer_ = nullptr;
  std::shared_ptr<Timeline> timeline_;
  Pace* pace_ = nullptr;  // of the command that runs
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_JOB_PUMP_H_
