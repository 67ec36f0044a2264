#include "trusted/bundle/manifest.h"

#include <cstring>

#include "crypto/cose_sign1.h"
#include "crypto/hash.h"
#include "crypto/hpke.h"
#include "crypto/key_agreement.h"
#include "trusted/base/byte_reader.h"
#include "trusted/base/result.h"

namespace penumbra::trusted {
namespace {

std::span<const uint8_t> TextBytes(const char* text) {
  return {reinterpret_cast<const uint8_t*>(text), std::strlen(text)};
}

bool HeadFits(const ManifestHead& h) {
  return h.name_size >= 1 && h.name_size <= kMaxNameSize && h.chunk_count >= 1 && h.chunk_count <= kMaxChunks &&
         h.plan_chunk_count >= 1 && h.plan_chunk_count <= h.chunk_count && h.wrap_count <= kMaxWraps;
}

// info of the key wrap: binds the key to vendor, model and version.
struct WrapInfo {
  uint8_t bytes[sizeof(kWrapContext) + 32 + 8 + kMaxNameSize];
  size_t size;
};
WrapInfo MakeWrapInfo(const uint8_t vendor_key[32], uint64_t version, std::span<const uint8_t> name) {
  WrapInfo info{};
  const auto append = [&info](const void* data, size_t size) {
    std::memcpy(info.bytes + info.size, data, size);
    info.size += size;
  };
  append(kWrapContext, sizeof(kWrapContext) - 1);
  append(vendor_key, 32);
  append(&version, 8);
  append(name.data(), name.size());
  return info;
}

Status ReadChunkSizes(ByteReader* reader, const ManifestHead& head, Arena* arena, Manifest* manifest) {
  const std::span<uint32_t> sizes = arena->TakeArray<uint32_t>(head.chunk_count);
  PENUMBRA_REQUIRE(!sizes.empty(), Status::kSecureMemoryExceeded);
  PENUMBRA_REQUIRE(reader->ReadArray(sizes.data(), sizes.size()), Status::kMalformed);
  uint64_t total = 0;
  for (const uint32_t size : sizes) {
    PENUMBRA_REQUIRE(size >= 1 && size <= kMaxChunkSize, Status::kMalformed);
    total += uint64_t{size} + kAeadTagSize;
  }
  PENUMBRA_REQUIRE(total == head.sealed_size, Status::kMalformed);
  manifest->chunk_sizes = sizes;
  return Status::kOk;
}

Status Unwrap(ByteReader* reader, std::span<const uint8_t> name, std::span<const uint8_t, 32> device_key,
              Manifest* manifest, Secret<kAeadKeySize>* out_bundle_key) {
  uint8_t public_key[32];
  PENUMBRA_TRY(crypto::X25519PublicKey(device_key, public_key));
  PENUMBRA_TRY(crypto::Sha256::Digest(public_key, manifest->device_id));
  WrapRec wrap{};
  bool found = false;
  for (uint32_t i = 0; i < manifest->head.wrap_count; ++i) {
    WrapRec candidate;
    PENUMBRA_REQUIRE(reader->Read(&candidate), Status::kMalformed);
    if (found || !crypto::ConstantTimeEqual(candidate.device_id, manifest->device_id)) continue;
    wrap = candidate;
    found = true;
  }
  PENUMBRA_REQUIRE(found, Status::kWrongDevice);
  const WrapInfo info = MakeWrapInfo(manifest->vendor_key, manifest->head.model_version, name);
  return crypto::OpenBase(device_key, wrap.enc, {info.bytes, info.size}, {}, wrap.wrapped,
                          out_bundle_key->mutable_bytes());
}

}  // namespace

void MakeNonce(uint32_t domain, uint64_t index, std::span<uint8_t, kAeadNonceSize> out_nonce) {
  std::memcpy(out_nonce.data(), &domain, 4);
  std::memcpy(out_nonce.data() + 4, &index, 8);
}

Status OpenManifest(std::span<const uint8_t> message, std::span<const uint8_t, 32> vendor_key,
                    std::span<const uint8_t, 32> device_key, std::span<uint8_t> scratch, Arena* arena,
                    Manifest* out_manifest, Secret<kAeadKeySize>* out_bundle_key) {
  std::span<const uint8_t> payload;
  PENUMBRA_TRY(crypto::VerifyCoseSign1(vendor_key, TextBytes(kManifestContext), message, scratch, &payload));
  Manifest manifest{};
  ByteReader reader(payload);
  PENUMBRA_REQUIRE(reader.Read(&manifest.head), Status::kMalformed);
  PENUMBRA_REQUIRE(manifest.head.version == kBundleVersion, Status::kUnsupportedVersion);
  PENUMBRA_REQUIRE(HeadFits(manifest.head), Status::kMalformed);
  std::memcpy(manifest.vendor_key, vendor_key.data(), 32);
  PENUMBRA_TRY(crypto::Sha256::Digest(message, manifest.message_hash));
  std::span<const uint8_t> name, metadata;
  PENUMBRA_REQUIRE(reader.ReadBytes(manifest.head.name_size, &name), Status::kMalformed);
  crypto::Sha256 hash;
  PENUMBRA_TRY(hash.Update(vendor_key));
  PENUMBRA_TRY(hash.Update(name));
  PENUMBRA_TRY(hash.Final(manifest.model_id));
  PENUMBRA_TRY(ReadChunkSizes(&reader, manifest.head, arena, &manifest));
  PENUMBRA_TRY(Unwrap(&reader, name, device_key, &manifest, out_bundle_key));
  PENUMBRA_REQUIRE(reader.ReadBytes(manifest.head.metadata_size, &metadata) && reader.AtEnd(), Status::kMalformed);
  *out_manifest = manifest;
  return Status::kOk;
}

Status OpenChunk(crypto::AeadKey* key, const Manifest& manifest, uint32_t index, std::span<uint8_t> bytes,
                 std::span<const uint8_t, kAeadTagSize> tag) {
  PENUMBRA_REQUIRE(bytes.size() == manifest.chunk_sizes[index], Status::kInternal);
  uint8_t nonce[kAeadNonceSize];
  MakeNonce(kNonceChunk, index, nonce);
  uint8_t aad[5 + 12] = {'c', 'h', 'u', 'n', 'k'};
  const uint32_t fields[3] = {index, manifest.head.chunk_count, manifest.chunk_sizes[index]};
  std::memcpy(aad + 5, fields, sizeof(fields));
  return key->Open(nonce, aad, bytes, tag, bytes);
}

Status CheckSlice(crypto::AeadKey* key, uint32_t index, std::span<const uint8_t> bytes,
                  std::span<const uint8_t, kAeadTagSize> tag) {
  uint8_t nonce[kAeadNonceSize];
  MakeNonce(kNonceSlice, index, nonce);
  return key->Open(nonce, bytes, {}, tag, {});
}

}  // namespace penumbra::trusted
