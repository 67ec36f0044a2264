// Key derivation and verification; signing is in crypto/sodium/sign.cc.
#include "crypto/sign.h"

#include "crypto/openssl/library.h"
#include "crypto/openssl/raw_key.h"

namespace penumbra::crypto {
namespace {

constexpr char kAlgorithm[] = "ED25519";

}  // namespace

Status GenerateSigningKey(MutableFixedBytes<kSignPrivateKeySize> out_private_key,
                          MutableFixedBytes<kSignPublicKeySize> out_public_key) {
  return openssl::GenerateKeyPair(kAlgorithm, out_private_key, out_public_key);
}

Status SigningPublicKey(FixedBytes<kSignPrivateKeySize> private_key,
                        MutableFixedBytes<kSignPublicKeySize> out_public_key) {
  return openssl::DerivePublicKey(kAlgorithm, private_key, out_public_key);
}

Status VerifySignature(FixedBytes<kSignPublicKeySize> public_key, Bytes message,
                       FixedBytes<kSignatureSize> signature) {
  const openssl::Owned<EVP_PKEY> key = openssl::PublicKey(kAlgorithm, public_key);
  const openssl::Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  if (key == nullptr || context == nullptr) return Status::kOutOfMemory;
  if (EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, openssl::Library(), nullptr,
                              key.get(), nullptr) != 1) {
    return Status::kInternal;
  }
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1
             ? Status::kOk
             : Status::kBadSignature;
}

}  // namespace penumbra::crypto
