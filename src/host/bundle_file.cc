#include "host/bundle_file.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "crypto/cose_sign1.h"
#include "crypto/hash.h"
#include "host/error.h"

namespace penumbra::host {
namespace {

// The hash runs in pieces so that one call never has to touch a whole mapped half.
constexpr size_t kHashStep = size_t{4} << 20;

void CheckHash(std::span<const uint8_t> half, const uint8_t (&expected)[32], const char* name,
               uint64_t offset) {
  crypto::Sha256 hash;
  std::array<uint8_t, 32> digest{};
  bool ok = true;
  for (size_t at = 0; ok && at < half.size(); at += kHashStep) {
    ok = IsOk(hash.Update(half.subspan(at, std::min(kHashStep, half.size() - at))));
  }
  if (!ok || !IsOk(hash.Final(digest))) {
    throw HostError(Status::kInternal, "hashing the bundle failed", AtOffset(offset));
  }
  if (!std::equal(digest.begin(), digest.end(), expected)) {
    throw HostError(Status::kMalformed,
                    std::string("the ") + name + " half is not the one the vendor signed",
                    AtOffset(offset));
  }
}

std::span<const uint8_t> VerifiedPayload(std::span<const uint8_t> message, const VendorKey& key) {
  // The context goes in without its terminating zero.
  const std::span<const uint8_t> context(reinterpret_cast<const uint8_t*>(kManifestContext),
                                         sizeof(kManifestContext) - 1);
  std::vector<uint8_t> scratch(crypto::CoseSign1ScratchSize(message.size(), context.size()));
  crypto::Bytes payload;
  const Status status = crypto::VerifyCoseSign1(key, context, message, scratch, &payload);
  if (IsOk(status)) return payload;
  throw HostError(status,
                  status == Status::kBadSignature ? "the manifest is not signed by this vendor key"
                                                  : "the manifest is no COSE_Sign1 message",
                  AtOffset(sizeof(BundleHeader)));
}

}  // namespace

std::shared_ptr<const BundleFile> BundleFile::Open(const std::filesystem::path& path,
                                                   const std::optional<VendorKey>& vendor_key) {
  auto file = std::make_unique<MappedFile>(path);
  const std::span<const uint8_t> bytes = file->bytes();
  try {
    return std::shared_ptr<const BundleFile>(new BundleFile(std::move(file), bytes, vendor_key));
  } catch (const HostError& error) {
    throw error.In("file " + path.string());
  }
}

std::shared_ptr<const BundleFile> BundleFile::Parse(std::span<const uint8_t> bytes,
                                                    const std::optional<VendorKey>& vendor_key) {
  return std::shared_ptr<const BundleFile>(new BundleFile(nullptr, bytes, vendor_key));
}

BundleFile::BundleFile(std::unique_ptr<MappedFile> file, std::span<const uint8_t> bytes,
                       const std::optional<VendorKey>& vendor_key)
    : file_(std::move(file)), bytes_(bytes), vendor_key_(vendor_key) {
  header_ =
      ParseBundleHeader(bytes_.first(std::min(bytes_.size(), sizeof(BundleHeader))), bytes_.size());
  const auto message = bytes_.subspan(sizeof(BundleHeader), header_.manifest_size);
  message_.assign(message.begin(), message.end());
  const std::span<const uint8_t> payload = Payload();
  manifest_ = ParseManifest(payload, sizeof(BundleHeader) + (payload.data() - message_.data()));
  const auto public_half = bytes_.subspan(header_.public_offset, header_.public_size);
  sealed_half_ = bytes_.subspan(header_.sealed_offset, header_.sealed_size);
  CheckAgreement();
  CheckHashes(public_half);
  IndexChunks();
  public_half_ = PublicHalf(public_half, header_.public_offset);
}

std::span<const uint8_t> BundleFile::Payload() const {
  if (vendor_key_.has_value()) return VerifiedPayload(message_, *vendor_key_);
  return UnverifiedPayload(message_, sizeof(BundleHeader));
}

// The header is not signed: what it says must follow from the manifest, and nothing may hide in the
// gap.
void BundleFile::CheckAgreement() const {
  if (header_.public_size != manifest_.head.public_size ||
      header_.sealed_size != manifest_.head.sealed_size) {
    throw HostError(Status::kMalformed, "header and signed manifest disagree about the halves",
                    AtOffset(0));
  }
  const uint64_t gap = sizeof(BundleHeader) + header_.manifest_size;
  for (uint64_t at = gap; at < header_.public_offset; ++at) {
    if (bytes_[at] != 0) {
      throw HostError(Status::kMalformed, "the gap after the manifest is not empty", AtOffset(at));
    }
  }
}

void BundleFile::CheckHashes(std::span<const uint8_t> public_half) const {
  CheckHash(public_half, manifest_.head.public_sha256, "public", header_.public_offset);
  CheckHash(sealed_half_, manifest_.head.sealed_sha256, "sealed", header_.sealed_offset);
}

void BundleFile::IndexChunks() {
  chunk_offsets_.reserve(manifest_.chunk_plain_sizes.size() + 1);
  uint64_t offset = 0;
  chunk_offsets_.push_back(offset);
  for (const uint32_t size : manifest_.chunk_plain_sizes) {
    offset += uint64_t{size} + kAeadTagSize;
    chunk_offsets_.push_back(offset);
  }
}

std::span<const uint8_t> BundleFile::Chunk(uint64_t index) const {
  if (index >= chunk_offsets_.size() - 1) return {};
  const uint64_t begin = chunk_offsets_[index];
  return sealed_half_.subspan(begin, chunk_offsets_[index + 1] - begin);
}

}  // namespace penumbra::host
