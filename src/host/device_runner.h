// Runs jobs of an accelerator with a time limit, so that a device that hangs costs a session, not
// the program.
#ifndef PENUMBRA_HOST_DEVICE_RUNNER_H_
#define PENUMBRA_HOST_DEVICE_RUNNER_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "accel/device.h"

namespace penumbra::host {

// A job that owns its pointer lists and keeps alive what they point into.
struct OwnedJob {
  std::shared_ptr<PreparedSegment> segment;
  uint32_t batch = 1;
  RowRange rows{0, 0};  // {0, height of the tallest output}
  std::vector<const std::byte*> inputs;
  std::vector<std::byte*> outputs;
  std::vector<std::shared_ptr<const void>> keep_alive;

  Status Run() const;
};

// One call at a time.
class DeviceRunner {
 public:
  // A zero timeout runs jobs on the caller's thread, without any limit and without a hand-over.
  explicit DeviceRunner(std::chrono::milliseconds timeout);
  // Joins the worker, unless it hangs: then it is left behind with everything its job keeps alive.
  ~DeviceRunner();
  DeviceRunner(const DeviceRunner&) = delete;
  DeviceRunner& operator=(const DeviceRunner&) = delete;

  // The job's status; kTimeout when the limit passed. After a timeout the job may still write to
  // its outputs at any time, and every later call returns kTimeout at once.
  Status Run(OwnedJob job);

 private:
  struct Worker;
  std::chrono::milliseconds timeout_;
  std::shared_ptr<Worker> worker_;  // shared with the worker's thread
  bool hung_ = false;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_DEVICE_RUNNER_H_
