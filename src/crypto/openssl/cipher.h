// A reusable cipher context: everything that allocates happens in Make().
#ifndef PENUMBRA_CRYPTO_OPENSSL_CIPHER_H_
#define PENUMBRA_CRYPTO_OPENSSL_CIPHER_H_

#include <openssl/types.h>

#include "boundary/status.h"

namespace penumbra::crypto::openssl {

// Expands `key` for the cipher called `name` into `*context`, which is created if nullptr and
// reused otherwise. A failed creation leaves nullptr. Release with EVP_CIPHER_CTX_free, which
// erases the key.
Status MakeCipher(const char* name, const uint8_t* key, void** context);

}  // namespace penumbra::crypto::openssl

#endif  // PENUMBRA_CRYPTO_OPENSSL_CIPHER_H_
