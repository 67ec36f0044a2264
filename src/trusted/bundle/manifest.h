// Authenticates what the host offers as a bundle: the signed manifest, the wrapped key, each sealed chunk and each
// public slice. Everything here is hostile until its check has passed.
#ifndef PENUMBRA_TRUSTED_BUNDLE_MANIFEST_H_
#define PENUMBRA_TRUSTED_BUNDLE_MANIFEST_H_

#include <cstdint>
#include <span>

#include "boundary/bundle.h"
#include "boundary/status.h"
#include "crypto/aead.h"
#include "trusted/base/arena.h"
#include "trusted/base/secret.h"

namespace penumbra::trusted {

struct Manifest {
  ManifestHead head;
  uint8_t vendor_key[32];
  uint8_t model_id[32];                   // SHA-256(vendor key || name): key of the version counter
  uint8_t device_id[32];                  // SHA-256 of the device's public key
  uint8_t message_hash[32];               // SHA-256 of the whole message
  std::span<const uint32_t> chunk_sizes;  // plaintext bytes, in secure memory
};

// Verifies `message` (private memory) and unwraps the bundle key for `device_key`. Tables go to `arena`;
// `scratch` holds the signature's working copy (crypto::CoseSign1ScratchSize).
// Errors: kMalformed, kBadSignature, kWrongDevice, kUnsupportedVersion, kAuthenticationFailed,
// kSecureMemoryExceeded.
Status OpenManifest(std::span<const uint8_t> message, std::span<const uint8_t, 32> vendor_key,
                    std::span<const uint8_t, 32> device_key, std::span<uint8_t> scratch, Arena* arena,
                    Manifest* out_manifest, Secret<kAeadKeySize>* out_bundle_key);

// Decrypts chunk `index` in place: `bytes` is its ciphertext in private memory, chunk_sizes[index] bytes.
// kAuthenticationFailed, with `bytes` zeroed, for anything but that chunk of this bundle.
Status OpenChunk(crypto::AeadKey* key, const Manifest& manifest, uint32_t index, std::span<uint8_t> bytes,
                 std::span<const uint8_t, kAeadTagSize> tag);

// Checks the tag of public slice `index`, whose bytes were copied to private memory.
Status CheckSlice(crypto::AeadKey* key, uint32_t index, std::span<const uint8_t> bytes,
                  std::span<const uint8_t, kAeadTagSize> tag);

// Nonce of a sealed item: u32 domain || u64 index.
void MakeNonce(uint32_t domain, uint64_t index, std::span<uint8_t, kAeadNonceSize> out_nonce);

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_BUNDLE_MANIFEST_H_
