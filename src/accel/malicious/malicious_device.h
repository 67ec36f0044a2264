// An accelerator in the adversary's hands: it computes as an honest backend does, and then lies on
// order. For tests of integrity schemes and of what happens without one. It is a library of its own
// that no part of the product links; the registry does not know it (tools/checks/rooms.py).
#ifndef PENUMBRA_ACCEL_MALICIOUS_MALICIOUS_DEVICE_H_
#define PENUMBRA_ACCEL_MALICIOUS_MALICIOUS_DEVICE_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "accel/device.h"

namespace penumbra::malicious {

enum class Lie : uint32_t {
  kHonest,               // forwards the reply
  kOtherRepresentative,  // honest, too: the largest number that means the same
  kFlipBit,
  kChangeElement,  // one residue, or one float
  kReplaceTile,    // a run of rows
  kOtherLayer,     // the latest reply to a job of another segment
  kOtherRequest,   // the latest reply to a job of this segment whose outputs stand elsewhere
  kOldReply,       // the latest reply to a job of this segment whose outputs stood here
  kSwapChannels,
  kAddConstant,
  kZeros,
  kShort,   // the end of the reply stays as the region was
  kLate,    // right, but only after Orders::delay
  kTwice,   // right; once accepted, random bytes are written over it
  kRacing,  // right and wrong bytes alternate in the region from the reply on
  kNever,   // comes back only after Release(), and then writes random bytes
};
// Every lie, in order, and its name for people ("flip-bit").
std::span<const Lie> Lies();
std::string_view LieName(Lie lie);
// Whether the bytes the trusted half reads go on changing after the reply: Account::wrong_count
// then says nothing.
constexpr bool IsConcurrent(Lie lie) { return lie == Lie::kTwice || lie == Lie::kRacing; }

struct Orders {
  Lie lie = Lie::kHonest;
  uint64_t seed = 0;                   // of everything that is drawn
  uint32_t honest_jobs = 0;            // before the first lie
  uint32_t one_in = 1;                 // later jobs lie with probability 1 / one_in
  uint32_t lie_limit = 1;              // lies told at most
  std::chrono::microseconds delay{0};  // of kLate; the longest of kTwice
  std::optional<uint32_t> plane = {};  // of kChangeElement, counted modulo the planes there are
};

struct Account {
  uint64_t job_count = 0;    // finished or hanging
  uint64_t lie_count = 0;    // lies told; a lie that finds nothing to tell (no old reply) is none
  uint64_t wrong_count = 0;  // lies whose bytes meant something else than the honest reply
};

// Any number of jobs at once, of any number of sessions. Remembers the latest reply of every
// segment at every place for as long as it lives: meant for small models.
class MaliciousDevice final : public Device {
 public:
  explicit MaliciousDevice(std::shared_ptr<Device> honest);
  // Like Release().
  ~MaliciousDevice() override;

  std::string_view name() const override { return "malicious"; }
  const Capabilities& capabilities() const override { return honest_->capabilities(); }
  Status Prepare(const SegmentView& segment, const BlobSource& blobs, const PrepareOptions& options,
                 std::unique_ptr<PreparedSegment>* out_prepared, std::string* out_why) override;

  // Starts a new account. Earlier writers are stopped.
  void Give(const Orders& orders);
  Account account() const;

  // kTwice and kRacing write after the job's end: `region` keeps that memory valid until the next
  // KeepAlive() or destruction.
  void KeepAlive(std::shared_ptr<const void> region);
  // When this returns hanging jobs have written and ended, and writers have stopped.
  void Release();

 private:
  class Mind;
  class Segment;
  std::shared_ptr<Device> honest_;
  std::shared_ptr<Mind> mind_;  // shared with prepared segments
};

}  // namespace penumbra::malicious

#endif  // PENUMBRA_ACCEL_MALICIOUS_MALICIOUS_DEVICE_H_
