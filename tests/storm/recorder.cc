#include "recorder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>
#include <vector>

#include "accel/validate.h"
#include "crypto/hash.h"

namespace penumbra::storm {
namespace {

Fingerprint FingerprintOf(std::span<const uint8_t> bytes) {
  Fingerprint digest{};
  if (!IsOk(crypto::Sha256::Digest(bytes, digest))) std::abort();
  return digest;
}

// x' - x modulo each plane's prime.
std::vector<uint8_t> PadOf(std::span<const uint8_t> masked, const std::vector<int32_t>& levels) {
  std::vector<uint8_t> pad;
  for (size_t i = 0; i < masked.size(); ++i) {
    const int32_t prime = kPrimes[i / levels.size()];
    const int32_t difference = (masked[i] - levels[i % levels.size()]) % prime;
    pad.push_back(static_cast<uint8_t>(difference < 0 ? difference + prime : difference));
  }
  return pad;
}

uint32_t WeightsOf(const SegmentView& segment) { return segment.nodes.front().weight_blob; }

}  // namespace

class RecordingDevice::Segment final : public PreparedSegment {
 public:
  Segment(const RecordingDevice* device, uint32_t index, const SegmentTensor& input,
          std::unique_ptr<PreparedSegment> honest)
      : device_(device), index_(index), input_(input), honest_(std::move(honest)) {}

  Status Run(const Job& job) override {
    device_->Record(index_, input_, reinterpret_cast<const uint8_t*>(job.inputs[0]));
    return honest_->Run(job);
  }

 private:
  const RecordingDevice* device_;
  uint32_t index_;
  SegmentTensor input_;
  std::unique_ptr<PreparedSegment> honest_;
};

RecordingDevice::RecordingDevice(std::shared_ptr<Device> honest, const StormFolder& folder,
                                 const host::BundleFile& bundle, const std::filesystem::path& log,
                                 uint64_t life)
    : honest_(std::move(honest)),
      folder_(folder),
      bundle_(bundle),
      life_(life),
      log_(open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {
  if (log_ < 0) throw std::system_error(errno, std::generic_category(), log.string());
}

RecordingDevice::~RecordingDevice() { close(log_); }

Status RecordingDevice::Prepare(const SegmentView& segment, const BlobSource& blobs,
                                const PrepareOptions& options,
                                std::unique_ptr<PreparedSegment>* out_prepared,
                                std::string* out_why) {
  out_prepared->reset();
  std::unique_ptr<PreparedSegment> honest;
  const Status status = honest_->Prepare(segment, blobs, options, &honest, out_why);
  if (!IsOk(status)) return status;
  uint32_t index = 0;
  while (WeightsOf(bundle_.Segment(index)) != WeightsOf(segment)) ++index;
  *out_prepared =
      std::make_unique<Segment>(this, index, segment.tensors[segment.inputs[0]], std::move(honest));
  return Status::kOk;
}

void RecordingDevice::Record(uint32_t segment, const SegmentTensor& shape,
                             const uint8_t* masked) const {
  const std::span<const uint8_t> bytes(masked, TensorByteSize(shape, 1));
  LogRecord record{.life = life_, .segment = segment, .count = 1, .fingerprints = {}};
  if (segment == folder_.first_segment) {
    record.count = static_cast<uint32_t>(folder_.levels.size());
    for (uint32_t i = 0; i < record.count; ++i) {
      record.fingerprints[i] = FingerprintOf(PadOf(bytes, folder_.levels[i]));
    }
  } else {
    record.fingerprints[0] = FingerprintOf(bytes);
  }
  // A log with a gap proves nothing.
  if (write(log_, &record, sizeof(record)) != sizeof(record)) std::abort();
}

}  // namespace penumbra::storm
