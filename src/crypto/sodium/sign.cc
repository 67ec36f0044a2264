// libsodium signs on the stack; OpenSSL 3 would allocate for every signature.
#include <sodium/crypto_sign_ed25519.h>

#include "crypto/sign.h"
#include "crypto/wipe.h"

namespace penumbra::crypto {

Status Sign(FixedBytes<kSignPrivateKeySize> private_key, Bytes message,
            MutableFixedBytes<kSignatureSize> out_signature) {
  static_assert(kSignPrivateKeySize == crypto_sign_ed25519_SEEDBYTES &&
                kSignatureSize == crypto_sign_ed25519_BYTES);
  uint8_t public_key[crypto_sign_ed25519_PUBLICKEYBYTES];
  uint8_t expanded[crypto_sign_ed25519_SECRETKEYBYTES];
  const ScopedWipe wipe(expanded);
  if (crypto_sign_ed25519_seed_keypair(public_key, expanded, private_key.data()) == 0 &&
      crypto_sign_ed25519_detached(out_signature.data(), nullptr, message.data(), message.size(),
                                   expanded) == 0) {
    return Status::kOk;
  }
  Wipe(out_signature);
  return Status::kInternal;
}

}  // namespace penumbra::crypto
