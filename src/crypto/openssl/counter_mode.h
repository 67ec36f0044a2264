// The keystream by OpenSSL's block cipher.
#ifndef PENUMBRA_CRYPTO_OPENSSL_COUNTER_MODE_H_
#define PENUMBRA_CRYPTO_OPENSSL_COUNTER_MODE_H_

#include <openssl/types.h>

#include "crypto/keystream.h"

namespace penumbra::crypto::openssl {

// Keystream::Generate with `ecb`, an AES-256-ECB context of MakeCipher().
Status GenerateKeystream(EVP_CIPHER_CTX* ecb, FixedBytes<kKeystreamBlockSize> counter_block, MutableBytes out);

}  // namespace penumbra::crypto::openssl

#endif  // PENUMBRA_CRYPTO_OPENSSL_COUNTER_MODE_H_
