// When each half of a session worked on what, for whoever asks where the time of a request goes.
#ifndef PENUMBRA_HOST_TIMELINE_H_
#define PENUMBRA_HOST_TIMELINE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "boundary/protocol.h"

namespace penumbra::host {

// What was done in one stretch of time. Within a lane slices of kTrusted, kAccelerate and kTransfer never overlap, and those
// of a request or of pads lie within it.
struct TimelineSlice {
  enum class Kind : uint8_t { kRequest, kPads, kTrusted, kAccelerate, kTransfer };
  Kind kind = Kind::kRequest;
  uint32_t lane = 0;
  uint64_t start_ns = 0, duration_ns = 0;  // from when the timeline was made
  JobKind job = JobKind::kNone;                // kAccelerate, kTransfer
  JobSource source = JobSource::kBundleChunk;  // kRead, kWrite
  uint32_t segment = 0;                        // kAccelerate
  uint64_t bytes = 0;                          // kAccelerate, kTransfer: that crossed
  uint32_t pads = 0;                           // kPads: how many
};

// Safe from any thread.
class Timeline {
 public:
  using Clock = std::chrono::steady_clock;

  // Keeps at most `max_slices`, the first ones.
  explicit Timeline(size_t max_slices) : origin_(Clock::now()), max_slices_(max_slices) {}

  // From `start` to now; `slice` without its times.
  void Add(TimelineSlice slice, Clock::time_point start);
  // The slices so far, in the order in which they ended, which it then forgets.
  std::vector<TimelineSlice> Take();
  uint64_t skipped_count() const;  // slices that did not fit since the last Take()

 private:
  const Clock::time_point origin_;
  const size_t max_slices_;
  mutable std::mutex mutex_;  // of everything below
  uint64_t skipped_count_ = 0;
  std::vector<TimelineSlice> slices_;
};

// Notes its scope, unless the timeline is null: then it costs nothing.
class NotedSlice {
 public:
  NotedSlice(Timeline* timeline, const TimelineSlice& what) : timeline_(timeline), slice_(what) {
    if (timeline_ != nullptr) start_ = Timeline::Clock::now();
  }
  ~NotedSlice() {
    if (timeline_ != nullptr) timeline_->Add(slice_, start_);
  }
  NotedSlice(const NotedSlice&) = delete;
  NotedSlice& operator=(const NotedSlice&) = delete;

 private:
  Timeline* timeline_;
  const TimelineSlice slice_;
  Timeline::Clock::time_point start_{};
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_TIMELINE_H_
