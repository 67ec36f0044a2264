#include "protect/emit/sealing.h"

#include <algorithm>
#include <string_view>

#include "crypto/cose_sign1.h"
#include "crypto/hash.h"
#include "crypto/hpke.h"
#include "crypto/key_agreement.h"
#include "crypto/random.h"
#include "crypto/sign.h"
#include "crypto/wipe.h"
#include "model/error.h"
#include "protect/emit/byte_writer.h"

namespace penumbra::protect {
namespace {

void Require(Status status, const char* what, const char* hint) {
  if (!IsOk(status)) throw model::ModelError(status, what, {}, hint);
}

// String literals without their final zero.
template <size_t kSize>
std::string_view Text(const char (&literal)[kSize]) {
  return {literal, kSize - 1};
}

}  // namespace

std::array<uint8_t, kAeadNonceSize> SealNonce(uint32_t domain, uint64_t index) {
  std::array<uint8_t, kAeadNonceSize> nonce;
  std::memcpy(nonce.data(), &domain, sizeof(domain));
  std::memcpy(nonce.data() + sizeof(domain), &index, sizeof(index));
  return nonce;
}

std::vector<uint8_t> ChunkAad(uint32_t index, uint32_t count, uint32_t plain_size) {
  ByteWriter aad;
  aad.PutText("chunk");
  aad.Put(index);
  aad.Put(count);
  aad.Put(plain_size);
  return aad.Take();
}

std::vector<uint8_t> WrapInfo(const std::array<uint8_t, 32>& vendor_public_key,
                              uint64_t model_version, const std::string& name) {
  ByteWriter info;
  info.PutText(Text(kWrapContext));
  info.Put(vendor_public_key);
  info.Put(model_version);
  info.PutText(name);
  return info.Take();
}

BundleSealer::BundleSealer() {
  Require(crypto::RandomBytes(key_), "no random bytes for the bundle key",
          "check that the system offers random numbers");
  Require(aead_.Init(key_), "the cipher could not be started", "free some memory");
}

BundleSealer::~BundleSealer() { crypto::Wipe(key_); }

std::vector<uint8_t> BundleSealer::SealChunk(uint32_t index, uint32_t count,
                                             std::span<const uint8_t> plain) {
  const std::vector<uint8_t> aad = ChunkAad(index, count, static_cast<uint32_t>(plain.size()));
  std::vector<uint8_t> sealed(plain.size() + kAeadTagSize);
  const auto nonce = SealNonce(kNonceChunk, index);
  Require(aead_.Seal(nonce, aad, plain, std::span(sealed).first(plain.size()),
                     std::span(sealed).last<kAeadTagSize>()),
          "a chunk could not be sealed", "please report this as a bug");
  return sealed;
}

std::array<uint8_t, kAeadTagSize> BundleSealer::TagSlice(uint32_t index,
                                                         std::span<const uint8_t> bytes) {
  std::array<uint8_t, kAeadTagSize> tag;
  const auto nonce = SealNonce(kNonceSlice, index);
  Require(aead_.Seal(nonce, bytes, {}, {}, tag), "a slice could not be authenticated",
          "please report this as a bug");
  return tag;
}

WrapRec BundleSealer::Wrap(const std::array<uint8_t, 32>& device_key,
                           const std::array<uint8_t, 32>& vendor_public_key, uint64_t model_version,
                           const std::string& name) const {
  const std::vector<uint8_t> info = WrapInfo(vendor_public_key, model_version, name);
  WrapRec rec{};
  Require(crypto::Sha256::Digest(device_key, rec.device_id), "hashing failed",
          "please report this as a bug");
  Require(crypto::SealBase(device_key, info, {}, key_, rec.enc, rec.wrapped),
          "the bundle key could not be wrapped for a device", "check the device's public key");
  return rec;
}

std::array<uint8_t, 32> VendorPublicKey(const std::array<uint8_t, 32>& vendor_key) {
  std::array<uint8_t, 32> key;
  Require(crypto::SigningPublicKey(vendor_key, key), "the vendor key is not usable",
          "make one with: penumbra keygen vendor");
  return key;
}

std::array<uint8_t, 32> VendorRecipientKey(const std::array<uint8_t, 32>& vendor_key) {
  const std::string_view context = Text(kVendorRecipientContext);
  const crypto::Bytes info(reinterpret_cast<const uint8_t*>(context.data()), context.size());
  std::array<uint8_t, crypto::kSha256Size> prk;
  const crypto::ScopedWipe wipe(prk);
  Require(crypto::HkdfExtract({}, vendor_key, prk), "hashing failed",
          "please report this as a bug");
  std::array<uint8_t, 32> key;
  Require(crypto::HkdfExpand(prk, info, key), "hashing failed", "please report this as a bug");
  return key;
}

std::array<uint8_t, 32> RecipientPublicKey(const std::array<uint8_t, 32>& private_key) {
  std::array<uint8_t, 32> key;
  Require(crypto::X25519PublicKey(private_key, key), "the private key is not usable",
          "make one with: penumbra keygen");
  return key;
}

std::vector<uint8_t> SignManifest(const std::array<uint8_t, 32>& vendor_key,
                                  std::span<const uint8_t> payload) {
  const std::string_view context = Text(kManifestContext);
  const crypto::Bytes aad(reinterpret_cast<const uint8_t*>(context.data()), context.size());
  std::vector<uint8_t> message(crypto::CoseSign1Size(payload.size()));
  std::vector<uint8_t> scratch(crypto::CoseSign1ScratchSize(payload.size(), aad.size()));
  Require(crypto::EncodeCoseSign1(vendor_key, aad, payload, scratch, message),
          "the manifest could not be signed", "check the vendor key");
  return message;
}

}  // namespace penumbra::protect
