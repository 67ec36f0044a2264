// An accelerator that answers honestly and writes down what it sees: every masked tensor, as a
// fingerprint, before it answers.
#ifndef PENUMBRA_TESTS_STORM_RECORDER_H_
#define PENUMBRA_TESTS_STORM_RECORDER_H_

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

#include "accel/device.h"
#include "folder.h"

namespace penumbra::storm {

inline constexpr uint32_t kMaxCandidates = 3;
using Fingerprint = std::array<uint8_t, 32>;  // SHA-256

// What the log holds, one record after the other.
//
// The first layer masks levels x of a known input: x' = x + r. Whoever knows the inputs computes
// r = x' - x for each of them; one of these candidates is the pad. Two records share a candidate if
// and only if they share the pad, but for coincidences of uniform residues in every element.
// Any other layer: the fingerprint of x' itself, which repeats when a pad serves the same input
// twice.
struct LogRecord {
  uint64_t life;     // of the loaded model
  uint32_t segment;  // index
  uint32_t count;    // of fingerprints
  Fingerprint fingerprints[kMaxCandidates];
};
static_assert(sizeof(LogRecord) == 112);

// Any number of jobs at once. Records are appended by one write(2) each: a killed process leaves
// whole records, and those of everything it answered.
class RecordingDevice final : public Device {
 public:
  // Segments are told apart by their weights: `bundle` is the one that will be loaded.
  RecordingDevice(std::shared_ptr<Device> honest, const StormFolder& folder,
                  const host::BundleFile& bundle, const std::filesystem::path& log, uint64_t life);
  ~RecordingDevice() override;

  std::string_view name() const override { return "recorder"; }
  const Capabilities& capabilities() const override { return honest_->capabilities(); }
  Status Prepare(const SegmentView& segment, const BlobSource& blobs, const PrepareOptions& options,
                 std::unique_ptr<PreparedSegment>* out_prepared, std::string* out_why) override;

 private:
  class Segment;
  void Record(uint32_t segment, const SegmentTensor& shape, const uint8_t* masked) const;

  std::shared_ptr<Device> honest_;
  const StormFolder& folder_;
  const host::BundleFile& bundle_;
  const uint64_t life_;
  int log_ = -1;
};

}  // namespace penumbra::storm

#endif  // PENUMBRA_TESTS_STORM_RECORDER_H_
