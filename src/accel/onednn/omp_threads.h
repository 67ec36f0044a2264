// How many OpenMP threads oneDNN may use.
#ifndef PENUMBRA_ACCEL_ONEDNN_OMP_THREADS_H_
#define PENUMBRA_ACCEL_ONEDNN_OMP_THREADS_H_

#include <cstdint>

namespace penumbra::onednn {

// Sets the number for the calling thread; puts the old one back.
class OmpThreads {
 public:
  explicit OmpThreads(uint32_t threads);
  ~OmpThreads();
  OmpThreads(const OmpThreads&) = delete;
  OmpThreads& operator=(const OmpThreads&) = delete;

 private:
  int before_;
};

// For the threads of a WorkerPool, from their start on: the strips they share run on one thread each.
void UseOneOmpThread();

}  // namespace penumbra::onednn

#endif  // PENUMBRA_ACCEL_ONEDNN_OMP_THREADS_H_
