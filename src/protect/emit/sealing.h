// What is cryptographic about a bundle: sealed chunks, tags of public slices, wrapped keys, the
// signed manifest. One key object per bundle; not thread-safe.
#ifndef PENUMBRA_PROTECT_EMIT_SEALING_H_
#define PENUMBRA_PROTECT_EMIT_SEALING_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "boundary/bundle.h"
#include "crypto/aead.h"

namespace penumbra::protect {

// What the sealing and the opening side must agree on (docs/bundle_format.md).
std::array<uint8_t, kAeadNonceSize> SealNonce(uint32_t domain, uint64_t index);
std::vector<uint8_t> ChunkAad(uint32_t index, uint32_t count, uint32_t plain_size);
std::vector<uint8_t> WrapInfo(const std::array<uint8_t, 32>& vendor_public_key,
                              uint64_t model_version, const std::string& name);

class BundleSealer {
 public:
  BundleSealer();  // draws the bundle key
  ~BundleSealer();
  BundleSealer(const BundleSealer&) = delete;
  BundleSealer& operator=(const BundleSealer&) = delete;

  // ciphertext || tag of chunk `index` of `count`.
  std::vector<uint8_t> SealChunk(uint32_t index, uint32_t count, std::span<const uint8_t> plain);
  std::array<uint8_t, kAeadTagSize> TagSlice(uint32_t index, std::span<const uint8_t> bytes);
  WrapRec Wrap(const std::array<uint8_t, 32>& device_key,
               const std::array<uint8_t, 32>& vendor_public_key, uint64_t model_version,
               const std::string& name) const;

 private:
  std::array<uint8_t, kAeadKeySize> key_;
  crypto::AeadKey aead_;
};

std::array<uint8_t, 32> VendorPublicKey(const std::array<uint8_t, 32>& vendor_key);

// The X25519 private key with which the vendor opens its own bundles: HKDF-SHA256 (RFC 5869) of the
// Ed25519 private key, empty salt, info = kVendorRecipientContext. The caller wipes it.
inline constexpr char kVendorRecipientContext[] = "penumbra vendor recipient 1";
std::array<uint8_t, 32> VendorRecipientKey(const std::array<uint8_t, 32>& vendor_key);
std::array<uint8_t, 32> RecipientPublicKey(const std::array<uint8_t, 32>& private_key);

// COSE_Sign1 over `payload`.
std::vector<uint8_t> SignManifest(const std::array<uint8_t, 32>& vendor_key,
                                  std::span<const uint8_t> payload);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_EMIT_SEALING_H_
