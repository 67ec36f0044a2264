#include "host/segment_set.h"

#include <span>
#include <string>
#include <utility>

#include "boundary/limits.h"
#include "host/error.h"

namespace penumbra::host {
namespace {

std::vector<SegmentTensor> Shapes(const SegmentView& view, std::span<const uint32_t> ports) {
  std::vector<SegmentTensor> shapes;
  for (const uint32_t port : ports) shapes.push_back(view.tensors[port]);
  return shapes;
}

}  // namespace

SegmentSet::SegmentSet(std::shared_ptr<const BundleFile> bundle, std::shared_ptr<Device> device,
                       const PrepareOptions& options)
    : bundle_(std::move(bundle)), device_(std::move(device)), options_(options) {
  for (uint32_t i = 0; i < bundle_->segment_count(); ++i) Prepare(i, bundle_->Segment(i), *bundle_);
}

void SegmentSet::AddEmitted(EmittedHalves::Halves halves) {
  for (auto& [index, bytes] : halves) {
    emitted_.push_back(std::make_unique<Emitted>(std::move(bytes)));
    const PublicHalf& half = emitted_.back()->half;
    if (half.segment_count() != 1 || Has(index) || index >= kMaxLayers) {
      throw HostError(Status::kMalformed, "the trusted half emitted no single segment", "segment " + std::to_string(index));
    }
    Prepare(index, half.Segment(0), half);
  }
}

void SegmentSet::Prepare(uint32_t index, const SegmentView& view, const BlobSource& blobs) {
  std::unique_ptr<PreparedSegment> prepared;
  std::string why;
  const Status status = device_->Prepare(view, blobs, options_, &prepared, &why);
  if (!IsOk(status)) {
    throw HostError(
        status, "the accelerator refuses a segment: " + why,
        "device " + std::string(device_->name()) + ", segment " + std::to_string(index));
  }
  auto segment = std::make_unique<Segment>();
  segment->prepared = std::move(prepared);
  segment->inputs = Shapes(view, view.inputs);
  segment->outputs = Shapes(view, view.outputs);
  if (segments_.size() <= index) segments_.resize(index + size_t{1});
  segments_[index] = std::move(segment);
}

}  // namespace penumbra::host
