// The counterpart of sealing.h: what a recipient of a bundle key (a device, or the vendor) can open.
#ifndef PENUMBRA_PROTECT_EMIT_OPENING_H_
#define PENUMBRA_PROTECT_EMIT_OPENING_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "boundary/bundle.h"
#include "boundary/failure_log.h"
#include "crypto/aead.h"

namespace penumbra::protect {

// Whether the bundle key is wrapped for the owner of this X25519 private key.
bool IsRecipient(std::span<const WrapRec> wraps, const std::array<uint8_t, 32>& private_key);

// The record of a failure log of the bundle with this manifest message. `vendor_recipient_key`: VendorRecipientKey(). Throws
// model::ModelError: kAuthenticationFailed when it was altered or sealed to another vendor, kIllegalCombination when it is
// another bundle's, kUnsupportedVersion.
FailureRecord OpenFailureLog(const FailureLog& log,
                             const std::array<uint8_t, 32>& vendor_recipient_key,
                             std::span<const uint8_t> manifest_message);

class BundleOpener {
 public:
  // Unwraps the bundle key with an X25519 private key. Throws model::ModelError: kWrongDevice when
  // no WrapRec is for this key, kAuthenticationFailed when it was altered or belongs to another
  // vendor, version or name.
  BundleOpener(std::span<const WrapRec> wraps, const std::array<uint8_t, 32>& private_key,
               const std::array<uint8_t, 32>& vendor_public_key, uint64_t model_version,
               const std::string& name);

  // Plaintext of chunk `index` of `count`; `sealed`: ciphertext || tag. Throws
  // model::ModelError(kAuthenticationFailed) for anything but that chunk of this bundle.
  std::vector<uint8_t> OpenChunk(uint32_t index, uint32_t count, std::span<const uint8_t> sealed);

 private:
  crypto::AeadKey aead_;
};

}  // namespace penumbra::protect

#endif  // PENUMBRA_PROTECT_EMIT_OPENING_H_
