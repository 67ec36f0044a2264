#include "host/timeline.h"

#include <utility>

namespace penumbra::host {
namespace {

uint64_t Nanoseconds(Timeline::Clock::duration duration) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}

}  // namespace

void Timeline::Add(TimelineSlice slice, Clock::time_point start) {
  const Clock::time_point end = Clock::now();
  slice.start_ns = Nanoseconds(start - origin_);
  slice.duration_ns = Nanoseconds(end - start);
  const std::lock_guard lock(mutex_);
  if (slices_.size() == max_slices_) {
    ++skipped_count_;
    return;
  }
  slices_.push_back(slice);
}

std::vector<TimelineSlice> Timeline::Take() {
  const std::lock_guard lock(mutex_);
  skipped_count_ = 0;
  return std::exchange(slices_, {});
}

uint64_t Timeline::skipped_count() const {
  const std::lock_guard lock(mutex_);
  return skipped_count_;
}

}  // namespace penumbra::host
