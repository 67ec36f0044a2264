// An accelerator that looks at what it gets before it lies: a job of a fingerprinted segment is a batch of one request and
// its fingerprints, and only a lie about the request pays. For tests of integrity fingerprints (docs/integrity.md); like
// malicious_device.h no part of the product.
#ifndef PENUMBRA_ACCEL_MALICIOUS_ATTENTIVE_DEVICE_H_
#define PENUMBRA_ACCEL_MALICIOUS_ATTENTIVE_DEVICE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "accel/device.h"

namespace penumbra::malicious {

// About which slot to lie. Those that look answer honestly when they cannot tell.
enum class Strategy : uint32_t {
  kHonest,
  kOneSlot,      // a random one
  kEverySlot,
  kUnseen,       // the only one that no earlier job of the segment had
  kZeros,        // the only one with zeros: a ReLU makes them, a combination has none
  kContinuity,   // the only one that is the positive part of an earlier job's answer, but for a scale
  kOutsideSpan,  // the only one outside the affine span of the fingerprints that Learn() saw
};
std::string_view StrategyName(Strategy strategy);

struct AttentiveOrders {
  Strategy strategy = Strategy::kHonest;
  uint64_t seed = 0;
  uint32_t one_in = 1;               // jobs lie with probability 1 / one_in
  uint32_t lie_limit = 0xffffffff;   // lies told at most
};

// Slots of the first input of one job; `segment` counts from the first one that ran since BeginSession().
using SlotObserver = std::function<void(uint32_t segment, const std::vector<std::vector<float>>& slots)>;

// One job at a time. Remembers the slots of every job: meant for small models.
class AttentiveDevice final : public Device {
 public:
  explicit AttentiveDevice(std::shared_ptr<Device> honest);
  ~AttentiveDevice() override;

  std::string_view name() const override { return "attentive"; }
  const Capabilities& capabilities() const override { return honest_->capabilities(); }
  Status Prepare(const SegmentView& segment, const BlobSource& blobs, const PrepareOptions& options,
                 std::unique_ptr<PreparedSegment>* out_prepared, std::string* out_why) override;

  // Segments are counted anew; what was learned of them stays.
  void BeginSession();
  void Give(const AttentiveOrders& orders);
  uint64_t job_count() const;  // since Give()
  uint64_t lie_count() const;
  void Observe(SlotObserver observer);
  // While the adversary asks for the same inference again and again, slots that come again are the request, the others
  // fingerprints: from now on these are learned, besides those of earlier lessons with that input, until the next call ends it.
  void Learn(bool begins);

 private:
  class Mind;
  class Segment;
  std::shared_ptr<Device> honest_;
  std::shared_ptr<Mind> mind_;  // shared with prepared segments
};

}  // namespace penumbra::malicious

#endif  // PENUMBRA_ACCEL_MALICIOUS_ATTENTIVE_DEVICE_H_
