#include "host/device_runner.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace penumbra::host {

struct DeviceRunner::Worker {
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<OwnedJob> job;     // handed over, not yet taken
  std::optional<Status> finished;  // the verdict of the last job taken
  bool stop = false;
  std::thread thread;

  static void Loop(std::shared_ptr<Worker> self) {
    std::unique_lock lock(self->mutex);
    for (;;) {
      self->changed.wait(lock, [&] { return self->stop || self->job.has_value(); });
      if (self->stop) return;
      std::optional<OwnedJob> job = std::exchange(self->job, std::nullopt);
      lock.unlock();
      const Status status = job->Run();
      job.reset();
      lock.lock();
      self->finished = status;
      self->changed.notify_all();
    }
  }
};

Status OwnedJob::Run() const {
  Job job;
  job.batch = batch;
  job.inputs = inputs;
  job.outputs = outputs;
  job.rows = rows;
  return segment->Run(job);
}

DeviceRunner::DeviceRunner(std::chrono::milliseconds timeout) : timeout_(timeout) {
  if (timeout_.count() <= 0) return;
  worker_ = std::make_shared<Worker>();
  worker_->thread = std::thread(Worker::Loop, worker_);
}

DeviceRunner::~DeviceRunner() {
  if (worker_ == nullptr) return;
  {
    const std::lock_guard lock(worker_->mutex);
    worker_->stop = true;
  }
  worker_->changed.notify_all();
  if (hung_) {
    worker_->thread.detach();
  } else {
    worker_->thread.join();
  }
}

Status DeviceRunner::Run(OwnedJob job) {
  if (worker_ == nullptr) return job.Run();
  if (hung_) return Status::kTimeout;
  std::unique_lock lock(worker_->mutex);
  worker_->finished.reset();
  worker_->job = std::move(job);
  worker_->changed.notify_all();
  const auto done = [this] { return worker_->finished.has_value(); };
  if (!worker_->changed.wait_for(lock, timeout_, done)) {
    hung_ = true;
    return Status::kTimeout;
  }
  return *worker_->finished;
}

}  // namespace penumbra::host
