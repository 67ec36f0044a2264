// A thread for work that uses an accelerator, so that a device that hangs costs a session, not the program. The work stays
// on one thread from its first job to its last: a hand-over for every job would cost more than a short job.
#ifndef PENUMBRA_HOST_DEVICE_THREAD_H_
#define PENUMBRA_HOST_DEVICE_THREAD_H_

#include <chrono>
#include <functional>
#include <memory>

#include "boundary/status.h"

namespace penumbra::host {

// Thrown through work whose caller has left: it touches nothing any more but what it owns.
struct LeftBehind {};

// Tells the caller who waits whether the work is inside the device. Lives as long as the thread.
class DeviceClock {
 public:
  virtual ~DeviceClock() = default;
  // The job's status. Throws what the job throws, and LeftBehind when it took so long that nobody waits for it.
  virtual Status Time(const std::function<Status()>& job) = 0;
};

// One call at a time.
class DeviceThread {
 public:
  using Work = std::function<void(DeviceClock*)>;

  // `limit`: of one job, above zero.
  explicit DeviceThread(std::chrono::milliseconds limit);
  // Joins the thread, unless it hangs: then it is left behind with everything its work owns, and ends when the device
  // comes back.
  ~DeviceThread();
  DeviceThread(const DeviceThread&) = delete;
  DeviceThread& operator=(const DeviceThread&) = delete;

  // Runs `work` and waits for its end; throws what it throws. False: a job took longer than the limit. The device may then
  // still use the job's memory at any time, and every later call returns false at once.
  bool Run(Work work);

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with the thread
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_DEVICE_THREAD_H_
