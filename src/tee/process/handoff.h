// Waiting for a word of shared memory to change: a short spin, because an answer often comes within
// microseconds, then a futex.
#ifndef PENUMBRA_TEE_PROCESS_HANDOFF_H_
#define PENUMBRA_TEE_PROCESS_HANDOFF_H_

#include <cstdint>

#include "tee/process/control_block.h"

namespace penumbra::tee {

inline constexpr uint32_t kDefaultSpinNs = 20'000;

// How long it is worth spinning, learnt from how earlier spins ended. One thread at a time.
class SpinBudget {
 public:
  // Spins at most `max_ns`; never when this process may use one processor only.
  explicit SpinBudget(uint32_t max_ns);

  // Nanoseconds to spin now: halved by every spin in vain, back to the maximum after a success, and
  // a trial every 64th time once it has fallen to nothing.
  uint32_t NextNs();
  void Learn(bool succeeded);

 private:
  uint32_t max_ns_;
  uint32_t current_ns_;
  uint32_t skipped_ = 0;
};

// True when word->sequence is no longer `seen`, false when the budget ran out first.
bool SpinWhileEqual(const HandoffWord& word, uint32_t seen, SpinBudget* budget);

// Sleeps until word->sequence is no longer `seen`, `timeout_ns` passed (negative: no limit), or a
// signal came; the caller looks again. Only one thread may sleep on a word.
void SleepWhileEqual(HandoffWord* word, uint32_t seen, int64_t timeout_ns);

// Writes the word and wakes its sleeper.
void Post(HandoffWord* word, uint32_t value);

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_PROCESS_HANDOFF_H_
