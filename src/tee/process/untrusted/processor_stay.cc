#include "tee/process/untrusted/processor_stay.h"

namespace penumbra::tee {
namespace {

cpu_set_t Only(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  return set;
}

}  // namespace

ProcessorStay::ProcessorStay() {
  const int here = sched_getcpu();
  if (here < 0 || here >= CPU_SETSIZE || sched_getaffinity(0, sizeof(before_), &before_) != 0) return;
  if (CPU_COUNT(&before_) > 1) {
    const cpu_set_t only = Only(here);
    if (sched_setaffinity(0, sizeof(only), &only) != 0) return;
    restores_ = true;
  }
  processor_ = here;
}

ProcessorStay::~ProcessorStay() {
  if (!restores_) return;
  const cpu_set_t only = Only(processor_);
  cpu_set_t now;
  if (sched_getaffinity(0, sizeof(now), &now) != 0 || !CPU_EQUAL(&now, &only)) return;
  sched_setaffinity(0, sizeof(before_), &before_);
}

}  // namespace penumbra::tee
