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
// COSE_Sign1 over `payload`.
std::vector<uint8_t> SignManifest(const std::array<uint8_t, 32>& vendor_key,
                                  std::span<const uint8_t> payload);

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_EMIT_SEALING_H_
