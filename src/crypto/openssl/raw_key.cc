#include "crypto/openssl/raw_key.h"

#include "crypto/openssl/library.h"
#include "crypto/random.h"
#include "crypto/wipe.h"

namespace penumbra::crypto::openssl {

Owned<EVP_PKEY> PrivateKey(const char* algorithm, FixedBytes<32> raw) {
  OSSL_LIB_CTX* library = Library();
  if (library == nullptr) return nullptr;
  return Owned<EVP_PKEY>(
      EVP_PKEY_new_raw_private_key_ex(library, algorithm, nullptr, raw.data(), raw.size()));
}

Owned<EVP_PKEY> PublicKey(const char* algorithm, FixedBytes<32> raw) {
  OSSL_LIB_CTX* library = Library();
  if (library == nullptr) return nullptr;
  return Owned<EVP_PKEY>(
      EVP_PKEY_new_raw_public_key_ex(library, algorithm, nullptr, raw.data(), raw.size()));
}

Status DerivePublicKey(const char* algorithm, FixedBytes<32> raw_private,
                       MutableFixedBytes<32> out_public) {
  const Owned<EVP_PKEY> key = PrivateKey(algorithm, raw_private);
  size_t size = out_public.size();
  if (key != nullptr && EVP_PKEY_get_raw_public_key(key.get(), out_public.data(), &size) == 1 &&
      size == out_public.size()) {
    return Status::kOk;
  }
  Wipe(out_public);
  return key == nullptr ? Status::kOutOfMemory : Status::kInternal;
}

Status GenerateKeyPair(const char* algorithm, MutableFixedBytes<32> out_private,
                       MutableFixedBytes<32> out_public) {
  Status status = RandomBytes(out_private);
  if (IsOk(status)) status = DerivePublicKey(algorithm, out_private, out_public);
  if (!IsOk(status)) {
    Wipe(out_private);
    Wipe(out_public);
  }
  return status;
}

}  // namespace penumbra::crypto::openssl
