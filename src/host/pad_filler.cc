#include "host/pad_filler.h"

#include <utility>

namespace penumbra::host {

PadFiller::PadFiller(PadSource source, uint64_t bank_size, uint64_t pad_size, uint32_t batch, uint32_t lane_count)
    : source_(std::move(source)),
      bank_size_(bank_size),
      pad_size_(pad_size),
      batch_(batch),
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

uint32_t PadFiller::Wanted() const {
  const uint64_t stored = source_.stored_size();
  const uint64_t room = stored < bank_size_ ? (bank_size_ - stored) / pad_size_ : 0;
  if (failed_ || room == 0) return 0;
  const bool is_empty = source_.ready_count() == 0;
  if (in_flight_ != 0) return in_flight_ < lane_count_ && is_empty ? 1 : 0;
  return is_empty || singles_ != 0 || room < batch_ ? 1 : batch_;
}

void PadFiller::Note(uint32_t count, PadSource::Outcome outcome) {
  failed_ = outcome == PadSource::Outcome::kFailed;
  if (count > 1 && outcome == PadSource::Outcome::kGivenUp) singles_ = batch_;
  if (count == 1 && outcome == PadSource::Outcome::kMade && singles_ != 0) --singles_;
}

void PadFiller::Loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    uint32_t count = 0;
    changed_.wait(lock, [&] { return stop_ || (count = Wanted()) != 0; });
    if (stop_) return;
    const uint64_t seen = changes_;
    making_ = true;
    lock.unlock();
    const PadSource::Outcome outcome = source_.make(count, this);
    lock.lock();
    making_ = false;
    changed_.notify_all();
    Note(count, outcome);
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
