#include "crypto/aead.h"

#include <openssl/evp.h>

#include <algorithm>

#include "crypto/aead_buffers.h"
#include "crypto/openssl/cipher.h"
#include "crypto/wipe.h"

namespace penumbra::crypto {
namespace {

enum class Direction : int { kOpen = 0, kSeal = 1 };

EVP_CIPHER_CTX* Gcm(void* context) { return static_cast<EVP_CIPHER_CTX*>(context); }

// EVP counts bytes in an int. Whole cipher blocks, so that only the last piece is ever ragged.
constexpr size_t kMaxPieceSize = size_t{1} << 30;

// Feeds `in` piece by piece; `out` == nullptr means associated data.
bool Feed(EVP_CIPHER_CTX* gcm, Bytes in, uint8_t* out) {
  while (!in.empty()) {
    const int piece = static_cast<int>(std::min(in.size(), kMaxPieceSize));
    int written = 0;
    if (EVP_CipherUpdate(gcm, out, &written, in.data(), piece) != 1 || written != piece) {
      return false;
    }
    if (out != nullptr) out += piece;
    in = in.subspan(static_cast<size_t>(piece));
  }
  return true;
}

bool Process(EVP_CIPHER_CTX* gcm, Direction direction, FixedBytes<kAeadNonceSize> nonce, Bytes aad,
             Bytes in, MutableBytes out) {
  return EVP_CipherInit_ex2(gcm, nullptr, nullptr, nonce.data(), static_cast<int>(direction),
                            nullptr) == 1 &&
         Feed(gcm, aad, nullptr) && Feed(gcm, in, out.data());
}

bool Finish(EVP_CIPHER_CTX* gcm) {
  uint8_t none[kAeadTagSize];  // GCM writes nothing here, but the interface wants a block
  int written = 0;
  return EVP_CipherFinal_ex(gcm, none, &written) == 1;
}

}  // namespace

AeadKey::~AeadKey() { EVP_CIPHER_CTX_free(Gcm(context_)); }

Status AeadKey::Init(FixedBytes<kAeadKeySize> key) {
  return openssl::MakeCipher("AES-256-GCM", key.data(), &context_);
}

Status AeadKey::Seal(FixedBytes<kAeadNonceSize> nonce, Bytes aad, Bytes plaintext,
                     MutableBytes out_ciphertext, MutableFixedBytes<kAeadTagSize> out_tag) {
  Status status = CheckAeadBuffers(context_, plaintext, out_ciphertext);
  EVP_CIPHER_CTX* gcm = Gcm(context_);
  if (IsOk(status) &&
      !(Process(gcm, Direction::kSeal, nonce, aad, plaintext, out_ciphertext) && Finish(gcm) &&
        EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_GET_TAG, kAeadTagSize, out_tag.data()) == 1)) {
    status = Status::kInternal;
  }
  if (!IsOk(status)) {
    Wipe(out_ciphertext);
    Wipe(out_tag);
  }
  return status;
}

Status AeadKey::Open(FixedBytes<kAeadNonceSize> nonce, Bytes aad, Bytes ciphertext,
                     FixedBytes<kAeadTagSize> tag, MutableBytes out_plaintext) {
  Status status = CheckAeadBuffers(context_, ciphertext, out_plaintext);
  EVP_CIPHER_CTX* gcm = Gcm(context_);
  // The backend only reads the expected tag, though its interface takes it as mutable.
  auto* expected_tag = const_cast<uint8_t*>(tag.data());
  if (IsOk(status) &&
      !(Process(gcm, Direction::kOpen, nonce, aad, ciphertext, out_plaintext) &&
        EVP_CIPHER_CTX_ctrl(gcm, EVP_CTRL_AEAD_SET_TAG, kAeadTagSize, expected_tag) == 1)) {
    status = Status::kInternal;
  }
  if (IsOk(status) && !Finish(gcm)) status = Status::kAuthenticationFailed;
  if (!IsOk(status)) Wipe(out_plaintext);
  return status;
}

}  // namespace penumbra::crypto
