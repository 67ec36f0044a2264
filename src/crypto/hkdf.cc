// HMAC and HKDF over the backend's SHA-256, so that every backend shares one key derivation.
#include <algorithm>
#include <cstring>

#include "crypto/hash.h"
#include "crypto/wipe.h"

namespace penumbra::crypto {
namespace {

constexpr size_t kBlockSize = 64;  // of SHA-256

}  // namespace

HmacSha256::HmacSha256(Bytes key) {
  uint8_t block[kBlockSize] = {};
  const ScopedWipe wipe_block(block);
  if (key.size() > kBlockSize) {
    status_ = Sha256::Digest(key, MutableBytes(block).first<kSha256Size>());
  } else if (!key.empty()) {
    std::memcpy(block, key.data(), key.size());
  }
  for (uint8_t& b : block) b ^= 0x36;
  if (IsOk(status_)) status_ = inner_.Update(block);
  for (uint8_t& b : block) b ^= 0x36 ^ 0x5c;
  if (IsOk(status_)) status_ = outer_.Update(block);
}

Status HmacSha256::Update(Bytes data) {
  if (IsOk(status_)) status_ = inner_.Update(data);
  return status_;
}

Status HmacSha256::Final(MutableFixedBytes<kSha256Size> out_mac) {
  uint8_t digest[kSha256Size] = {};
  const ScopedWipe wipe_digest(digest);
  if (IsOk(status_)) status_ = inner_.Final(digest);
  if (IsOk(status_)) status_ = outer_.Update(digest);
  if (IsOk(status_)) status_ = outer_.Final(out_mac);
  if (!IsOk(status_)) Wipe(out_mac);
  return status_;
}

Status HkdfExtract(Bytes salt, Bytes input_key, MutableFixedBytes<kSha256Size> out_prk) {
  // HMAC pads its key with zeros, so an empty salt already equals the RFC's 32 zero bytes.
  HmacSha256 mac(salt);
  if (const Status s = mac.Update(input_key); !IsOk(s)) {
    Wipe(out_prk);
    return s;
  }
  return mac.Final(out_prk);
}

Status HkdfExpand(FixedBytes<kSha256Size> prk, Bytes info, MutableBytes out) {
  Status status = out.size() <= kHkdfMaxOutputSize ? Status::kOk : Status::kInvalidArgument;
  const HmacSha256 keyed(prk);
  uint8_t block[kSha256Size] = {};
  const ScopedWipe wipe_block(block);
  uint8_t counter = 1;
  for (size_t done = 0; IsOk(status) && done < out.size(); ++counter) {
    HmacSha256 mac = keyed;
    if (done > 0) status = mac.Update(block);
    if (IsOk(status)) status = mac.Update(info);
    if (IsOk(status)) status = mac.Update(Bytes(&counter, 1));
    if (IsOk(status)) status = mac.Final(block);
    const size_t take = std::min(kSha256Size, out.size() - done);
    std::memcpy(out.data() + done, block, take);
    done += take;
  }
  if (!IsOk(status)) Wipe(out);
  return status;
}

Status DeriveKey(FixedBytes<32> secret, Bytes context, MutableFixedBytes<32> out_key) {
  uint8_t prk[kSha256Size] = {};
  const ScopedWipe wipe_prk(prk);
  Status status = HkdfExtract({}, secret, prk);
  if (IsOk(status)) status = HkdfExpand(prk, context, out_key);
  if (!IsOk(status)) Wipe(out_key);
  return status;
}

}  // namespace penumbra::crypto
