#include "crypto/openssl/library.h"

#include <openssl/crypto.h>

namespace penumbra::crypto::openssl {
namespace {

CRYPTO_ONCE g_once = CRYPTO_ONCE_STATIC_INIT;
OSSL_LIB_CTX* g_library = nullptr;

void MakeLibrary() {
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  g_library = OSSL_LIB_CTX_new();
}

}  // namespace

OSSL_LIB_CTX* Library() {
  return CRYPTO_THREAD_run_once(&g_once, MakeLibrary) == 1 ? g_library : nullptr;
}

}  // namespace penumbra::crypto::openssl
