#include "host/segment_set.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <future>
#include <mutex>
#include <span>
#include <string>
#include <thread>
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
    : bundle_(std::move(bundle)), device_(std::move(device)), options_(options), segments_(bundle_->segment_count()) {
  PrepareAll();
}

// Packing weights is most of it, and no segment needs another: every processor takes the next one. They are claimed in order,
// so that of several refusals the first in the bundle is told.
void SegmentSet::PrepareAll() {
  const auto count = static_cast<uint32_t>(segments_.size());
  std::atomic<uint32_t> next = 0;
  std::mutex mutex;
  std::exception_ptr error;
  uint32_t refused = count;  // under the mutex, as `error`
  const auto work = [&] {
    for (uint32_t i = next++; i < count; i = next++) {
      try {
        Prepare(i, bundle_->Segment(i), *bundle_);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (i < refused) error = std::current_exception();
        refused = std::min(refused, i);
        next = count;
      }
    }
  };
  std::vector<std::future<void>> others;
  for (uint32_t i = 1; i < std::min(count, std::thread::hardware_concurrency()); ++i) {
    others.push_back(std::async(std::launch::async, work));
  }
  work();
  for (std::future<void>& other : others) other.get();
  if (error != nullptr) std::rethrow_exception(error);
}

void SegmentSet::AddEmitted(EmittedHalves::Halves halves) {
  for (auto& [index, bytes] : halves) {
    emitted_.push_back(std::make_unique<Emitted>(std::move(bytes)));
    const PublicHalf& half = emitted_.back()->half;
    if (half.segment_count() != 1 || Has(index) || index >= kMaxLayers) {
      throw HostError(Status::kMalformed, "the trusted half emitted no single segment", "segment " + std::to_string(index));
    }
    if (segments_.size() <= index) segments_.resize(index + size_t{1});
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
  segments_[index] = std::move(segment);
}

}  // namespace penumbra::host
