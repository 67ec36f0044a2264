#include "host/pad_filler.h"

#include <utility>

namespace penumbra::host {

PadFiller::PadFiller(PadSource source, uint64_t bank_size, uint64_t pad_size, uint32_t lane_count)
    : source_(std::move(source)),
      bank_size_(bank_size),
      pad_size_(pad_size),
      lane_count_(lane_count),
      thread_([this] { Loop(); }) {}

PadFiller::~PadFiller() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void PadFiller::Count(int change) {
  const std::lock_guard lock(mutex_);
  in_flight_ += change;
  ++changes_;
  changed_.notify_all();
}

void PadFiller::Notify() {
  const std::lock_guard lock(mutex_);
  ++changes_;
  changed_.notify_all();
}

bool PadFiller::WantsPad() const {
  if (failed_ || pad_size_ > bank_size_ || source_.stored_size() > bank_size_ - pad_size_) return false;
  return in_flight_ == 0 || (in_flight_ < lane_count_ && source_.ready_count() == 0);
}

void PadFiller::Loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stop_ || WantsPad(); });
    if (stop_) return;
    const uint64_t seen = changes_;
    making_ = true;
    lock.unlock();
    const PadSource::Outcome outcome = source_.make(this);
    lock.lock();
    making_ = false;
    changed_.notify_all();
    failed_ = outcome == PadSource::Outcome::kFailed;
    if (outcome == PadSource::Outcome::kNoLane) {
      changed_.wait(lock, [&] { return stop_ || changes_ != seen; });
    }
  }
}

void PadFiller::WaitForPad() {
  std::unique_lock lock(mutex_);
  ++awaited_;
  changed_.notify_all();
  changed_.wait(lock, [&] { return !making_; });
  --awaited_;
}

bool PadFiller::MustWait() const {
  return in_flight_ != 0 && awaited_ == 0 && source_.ready_count() != 0;
}

// The pad holds a lane of its own, so a request waits for it.
bool PadFiller::MustGiveUp() const { return stop_ || (MustWait() && in_flight_ >= lane_count_); }

bool PadFiller::MayGoOn() {
  const std::lock_guard lock(mutex_);
  return !stop_ && !MustWait();
}

bool PadFiller::WaitToGoOn() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return MustGiveUp() || !MustWait(); });
  return !MustGiveUp();
}

}  // namespace penumbra::host
