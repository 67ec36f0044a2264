// A public half, parsed: the segments of a bundle, or the one segment that the trusted half emitted (docs/bundle_format.md).
#ifndef PENUMBRA_HOST_PUBLIC_HALF_H_
#define PENUMBRA_HOST_PUBLIC_HALF_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "accel/device.h"
#include "host/bundle_layout.h"

namespace penumbra::host {

// Immutable, so safe from any thread. Borrows the bytes.
class PublicHalf final : public BlobSource {
 public:
  PublicHalf() = default;
  // Throws HostError as ParsePublicHalf().
  PublicHalf(std::span<const uint8_t> bytes, uint64_t file_offset)
      : bytes_(bytes), tables_(ParsePublicHalf(bytes, file_offset)) {}

  std::span<const uint8_t> bytes() const { return bytes_; }
  uint32_t segment_count() const { return static_cast<uint32_t>(tables_.segments.size()); }
  // index < segment_count().
  SegmentView Segment(uint32_t index) const;
  std::span<const std::byte> Blob(uint32_t index) const override;

 private:
  std::span<const uint8_t> bytes_;
  PublicTables tables_;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_PUBLIC_HALF_H_
