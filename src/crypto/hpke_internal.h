// The deterministic part of HPKE sealing, for known-answer tests. Nobody else includes this.
#ifndef PENUMBRA_CRYPTO_HPKE_INTERNAL_H_
#define PENUMBRA_CRYPTO_HPKE_INTERNAL_H_

#include "crypto/hpke.h"

namespace penumbra::crypto::internal {

// SealBase() with a given ephemeral key. One ephemeral key may seal one message only: a second one
// would repeat the AEAD's key and nonce.
Status SealBaseWithEphemeral(FixedBytes<kX25519KeySize> ephemeral_private_key,
                             FixedBytes<kX25519KeySize> recipient_public_key, Bytes info, Bytes aad,
                             Bytes plaintext, MutableFixedBytes<kHpkeEncSize> out_enc,
                             MutableBytes out_ciphertext);

}  // namespace penumbra::crypto::internal

#endif  // PENUMBRA_CRYPTO_HPKE_INTERNAL_H_
