// The segments of a bundle, prepared once on one device for every request in flight: packed weights
// are large, and two requests rarely want the same segment at the same moment. When they do, the
// second waits; from then on they follow each other one segment apart.
#ifndef PENUMBRA_HOST_SEGMENT_SET_H_
#define PENUMBRA_HOST_SEGMENT_SET_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "accel/device.h"
#include "host/bundle_file.h"
#include "host/emitted_halves.h"
#include "host/fair_pool.h"

namespace penumbra::host {

struct Segment {
  std::shared_ptr<PreparedSegment> prepared;
  std::vector<SegmentTensor> inputs, outputs;
  // Taken for each Run, because a prepared segment runs one job at a time.
  FairPool turn{1};
};

// Safe from any thread after construction and AddEmitted().
class SegmentSet {
 public:
  // On all processors. Throws HostError with the device's reason.
  SegmentSet(std::shared_ptr<const BundleFile> bundle, std::shared_ptr<Device> device,
             const PrepareOptions& options);

  // Besides those of the bundle, under their own numbers. Throws as the constructor, and kMalformed for what is no public half of one
  // segment.
  void AddEmitted(EmittedHalves::Halves halves);

  bool Has(uint32_t index) const { return index < segments_.size() && segments_[index] != nullptr; }
  // Has(index).
  Segment& at(uint32_t index) { return *segments_.at(index); }
  std::string_view device_name() const { return device_->name(); }
  uint32_t max_batch() const { return options_.max_batch; }

 private:
  struct Emitted {
    explicit Emitted(std::vector<uint8_t> emitted) : bytes(std::move(emitted)), half(bytes, 0) {}
    const std::vector<uint8_t> bytes;
    const PublicHalf half;
  };
  void PrepareAll();
  // index < segments_.size()
  void Prepare(uint32_t index, const SegmentView& view, const BlobSource& blobs);

  std::shared_ptr<const BundleFile> bundle_;  // segments use its bytes in place
  std::shared_ptr<Device> device_;
  PrepareOptions options_;
  std::vector<std::unique_ptr<Emitted>> emitted_;  // segments use these bytes, too
  std::vector<std::unique_ptr<Segment>> segments_;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_SEGMENT_SET_H_
