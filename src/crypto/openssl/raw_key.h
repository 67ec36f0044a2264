// Owners for the heap objects that OpenSSL's asymmetric functions work on.
#ifndef PENUMBRA_CRYPTO_OPENSSL_RAW_KEY_H_
#define PENUMBRA_CRYPTO_OPENSSL_RAW_KEY_H_

#include <openssl/evp.h>

#include <memory>

#include "boundary/status.h"
#include "crypto/bytes.h"

namespace penumbra::crypto::openssl {

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
template <typename T>
using Owned = std::unique_ptr<T, Free>;

// `algorithm` is "ED25519" or "X25519". Empty on failure; any 32 bytes are a key of either kind.
Owned<EVP_PKEY> PrivateKey(const char* algorithm, FixedBytes<32> raw);
Owned<EVP_PKEY> PublicKey(const char* algorithm, FixedBytes<32> raw);

// The public half of a private key. On failure `out_public` is zeroed.
Status DerivePublicKey(const char* algorithm, FixedBytes<32> raw_private,
                       MutableFixedBytes<32> out_public);

// Both algorithms take any 32 random bytes as private key. On failure outputs are zeroed.
Status GenerateKeyPair(const char* algorithm, MutableFixedBytes<32> out_private,
                       MutableFixedBytes<32> out_public);

}  // namespace penumbra::crypto::openssl

#endif  // PENUMBRA_CRYPTO_OPENSSL_RAW_KEY_H_
