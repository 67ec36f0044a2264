#include "host/segment_set.h"

#include <span>
#include <string>
#include <utility>

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
    : bundle_(std::move(bundle)), device_(std::move(device)), max_batch_(options.max_batch) {
  segments_.reserve(bundle_->segment_count());
  for (uint32_t i = 0; i < bundle_->segment_count(); ++i) Prepare(i, options);
}

void SegmentSet::Prepare(uint32_t index, const PrepareOptions& options) {
  const SegmentView view = bundle_->Segment(index);
  std::unique_ptr<PreparedSegment> prepared;
  std::string why;
  const Status status = device_->Prepare(view, *bundle_, options, &prepared, &why);
  if (!IsOk(status)) {
    throw HostError(
        status, "the accelerator refuses a segment: " + why,
        "device " + std::string(device_->name()) + ", segment " + std::to_string(index));
  }
  auto segment = std::make_unique<Segment>();
  segment->prepared = std::move(prepared);
  segment->inputs = Shapes(view, view.inputs);
  segment->outputs = Shapes(view, view.outputs);
  segments_.push_back(std::move(segment));
}

}  // namespace penumbra::host
