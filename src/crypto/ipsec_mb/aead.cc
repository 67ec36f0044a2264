#include "crypto/aead.h"

#include "crypto/aead_buffers.h"
#include "crypto/ipsec_mb/gcm.h"
#include "crypto/wipe.h"

namespace penumbra::crypto {
namespace {

using ipsec_mb::Gcm;

struct Context {
  gcm_key_data key;
  gcm_context_data message;  // of the message under way
  const Gcm* gcm;
};

Context* Of(void* context) { return static_cast<Context*>(context); }

void WipeMessage(Context* c) { Wipe({reinterpret_cast<uint8_t*>(&c->message), sizeof(c->message)}); }

}  // namespace

AeadKey::~AeadKey() { ipsec_mb::FreeAligned(context_, sizeof(Context)); }

Status AeadKey::Init(FixedBytes<kAeadKeySize> key) {
  const Gcm* gcm = nullptr;
  if (const Status status = ipsec_mb::SharedGcm(&gcm); !IsOk(status)) return status;
  if (context_ == nullptr) context_ = ipsec_mb::AllocateAligned(sizeof(Context));
  if (context_ == nullptr) return Status::kOutOfMemory;
  Of(context_)->gcm = gcm;
  gcm->expand(key.data(), &Of(context_)->key);
  return Status::kOk;
}

Status AeadKey::Seal(FixedBytes<kAeadNonceSize> nonce, Bytes aad, Bytes plaintext, MutableBytes out_ciphertext,
                     MutableFixedBytes<kAeadTagSize> out_tag) {
  const Status status = CheckAeadBuffers(context_, plaintext, out_ciphertext);
  if (!IsOk(status)) {
    Wipe(out_ciphertext);
    Wipe(out_tag);
    return status;
  }
  Context* const c = Of(context_);
  c->gcm->seal(&c->key, &c->message, out_ciphertext.data(), plaintext.data(), plaintext.size(), nonce.data(),
               aad.data(), aad.size(), out_tag.data(), kAeadTagSize);
  WipeMessage(c);
  return Status::kOk;
}

Status AeadKey::Open(FixedBytes<kAeadNonceSize> nonce, Bytes aad, Bytes ciphertext, FixedBytes<kAeadTagSize> tag,
                     MutableBytes out_plaintext) {
  Status status = CheckAeadBuffers(context_, ciphertext, out_plaintext);
  if (IsOk(status)) {
    Context* const c = Of(context_);
    uint8_t expected[kAeadTagSize];
    const ScopedWipe wipe(expected);
    c->gcm->open(&c->key, &c->message, out_plaintext.data(), ciphertext.data(), ciphertext.size(), nonce.data(),
                 aad.data(), aad.size(), expected, kAeadTagSize);
    WipeMessage(c);
    if (!ConstantTimeEqual(expected, tag)) status = Status::kAuthenticationFailed;
  }
  if (!IsOk(status)) Wipe(out_plaintext);
  return status;
}

}  // namespace penumbra::crypto
