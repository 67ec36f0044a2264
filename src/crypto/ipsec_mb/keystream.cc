#include "crypto/keystream.h"

#include <openssl/evp.h>

#include "crypto/ipsec_mb/gcm.h"
#include "crypto/ipsec_mb/vaes_counter.h"
#include "crypto/openssl/cipher.h"
#include "crypto/openssl/counter_mode.h"

namespace penumbra::crypto {
namespace {

// With VAES only `key` is used, without it only `ecb`.
struct Context {
  gcm_key_data key;
  void* ecb;
  const ipsec_mb::Gcm* gcm;
};

Context* Of(void* context) { return static_cast<Context*>(context); }
EVP_CIPHER_CTX* Ecb(void* context) { return static_cast<EVP_CIPHER_CTX*>(Of(context)->ecb); }

}  // namespace

Keystream::~Keystream() {
  if (context_ == nullptr) return;
  EVP_CIPHER_CTX_free(Ecb(context_));
  ipsec_mb::FreeAligned(context_, sizeof(Context));
}

Status Keystream::Init(FixedBytes<kKeystreamKeySize> key) {
  const ipsec_mb::Gcm* gcm = nullptr;
  if (const Status status = ipsec_mb::SharedGcm(&gcm); !IsOk(status)) return status;
  if (context_ == nullptr) context_ = ipsec_mb::AllocateAligned(sizeof(Context));
  if (context_ == nullptr) return Status::kOutOfMemory;
  Of(context_)->gcm = gcm;
  if (!gcm->has_vaes) return openssl::MakeCipher("AES-256-ECB", key.data(), &Of(context_)->ecb);
  gcm->expand(key.data(), &Of(context_)->key);
  return Status::kOk;
}

Status Keystream::Generate(FixedBytes<kKeystreamBlockSize> counter_block, MutableBytes out) {
  if (context_ == nullptr) return Status::kWrongState;
  if (!Of(context_)->gcm->has_vaes) {
    if (Ecb(context_) == nullptr) return Status::kWrongState;
    return openssl::GenerateKeystream(Ecb(context_), counter_block, out);
  }
  ipsec_mb::VaesCounterMode(Of(context_)->key.expanded_keys, counter_block.data(), out.data(), out.size());
  return Status::kOk;
}

}  // namespace penumbra::crypto
