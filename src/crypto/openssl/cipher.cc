#include "crypto/openssl/cipher.h"

#include <openssl/evp.h>

#include "crypto/openssl/library.h"

namespace penumbra::crypto::openssl {
namespace {

EVP_CIPHER_CTX* NewContext(const char* name) {
  EVP_CIPHER* cipher = EVP_CIPHER_fetch(Library(), name, nullptr);
  if (cipher == nullptr) return nullptr;
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  if (context != nullptr && EVP_EncryptInit_ex2(context, cipher, nullptr, nullptr, nullptr) != 1) {
    EVP_CIPHER_CTX_free(context);
    context = nullptr;
  }
  EVP_CIPHER_free(cipher);  // the context holds its own reference
  return context;
}

}  // namespace

Status MakeCipher(const char* name, const uint8_t* key, void** context) {
  if (Library() == nullptr) return Status::kOutOfMemory;
  if (*context == nullptr) *context = NewContext(name);
  if (*context == nullptr) return Status::kOutOfMemory;
  auto* cipher = static_cast<EVP_CIPHER_CTX*>(*context);
  if (EVP_EncryptInit_ex2(cipher, nullptr, key, nullptr, nullptr) == 1) return Status::kOk;
  EVP_CIPHER_CTX_free(cipher);
  *context = nullptr;
  return Status::kInternal;
}

}  // namespace penumbra::crypto::openssl
