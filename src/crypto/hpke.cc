#include "crypto/hpke.h"

#include <cstring>
#include <initializer_list>

#include "crypto/hash.h"
#include "crypto/hpke_internal.h"
#include "crypto/wipe.h"

namespace penumbra::crypto {
namespace {

using Parts = std::initializer_list<Bytes>;

template <size_t kSize>
Bytes Text(const char (&literal)[kSize]) {
  return {reinterpret_cast<const uint8_t*>(literal), kSize - 1};
}

// RFC 9180 sections 4.1 and 5.1, identifiers of section 7.
constexpr uint8_t kKemSuite[] = {'K', 'E', 'M', 0x00, 0x20};
constexpr uint8_t kHpkeSuite[] = {'H', 'P', 'K', 'E', 0x00, 0x20, 0x00, 0x01, 0x00, 0x02};
constexpr uint8_t kModeBase[] = {0x00};

Status MacParts(HmacSha256& mac, Parts parts) {
  for (const Bytes part : parts) {
    if (const Status s = mac.Update(part); !IsOk(s)) return s;
  }
  return Status::kOk;
}

// RFC 9180 section 4, LabeledExtract.
Status LabeledExtract(Bytes salt, Bytes suite, Bytes label, Bytes input_key,
                      MutableFixedBytes<kSha256Size> out_prk) {
  HmacSha256 mac(salt);
  const Status status = MacParts(mac, {Text("HPKE-v1"), suite, label, input_key});
  return IsOk(status) ? mac.Final(out_prk) : status;
}

// RFC 9180 section 4, LabeledExpand, for outputs of one hash at most, i.e. T(1) of RFC 5869.
template <size_t kSize>
Status LabeledExpand(Bytes prk, Bytes suite, Bytes label, Bytes info,
                     MutableFixedBytes<kSize> out) {
  static_assert(kSize <= kSha256Size);
  constexpr uint8_t kLength[] = {0, kSize};
  constexpr uint8_t kFirstBlock[] = {1};
  uint8_t block[kSha256Size] = {};
  const ScopedWipe wipe_block(block);
  HmacSha256 mac(prk);
  Status status = MacParts(mac, {kLength, Text("HPKE-v1"), suite, label, info, kFirstBlock});
  if (IsOk(status)) status = mac.Final(block);
  if (IsOk(status)) std::memcpy(out.data(), block, kSize);
  return status;
}

// DHKEM (section 4.1): the shared secret of `own` and `peer`, bound to both public values.
Status SharedSecret(FixedBytes<kX25519KeySize> own_private, FixedBytes<kX25519KeySize> peer_public,
                    FixedBytes<kHpkeEncSize> enc, FixedBytes<kX25519KeySize> recipient_public,
                    MutableFixedBytes<kSha256Size> out_secret) {
  uint8_t dh[kX25519KeySize] = {};
  uint8_t prk[kSha256Size] = {};
  const ScopedWipe wipe_dh(dh), wipe_prk(prk);
  uint8_t context[kHpkeEncSize + kX25519KeySize];
  std::memcpy(context, enc.data(), kHpkeEncSize);
  std::memcpy(context + kHpkeEncSize, recipient_public.data(), kX25519KeySize);
  Status status = X25519(own_private, peer_public, dh);
  if (IsOk(status)) status = LabeledExtract({}, kKemSuite, Text("eae_prk"), dh, prk);
  if (IsOk(status)) {
    status = LabeledExpand(prk, kKemSuite, Text("shared_secret"), context, out_secret);
  }
  return status;
}

// KeySchedule (section 5.1) in base mode, without the exporter.
Status KeySchedule(FixedBytes<kSha256Size> shared_secret, Bytes info, AeadKey& out_key,
                   MutableFixedBytes<kAeadNonceSize> out_nonce) {
  uint8_t context[1 + 2 * kSha256Size] = {kModeBase[0]};
  const auto psk_id_hash = MutableBytes(context).subspan<1, kSha256Size>();
  const auto info_hash = MutableBytes(context).subspan<1 + kSha256Size, kSha256Size>();
  uint8_t secret[kSha256Size] = {};
  uint8_t key[kAeadKeySize] = {};
  const ScopedWipe wipe_secret(secret), wipe_key(key);
  Status status = LabeledExtract({}, kHpkeSuite, Text("psk_id_hash"), {}, psk_id_hash);
  if (IsOk(status)) status = LabeledExtract({}, kHpkeSuite, Text("info_hash"), info, info_hash);
  if (IsOk(status)) {
    status = LabeledExtract(shared_secret, kHpkeSuite, Text("secret"), {}, secret);
  }
  if (IsOk(status)) {
    status = LabeledExpand(secret, kHpkeSuite, Text("key"), context,
                           MutableFixedBytes<kAeadKeySize>(key));
  }
  if (IsOk(status)) {
    status = LabeledExpand(secret, kHpkeSuite, Text("base_nonce"), context, out_nonce);
  }
  return IsOk(status) ? out_key.Init(key) : status;
}

// The AEAD context of one message: its first and only nonce is the base nonce (section 5.2).
struct MessageKey {
  AeadKey aead;
  uint8_t nonce[kAeadNonceSize] = {};
};

}  // namespace

Status HpkeSender::Setup(FixedBytes<kX25519KeySize> ephemeral_private_key,
                         FixedBytes<kX25519KeySize> recipient_public_key, Bytes info,
                         MutableFixedBytes<kHpkeEncSize> out_enc) {
  uint8_t secret[kSha256Size] = {};
  const ScopedWipe wipe_secret(secret);
  Status status = Clear();
  if (IsOk(status)) status = X25519PublicKey(ephemeral_private_key, out_enc);
  if (IsOk(status)) {
    status = SharedSecret(ephemeral_private_key, recipient_public_key, out_enc,
                          recipient_public_key, secret);
  }
  if (IsOk(status)) status = KeySchedule(secret, info, aead_, nonce_);
  ready_ = IsOk(status);
  if (!ready_) {
    (void)Clear();
    Wipe(out_enc);
  }
  return status;
}

Status HpkeSender::Seal(Bytes aad, Bytes plaintext, MutableBytes out_ciphertext,
                        MutableFixedBytes<kAeadTagSize> out_tag) {
  Status status = ready_ ? Status::kOk : Status::kWrongState;
  if (IsOk(status)) status = aead_.Seal(nonce_, aad, plaintext, out_ciphertext, out_tag);
  if (!IsOk(status)) {
    Wipe(out_ciphertext);
    Wipe(out_tag);
  }
  (void)Clear();
  return status;
}

Status HpkeSender::Clear() {
  const uint8_t zero[kAeadKeySize] = {};
  ready_ = false;
  Wipe(nonce_);
  return aead_.Init(zero);
}

Status internal::SealBaseWithEphemeral(FixedBytes<kX25519KeySize> ephemeral_private_key,
                                       FixedBytes<kX25519KeySize> recipient_public_key, Bytes info,
                                       Bytes aad, Bytes plaintext,
                                       MutableFixedBytes<kHpkeEncSize> out_enc,
                                       MutableBytes out_ciphertext) {
  HpkeSender sender;
  Status status = out_ciphertext.size() >= kHpkeOverheadSize &&
                          out_ciphertext.size() - kHpkeOverheadSize == plaintext.size()
                      ? Status::kOk
                      : Status::kInvalidArgument;
  if (IsOk(status)) {
    status = sender.Setup(ephemeral_private_key, recipient_public_key, info, out_enc);
  }
  if (IsOk(status)) {
    status = sender.Seal(aad, plaintext, out_ciphertext.first(plaintext.size()),
                         out_ciphertext.last<kAeadTagSize>());
  }
  if (!IsOk(status)) {
    Wipe(out_enc);
    Wipe(out_ciphertext);
  }
  return status;
}

Status SealBase(FixedBytes<kX25519KeySize> recipient_public_key, Bytes info, Bytes aad,
                Bytes plaintext, MutableFixedBytes<kHpkeEncSize> out_enc,
                MutableBytes out_ciphertext) {
  uint8_t ephemeral[kX25519KeySize] = {};
  const ScopedWipe wipe_ephemeral(ephemeral);
  if (const Status s = GenerateX25519Key(ephemeral, out_enc); !IsOk(s)) {
    Wipe(out_ciphertext);
    return s;
  }
  return internal::SealBaseWithEphemeral(ephemeral, recipient_public_key, info, aad, plaintext,
                                         out_enc, out_ciphertext);
}

Status OpenBase(FixedBytes<kX25519KeySize> recipient_private_key, FixedBytes<kHpkeEncSize> enc,
                Bytes info, Bytes aad, Bytes ciphertext, MutableBytes out_plaintext) {
  uint8_t recipient_public_key[kX25519KeySize] = {};
  uint8_t secret[kSha256Size] = {};
  const ScopedWipe wipe_secret(secret);
  MessageKey message;
  Status status = Status::kOk;
  if (ciphertext.size() < kHpkeOverheadSize) {
    status = Status::kAuthenticationFailed;
  } else if (ciphertext.size() - kHpkeOverheadSize != out_plaintext.size()) {
    status = Status::kInvalidArgument;
  }
  if (IsOk(status)) status = X25519PublicKey(recipient_private_key, recipient_public_key);
  if (IsOk(status)) {
    status = SharedSecret(recipient_private_key, enc, enc, recipient_public_key, secret);
    // A point of small order is the sender's doing, so it must look like any other forgery.
    if (status == Status::kInvalidArgument) status = Status::kAuthenticationFailed;
  }
  if (IsOk(status)) status = KeySchedule(secret, info, message.aead, message.nonce);
  if (!IsOk(status)) {
    Wipe(out_plaintext);
    return status;
  }
  return message.aead.Open(message.nonce, aad, ciphertext.first(out_plaintext.size()),
                           ciphertext.last<kAeadTagSize>(), out_plaintext);
}

}  // namespace penumbra::crypto
