#include "crypto/keystream.h"

#include <openssl/evp.h>

#include "crypto/openssl/cipher.h"
#include "crypto/openssl/counter_mode.h"

namespace penumbra::crypto {
namespace {

EVP_CIPHER_CTX* Ecb(void* context) { return static_cast<EVP_CIPHER_CTX*>(context); }

}  // namespace

Keystream::~Keystream() { EVP_CIPHER_CTX_free(Ecb(context_)); }

Status Keystream::Init(FixedBytes<kKeystreamKeySize> key) {
  return openssl::MakeCipher("AES-256-ECB", key.data(), &context_);
}

Status Keystream::Generate(FixedBytes<kKeystreamBlockSize> counter_block, MutableBytes out) {
  if (context_ == nullptr) return Status::kWrongState;
  return openssl::GenerateKeystream(Ecb(context_), counter_block, out);
}

}  // namespace penumbra::crypto
