#include "tee/process/handoff.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace penumbra::tee {
namespace {

constexpr uint32_t kTrialInterval = 64;
constexpr uint32_t kShortestSpinNs = 1'000;
constexpr int kPausesPerClock = 16;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

int64_t NowNs() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

bool HasOneProcessor() {
  cpu_set_t allowed;
  return sched_getaffinity(0, sizeof(allowed), &allowed) == 0 && CPU_COUNT(&allowed) < 2;
}

uint32_t* FutexWord(HandoffWord* word) { return reinterpret_cast<uint32_t*>(&word->sequence); }

}  // namespace

SpinBudget::SpinBudget(uint32_t max_ns)
    : max_ns_(HasOneProcessor() ? 0 : max_ns), current_ns_(max_ns_) {}

uint32_t SpinBudget::NextNs() {
  if (current_ns_ >= kShortestSpinNs || max_ns_ == 0) return current_ns_;
  if (++skipped_ < kTrialInterval) return 0;
  skipped_ = 0;
  return max_ns_;
}

void SpinBudget::Learn(bool succeeded) { current_ns_ = succeeded ? max_ns_ : current_ns_ / 2; }

bool SpinWhileEqual(const HandoffWord& word, uint32_t seen, SpinBudget* budget) {
  if (word.sequence.load(std::memory_order_acquire) != seen) return true;
  const uint32_t spin_ns = budget->NextNs();
  if (spin_ns == 0) return false;
  const int64_t deadline = NowNs() + spin_ns;
  do {
    for (int i = 0; i < kPausesPerClock; ++i) {
      if (word.sequence.load(std::memory_order_acquire) != seen) {
        budget->Learn(true);
        return true;
      }
      Pause();
    }
  } while (NowNs() < deadline);
  budget->Learn(false);
  return false;
}

// asleep and sequence are written and read in opposite orders here and in Post. With sequential
// consistency one of the two sides sees the other's write, so no wake-up is lost.
void SleepWhileEqual(HandoffWord* word, uint32_t seen, int64_t timeout_ns) {
  word->asleep.store(1, std::memory_order_seq_cst);
  if (word->sequence.load(std::memory_order_seq_cst) == seen) {
    timespec timeout{};
    timeout.tv_sec = timeout_ns / 1'000'000'000;
    timeout.tv_nsec = timeout_ns % 1'000'000'000;
    // Not FUTEX_PRIVATE: the waker is another process.
    syscall(SYS_futex, FutexWord(word), FUTEX_WAIT, seen, timeout_ns < 0 ? nullptr : &timeout,
            nullptr, 0);
  }
  word->asleep.store(0, std::memory_order_relaxed);
}

void Post(HandoffWord* word, uint32_t value) {
  word->sequence.store(value, std::memory_order_seq_cst);
  if (word->asleep.load(std::memory_order_seq_cst) != 0) {
    syscall(SYS_futex, FutexWord(word), FUTEX_WAKE, 1, nullptr, nullptr, 0);
  }
}

}  // namespace penumbra::tee
