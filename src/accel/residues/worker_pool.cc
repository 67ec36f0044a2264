#include "accel/residues/worker_pool.h"

namespace penumbra::residues {
namespace {

// Layers follow each other within microseconds; sleeping between them costs more than a short spin.
constexpr int kSpinCount = 4000;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

WorkerPool::WorkerPool(uint32_t threads, void (*start)()) {
  for (uint32_t i = 1; i < threads; ++i) {
    workers_.emplace_back([this, start, i] {
      if (start != nullptr) start();
      Work(i);
    });
  }
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
    ++round_;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void WorkerPool::Drain(uint32_t thread) {
  try {
    for (uint32_t i = next_++; i < count_ && !failed_; i = next_++) (*task_)(i, thread);
  } catch (...) {
    failed_ = true;
  }
}

void WorkerPool::Work(uint32_t thread) {
  for (uint64_t seen = 0;; ++seen) {
    for (int i = 0; i < kSpinCount && round_ == seen; ++i) Pause();
    if (round_ == seen) {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [&] { return round_ != seen; });
    }
    if (stop_) return;
    Drain(thread);
    --busy_;
  }
}

bool WorkerPool::ForEach(uint32_t count,
                         const std::function<void(uint32_t index, uint32_t thread)>& task) {
  const bool shared = count > 1 && !workers_.empty();
  count_ = count;
  task_ = &task;
  next_ = 0;
  failed_ = false;
  if (shared) {
    busy_ = static_cast<uint32_t>(workers_.size());
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++round_;
    }
    wake_.notify_all();
  }
  Drain(0);
  // Every worker passes through each round, so none can be left inside this one's task.
  for (int i = 0; shared && busy_ != 0; ++i) {
    if (i < kSpinCount) {
      Pause();
    } else {
      std::this_thread::yield();
    }
  }
  return !failed_;
}

}  // namespace penumbra::residues
