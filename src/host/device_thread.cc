#include "host/device_thread.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace penumbra::host {

using Clock = std::chrono::steady_clock;

struct DeviceThread::State final : public DeviceClock {
  explicit State(std::chrono::milliseconds time_limit) : limit(time_limit) {}

  Status Time(const std::function<Status()>& job) override;

  static void Loop(const std::shared_ptr<State>& self);
  // With the mutex: whether the work ended before a job of it took too long.
  bool WaitForEnd(std::unique_lock<std::mutex>& lock);

  const std::chrono::milliseconds limit;
  std::mutex mutex;
  std::condition_variable changed;
  Work work;                                 // handed over, not yet taken
  bool ended = false;                        // the last work taken
  std::exception_ptr failure;                // of it
  std::optional<Clock::time_point> entered;  // the device, by the work under way
  bool stop = false;
  bool left_behind = false;
  std::thread thread;
};

Status DeviceThread::State::Time(const std::function<Status()>& job) {
  {
    const std::lock_guard lock(mutex);
    entered = Clock::now();
  }
  Status status = Status::kInternal;
  std::exception_ptr thrown;
  try {
    status = job();
  } catch (...) {
    thrown = std::current_exception();
  }
  const std::lock_guard lock(mutex);
  entered.reset();
  if (left_behind) throw LeftBehind();
  if (thrown != nullptr) std::rethrow_exception(thrown);
  return status;
}

void DeviceThread::State::Loop(const std::shared_ptr<State>& self) {
  std::unique_lock lock(self->mutex);
  for (;;) {
    self->changed.wait(lock, [&] { return self->stop || self->work; });
    if (self->stop) return;
    Work work = std::exchange(self->work, nullptr);
    lock.unlock();
    std::exception_ptr failure;
    try {
      work(self.get());
    } catch (const LeftBehind&) {
      return;
    } catch (...) {
      failure = std::current_exception();
    }
    work = nullptr;
    lock.lock();
    self->failure = std::move(failure);
    self->ended = true;
    self->changed.notify_all();
  }
}

bool DeviceThread::State::WaitForEnd(std::unique_lock<std::mutex>& lock) {
  for (;;) {
    // A job that begins after this has the whole limit: it is looked at again before that has passed.
    const Clock::time_point next = entered.value_or(Clock::now()) + limit;
    if (changed.wait_until(lock, next, [this] { return ended; })) return true;
    if (entered && Clock::now() - *entered >= limit) return false;
  }
}

DeviceThread::DeviceThread(std::chrono::milliseconds limit) : state_(std::make_shared<State>(limit)) {
  state_->thread = std::thread([state = state_] { State::Loop(state); });
}

DeviceThread::~DeviceThread() {
  std::unique_lock lock(state_->mutex);
  state_->stop = true;
  state_->changed.notify_all();
  const bool left_behind = state_->left_behind;
  lock.unlock();
  if (left_behind) {
    state_->thread.detach();
  } else {
    state_->thread.join();
  }
}

bool DeviceThread::Run(Work work) {
  std::unique_lock lock(state_->mutex);
  if (state_->left_behind) return false;
  state_->ended = false;
  state_->work = std::move(work);
  state_->changed.notify_all();
  state_->left_behind = !state_->WaitForEnd(lock);
  if (state_->left_behind) return false;
  if (std::exception_ptr failure = std::exchange(state_->failure, nullptr)) {
    lock.unlock();
    std::rethrow_exception(failure);
  }
  return true;
}

}  // namespace penumbra::host
