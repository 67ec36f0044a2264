#include "crypto/key_agreement.h"

#include "crypto/openssl/library.h"
#include "crypto/openssl/raw_key.h"
#include "crypto/wipe.h"

namespace penumbra::crypto {
namespace {

constexpr char kAlgorithm[] = "X25519";

Status Derive(EVP_PKEY* own, EVP_PKEY* peer, MutableFixedBytes<kX25519KeySize> out_shared_secret) {
  const openssl::Owned<EVP_PKEY_CTX> context(
      EVP_PKEY_CTX_new_from_pkey(openssl::Library(), own, nullptr));
  if (context == nullptr) return Status::kOutOfMemory;
  if (EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer) != 1) {
    return Status::kInternal;
  }
  size_t size = out_shared_secret.size();
  // With both keys in place the only thing left to go wrong is an all-zero result.
  return EVP_PKEY_derive(context.get(), out_shared_secret.data(), &size) == 1 &&
                 size == out_shared_secret.size()
             ? Status::kOk
             : Status::kInvalidArgument;
}

}  // namespace

Status GenerateX25519Key(MutableFixedBytes<kX25519KeySize> out_private_key,
                         MutableFixedBytes<kX25519KeySize> out_public_key) {
  return openssl::GenerateKeyPair(kAlgorithm, out_private_key, out_public_key);
}

Status X25519PublicKey(FixedBytes<kX25519KeySize> private_key,
                       MutableFixedBytes<kX25519KeySize> out_public_key) {
  return openssl::DerivePublicKey(kAlgorithm, private_key, out_public_key);
}

Status X25519(FixedBytes<kX25519KeySize> private_key, FixedBytes<kX25519KeySize> peer_public_key,
              MutableFixedBytes<kX25519KeySize> out_shared_secret) {
  const openssl::Owned<EVP_PKEY> own = openssl::PrivateKey(kAlgorithm, private_key);
  const openssl::Owned<EVP_PKEY> peer = openssl::PublicKey(kAlgorithm, peer_public_key);
  const Status status = own == nullptr || peer == nullptr
                            ? Status::kOutOfMemory
                            : Derive(own.get(), peer.get(), out_shared_secret);
  if (!IsOk(status)) Wipe(out_shared_secret);
  return status;
}

}  // namespace penumbra::crypto
