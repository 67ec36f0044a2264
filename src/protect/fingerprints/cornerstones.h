// Cornerstones of oblivious fingerprints (SOTER, USENIX ATC 2022, section 4.3): secret inputs X_i of every float segment and
// its outputs Y_i = F(X_i). Inside, every inference combines them anew (docs/integrity.md,
// docs/decisions/0020-fingerprints.md).
#ifndef PENUMBRA_PROTECT_FINGERPRINTS_CORNERSTONES_H_
#define PENUMBRA_PROTECT_FINGERPRINTS_CORNERSTONES_H_

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "protect/fingerprints/observed_inputs.h"
#include "protect/schedule/fingerprint_plan.h"
#include "protect/schedule/float_segments.h"
#include "protect/weights/secret_stream.h"

namespace penumbra::protect {

struct FingerprintOptions {
  uint32_t cornerstone_count = 16;  // K
  uint32_t count = 1;               // fingerprints in every job, 1..kMaxFingerprints
  double challenge_rate = 1;        // q: each tile of a reply is compared with this probability
  // The straw man of the paper: one cornerstone, so always the same fingerprint. For comparison only.
  bool fixed = false;
};

// Least K without FingerprintOptions::fixed: with two, sum c = sum c^2 = 1 leaves nothing to choose.
inline constexpr uint32_t kLeastCornerstones = 4;

// Throws model::ModelError(kInvalidArgument): K, the count or the rate is out of range.
FingerprintRec CheckedRecord(const FingerprintOptions& options);

// Keeps the graph it was made for borrowed; erases its key at destruction. One thread at a time.
class Cornerstones {
 public:
  // Throws model::ModelError: kInvalidArgument for the options, kUnsupported naming a segment's first operator when the
  // segment turns out not to be affine.
  Cornerstones(const LoweredGraph& graph, const FloatPlan& floats,
               const std::map<TensorId, ChannelMoments>& moments, const FingerprintOptions& options,
               const SecretKey& key);
  ~Cornerstones();
  Cornerstones(const Cornerstones&) = delete;
  Cornerstones& operator=(const Cornerstones&) = delete;

  // Valid for as long as this is. Its values are computed when they are asked for and kept port by port.
  const FingerprintPlan& plan() const { return plan_; }
  uint64_t size() const { return size_; }  // bytes of all cornerstones
  // Multiplications of one inference: combining what is sent and what it must come to.
  uint64_t multiplications() const { return size_ / sizeof(float) * plan_.count; }

 private:
  struct Segment;
  struct Held {
    uint32_t segment = kNone, port = kNone;
    std::vector<std::vector<float>> values;  // of each cornerstone
  };

  std::vector<float> Draw(uint32_t segment, uint32_t port, uint32_t cornerstone) const;
  std::vector<std::vector<float>> DrawInputs(uint32_t segment, uint32_t cornerstone) const;
  std::vector<float> TolerancesOf(uint32_t segment) const;
  void ConfirmAffine(uint32_t segment) const;
  std::span<const float> Values(uint32_t segment, uint32_t port, uint32_t cornerstone);

  const LoweredGraph& graph_;
  SecretKey key_;
  uint64_t scale_roundings_;
  std::vector<std::unique_ptr<Segment>> segments_;
  Held held_;
  FingerprintPlan plan_;
  uint64_t size_ = 0;
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_FINGERPRINTS_CORNERSTONES_H_
