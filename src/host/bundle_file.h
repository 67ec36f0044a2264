// A .penumbra file as the host sees it: verified, mapped, its public half ready for an accelerator
// and its sealed half ready to be handed to the trusted runtime, which verifies everything again.
#ifndef PENUMBRA_HOST_BUNDLE_FILE_H_
#define PENUMBRA_HOST_BUNDLE_FILE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "host/bundle_layout.h"
#include "host/mapped_file.h"
#include "host/public_half.h"

namespace penumbra::host {

using VendorKey = std::array<uint8_t, 32>;  // Ed25519 public key

// Immutable after construction, so safe to use from several threads. Views live as long as the
// object.
class BundleFile final : public BlobSource {
 public:
  // Maps and checks the file: header, signature, both hashes, then every table. Without a key the
  // signature is not checked: good for showing what a file claims, and refused by host::Session.
  // Throws HostError naming file and offset: kNotFound, kPermission, kIo, kMalformed, kTruncated,
  // kUnsupportedVersion, kBadSignature.
  static std::shared_ptr<const BundleFile> Open(const std::filesystem::path& path,
                                                const std::optional<VendorKey>& vendor_key);

  // The same for bytes in memory, which must outlive the object.
  static std::shared_ptr<const BundleFile> Parse(std::span<const uint8_t> bytes,
                                                 const std::optional<VendorKey>& vendor_key);

  bool signature_checked() const { return vendor_key_.has_value(); }
  // Only after signature_checked().
  const VendorKey& vendor_key() const { return *vendor_key_; }

  const BundleHeader& header() const { return header_; }
  const Manifest& manifest() const { return manifest_; }
  // The COSE_Sign1 message, as the trusted runtime wants it.
  std::span<const uint8_t> manifest_message() const { return message_; }

  std::span<const uint8_t> public_half() const { return public_half_.bytes(); }
  // Ciphertext and tag of sealed chunk `index`; empty when there is no such chunk.
  std::span<const uint8_t> Chunk(uint64_t index) const;

  uint32_t segment_count() const { return public_half_.segment_count(); }
  // index < segment_count().
  SegmentView Segment(uint32_t index) const { return public_half_.Segment(index); }
  std::span<const std::byte> Blob(uint32_t index) const override { return public_half_.Blob(index); }

 private:
  BundleFile(std::unique_ptr<MappedFile> file, std::span<const uint8_t> bytes,
             const std::optional<VendorKey>& vendor_key);
  std::span<const uint8_t> Payload() const;
  void CheckAgreement() const;
  void CheckHashes(std::span<const uint8_t> public_half) const;
  void IndexChunks();

  std::unique_ptr<MappedFile> file_;  // null for Parse
  std::span<const uint8_t> bytes_;
  std::optional<VendorKey> vendor_key_;
  BundleHeader header_{};
  std::vector<uint8_t> message_;  // a copy: the file could change after the signature was checked
  Manifest manifest_;
  PublicHalf public_half_;
  std::span<const uint8_t> sealed_half_;
  std::vector<uint64_t> chunk_offsets_;  // chunk_count + 1, from the start of the sealed half
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_BUNDLE_FILE_H_
