// X25519 key agreement (RFC 7748) on raw keys.
// Set-up only: the backend allocates for the length of each call. Thread-safe.
#ifndef PENUMBRA_CRYPTO_KEY_AGREEMENT_H_
#define PENUMBRA_CRYPTO_KEY_AGREEMENT_H_

#include "boundary/status.h"
#include "crypto/bytes.h"

namespace penumbra::crypto {

inline constexpr size_t kX25519KeySize = 32;

// On failure outputs are zeroed. Errors of all: kOutOfMemory, kInternal.
Status GenerateX25519Key(MutableFixedBytes<kX25519KeySize> out_private_key,
                         MutableFixedBytes<kX25519KeySize> out_public_key);
Status X25519PublicKey(FixedBytes<kX25519KeySize> private_key,
                       MutableFixedBytes<kX25519KeySize> out_public_key);

// kInvalidArgument when the peer's point has small order, i.e. the secret would be all zero
// (RFC 7748 section 6.1). The output is a group element, not a key: pass it through HKDF.
Status X25519(FixedBytes<kX25519KeySize> private_key, FixedBytes<kX25519KeySize> peer_public_key,
              MutableFixedBytes<kX25519KeySize> out_shared_secret);

}  // namespace penumbra::crypto

#endif  // PENUMBRA_CRYPTO_KEY_AGREEMENT_H_
