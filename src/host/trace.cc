#include "host/trace.h"

#include <utility>

namespace penumbra::host {

bool TraceRecorder::Reserve(uint64_t size) {
  if (size > max_size_ - size_) {
    ++skipped_count_;
    return false;
  }
  size_ += size;
  return true;
}

void TraceRecorder::OnAccelerate(const HostJob& job, const SegmentTensor& input_shape,
                                 std::span<const uint8_t> input, const SegmentTensor& output_shape,
                                 std::span<const uint8_t> output) {
  const std::lock_guard lock(mutex_);
  if (!Reserve(input.size() + output.size())) return;
  records_.push_back({job,
                      input_shape,
                      output_shape,
                      {input.begin(), input.end()},
                      {output.begin(), output.end()}});
}

void TraceRecorder::OnTransfer(const HostJob& job, std::span<const uint8_t> bytes) {
  const std::lock_guard lock(mutex_);
  if (!Reserve(bytes.size())) return;
  records_.push_back({job, {}, {}, {bytes.begin(), bytes.end()}, {}});
}

std::vector<TraceRecorder::Record> TraceRecorder::Take() {
  const std::lock_guard lock(mutex_);
  size_ = 0;
  skipped_count_ = 0;
  return std::exchange(records_, {});
}

uint64_t TraceRecorder::skipped_count() const {
  const std::lock_guard lock(mutex_);
  return skipped_count_;
}

}  // namespace penumbra::host
