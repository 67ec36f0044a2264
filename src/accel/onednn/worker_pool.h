// A few threads that share the strips of one convolution. oneDNN's own OpenMP team is not used for
// that: each strip must stay in one core's cache from the sums to their reduction.
#ifndef PENUMBRA_ACCEL_ONEDNN_WORKER_POOL_H_
#define PENUMBRA_ACCEL_ONEDNN_WORKER_POOL_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace penumbra::onednn {

// Sets how many OpenMP threads oneDNN may use from the calling thread; puts the old number back.
class OmpThreads {
 public:
  explicit OmpThreads(uint32_t threads);
  ~OmpThreads();
  OmpThreads(const OmpThreads&) = delete;
  OmpThreads& operator=(const OmpThreads&) = delete;

 private:
  int before_;
};

class WorkerPool {
 public:
  // `threads` in total; the caller of ForEach is one of them.
  explicit WorkerPool(uint32_t threads);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  uint32_t threads() const { return static_cast<uint32_t>(workers_.size()) + 1; }

  // Runs task(index, thread) once for every index in [0, count), thread in [0, threads()), and
  // returns when all are done. False if any task threw; the others may then have been left out. One
  // call at a time. Tasks run with one OpenMP thread.
  bool ForEach(uint32_t count, const std::function<void(uint32_t index, uint32_t thread)>& task);

 private:
  void Work(uint32_t thread);
  void Drain(uint32_t thread);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<uint64_t> round_{0};  // grows by one per ForEach; changed under mutex_
  std::atomic<uint32_t> next_{0}, busy_{0};
  std::atomic<bool> failed_{false}, stop_{false};
  uint32_t count_ = 0;
  const std::function<void(uint32_t, uint32_t)>* task_ = nullptr;
};

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_WORKER_POOL_H_
