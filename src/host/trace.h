// What an adversary outside the TEE sees: every masked tensor and every sealed transfer in the
// exchange region. Used to show a masked activation as a picture and by the audit.
#ifndef PENUMBRA_HOST_TRACE_H_
#define PENUMBRA_HOST_TRACE_H_

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "boundary/protocol.h"
#include "boundary/segment.h"

namespace penumbra::host {

// Called by the job pumps after each job, each on its own thread. Views end with the call.
class ExchangeObserver {
 public:
  virtual ~ExchangeObserver() = default;
  // The segment's first input and output with their shapes; the bytes span all ports.
  virtual void OnAccelerate(const HostJob& job, const SegmentTensor& input_shape,
                            std::span<const uint8_t> input, const SegmentTensor& output_shape,
                            std::span<const uint8_t> output) = 0;
  // kRead and kWrite: the bytes that crossed.
  virtual void OnTransfer(const HostJob& job, std::span<const uint8_t> bytes) = 0;
};

// Keeps copies, up to a limit. Safe from any thread.
class TraceRecorder final : public ExchangeObserver {
 public:
  struct Record {
    HostJob job;
    SegmentTensor input_shape, output_shape;  // kAccelerate
    std::vector<uint8_t> input;   // kAccelerate: masked input; else the bytes that crossed
    std::vector<uint8_t> output;  // kAccelerate: reply
  };

  explicit TraceRecorder(uint64_t max_size) : max_size_(max_size) {}
  void OnAccelerate(const HostJob& job, const SegmentTensor& input_shape,
                    std::span<const uint8_t> input, const SegmentTensor& output_shape,
                    std::span<const uint8_t> output) override;
  void OnTransfer(const HostJob& job, std::span<const uint8_t> bytes) override;

  // The records so far, which it then forgets; there is room for others again.
  std::vector<Record> Take();
  uint64_t skipped_count() const;  // records that did not fit the limit since the last Take()

 private:
  bool Reserve(uint64_t size);

  const uint64_t max_size_;
  mutable std::mutex mutex_;  // of everything below
  uint64_t size_ = 0;
  uint64_t skipped_count_ = 0;
  std::vector<Record> records_;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_TRACE_H_
