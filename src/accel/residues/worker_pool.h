// A few threads that share the strips of one convolution: each strip stays in one core's cache from its windows to its
// residues.
#ifndef PENUMBRA_ACCEL_RESIDUES_WORKER_POOL_H_
#define PENUMBRA_ACCEL_RESIDUES_WORKER_POOL_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace penumbra::residues {

class WorkerPool {
 public:
  // `threads` in total; the caller of ForEach is one of them. Each of the others first runs `start`, if given.
  explicit WorkerPool(uint32_t threads, void (*start)() = nullptr);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  uint32_t threads() const { return static_cast<uint32_t>(workers_.size()) + 1; }

  // Runs task(index, thread) once for every index in [0, count), thread in [0, threads()), and
  // returns when all are done. False if any task threw; the others may then have been left out. One
  // call at a time.
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

}  // namespace penumbra::residues

#endif  // PENUMBRA_ACCEL_RESIDUES_WORKER_POOL_H_
