// Ed25519 signatures (RFC 8032, pure variant, no context) on raw keys.
// Thread-safe. All but Sign() are set-up only: the backend allocates for the length of each call.
#ifndef PENUMBRA_CRYPTO_SIGN_H_
#define PENUMBRA_CRYPTO_SIGN_H_

#include "boundary/status.h"
#include "crypto/bytes.h"

namespace penumbra::crypto {

inline constexpr size_t kSignPrivateKeySize = 32;  // the seed of RFC 8032 section 5.1.5
inline constexpr size_t kSignPublicKeySize = 32;
inline constexpr size_t kSignatureSize = 64;

// On failure outputs are zeroed. Errors of all: kOutOfMemory, kInternal.
Status GenerateSigningKey(MutableFixedBytes<kSignPrivateKeySize> out_private_key,
                          MutableFixedBytes<kSignPublicKeySize> out_public_key);
Status SigningPublicKey(FixedBytes<kSignPrivateKeySize> private_key,
                        MutableFixedBytes<kSignPublicKeySize> out_public_key);
// Deterministic: equal inputs give equal signatures. Allocates nothing.
Status Sign(FixedBytes<kSignPrivateKeySize> private_key, Bytes message,
            MutableFixedBytes<kSignatureSize> out_signature);

// kBadSignature when the signature is not this key's over this message, or when the key or the
// signature is no valid encoding (S >= L included, so a signature cannot be altered into a second
// valid one).
Status VerifySignature(FixedBytes<kSignPublicKeySize> public_key, Bytes message,
                       FixedBytes<kSignatureSize> signature);

}  // namespace penumbra::crypto

#endif  // PENUMBRA_CRYPTO_SIGN_H_
