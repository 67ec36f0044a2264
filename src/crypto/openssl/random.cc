#include "crypto/random.h"

#include <openssl/rand.h>

#include "crypto/openssl/library.h"
#include "crypto/wipe.h"

namespace penumbra::crypto {

Status RandomBytes(MutableBytes out) {
  OSSL_LIB_CTX* library = openssl::Library();
  if (library != nullptr && RAND_priv_bytes_ex(library, out.data(), out.size(), 0) == 1) {
    return Status::kOk;
  }
  Wipe(out);
  return Status::kInternal;
}

}  // namespace penumbra::crypto
