// Hybrid public-key encryption, base mode, one message per encapsulation (RFC 9180): DHKEM(X25519,
// HKDF-SHA256), HKDF-SHA256, AES-256-GCM. Wraps a bundle key to a device key. Base mode does not
// say who sealed the message; the vendor's signature does. Keys come from crypto/key_agreement.h.
// Set-up only: the backend allocates for the length of each call. Thread-safe.
#ifndef PENUMBRA_CRYPTO_HPKE_H_
#define PENUMBRA_CRYPTO_HPKE_H_

#include "crypto/aead.h"
#include "crypto/bytes.h"
#include "crypto/key_agreement.h"

namespace penumbra::crypto {

inline constexpr size_t kHpkeEncSize = kX25519KeySize;
inline constexpr size_t kHpkeOverheadSize = kAeadTagSize;  // ciphertext = encrypted bytes || tag

// Draws a fresh ephemeral key. `out_ciphertext` has plaintext.size() + kHpkeOverheadSize bytes,
// else kInvalidArgument, which is also the answer to a recipient key of small order. On failure
// outputs are zeroed. `out_ciphertext` may start at `plaintext` (in place).
Status SealBase(FixedBytes<kX25519KeySize> recipient_public_key, Bytes info, Bytes aad,
                Bytes plaintext, MutableFixedBytes<kHpkeEncSize> out_enc,
                MutableBytes out_ciphertext);

// SealBase() in two steps, of which only the first allocates: for trusted code that must be able to seal one message later.
// One object serves one thread at a time.
class HpkeSender {
 public:
  // Set-up only. One ephemeral key may be used once: a second message would repeat the AEAD's key and nonce. Errors as of
  // SealBase(); the object is then clear.
  Status Setup(FixedBytes<kX25519KeySize> ephemeral_private_key,
               FixedBytes<kX25519KeySize> recipient_public_key, Bytes info,
               MutableFixedBytes<kHpkeEncSize> out_enc);
  // The one message after Setup(), kWrongState without: never allocates. Sizes and failures as of AeadKey::Seal(). Clears.
  Status Seal(Bytes aad, Bytes plaintext, MutableBytes out_ciphertext,
              MutableFixedBytes<kAeadTagSize> out_tag);
  // Erases the key. The first call may allocate: kOutOfMemory.
  Status Clear();

 private:
  AeadKey aead_;
  uint8_t nonce_[kAeadNonceSize] = {};
  bool ready_ = false;
};

// `out_plaintext` has ciphertext.size() - kHpkeOverheadSize bytes, else kInvalidArgument.
// kAuthenticationFailed for everything that an outsider could have caused (another recipient,
// altered enc, info, aad or ciphertext, ciphertext shorter than a tag): the cases look alike. On
// failure `out_plaintext` is zeroed.
Status OpenBase(FixedBytes<kX25519KeySize> recipient_private_key, FixedBytes<kHpkeEncSize> enc,
                Bytes info, Bytes aad, Bytes ciphertext, MutableBytes out_plaintext);

}  // namespace penumbra::crypto

#endif  // PENUMBRA_CRYPTO_HPKE_H_
