// The OpenSSL library context that all of this backend uses. It never reads openssl.cnf or the
// environment, which belong to whoever started the process: they can name a module to load, i.e.
// put foreign code between the trusted half and its ciphers, or into it.
//
// Side effect on a process that embeds this library: if OpenSSL was not initialised before, its
// default context will not read openssl.cnf either. A program that wants its own configuration
// calls OPENSSL_init_crypto() first.
#ifndef PENUMBRA_CRYPTO_OPENSSL_LIBRARY_H_
#define PENUMBRA_CRYPTO_OPENSSL_LIBRARY_H_

#include <openssl/types.h>

namespace penumbra::crypto::openssl {

// Made by the first call, lives as long as the process. nullptr when out of memory. Thread-safe.
OSSL_LIB_CTX* Library();

}  // namespace penumbra::crypto::openssl

#endif  // PENUMBRA_CRYPTO_OPENSSL_LIBRARY_H_
