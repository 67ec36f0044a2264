// Host and enclave take turns on the same bytes and never work at the same time. On one processor
// these bytes stay in its caches; on two, every line crosses over and back.
#ifndef PENUMBRA_TEE_PROCESS_UNTRUSTED_PROCESSOR_STAY_H_
#define PENUMBRA_TEE_PROCESS_UNTRUSTED_PROCESSOR_STAY_H_

#include <sched.h>

namespace penumbra::tee {

// While it lives, the calling thread stays on the processor it was on: a thread that is woken while
// its waker still runs would be moved to an idle one. The thread that made it ends it.
class ProcessorStay {
 public:
  ProcessorStay();
  // Gives the thread back the processors it had, unless somebody chose others meanwhile.
  ~ProcessorStay();
  ProcessorStay(const ProcessorStay&) = delete;
  ProcessorStay& operator=(const ProcessorStay&) = delete;

  // Where the thread is; negative when the system does not let it stay.
  int processor() const { return processor_; }

 private:
  cpu_set_t before_;
  int processor_ = -1;
  bool restores_ = false;
};

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_PROCESS_UNTRUSTED_PROCESSOR_STAY_H_
