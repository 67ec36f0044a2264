// SHA-256 (FIPS 180-4), HMAC-SHA256 (RFC 2104) and HKDF-SHA256 (RFC 5869). Nothing here allocates.
// Objects serve one thread at a time, may be copied to fork a common prefix, and erase their state
// at destruction. Calling Update() or Final() after Final() returns kWrongState until the next
// Reset().
#ifndef PENUMBRA_CRYPTO_HASH_H_
#define PENUMBRA_CRYPTO_HASH_H_

#include "boundary/status.h"
#include "crypto/bytes.h"

namespace penumbra::crypto {

inline constexpr size_t kSha256Size = 32;
inline constexpr size_t kHkdfMaxOutputSize = 255 * kSha256Size;

class Sha256 {
 public:
  Sha256() { Reset(); }
  ~Sha256();
  Sha256(const Sha256&) = default;
  Sha256& operator=(const Sha256&) = default;

  void Reset();
  Status Update(Bytes data);
  Status Final(MutableFixedBytes<kSha256Size> out_digest);

  // The digest of one message held in one piece.
  static Status Digest(Bytes message, MutableFixedBytes<kSha256Size> out_digest);

 private:
  static constexpr size_t kStateSize = 112;  // checked by the backend
  alignas(8) uint8_t state_[kStateSize];
  bool finished_;
};

class HmacSha256 {
 public:
  // `key` may have any size; longer than 64 bytes is hashed first (RFC 2104 section 2).
  explicit HmacSha256(Bytes key);

  Status Update(Bytes data);
  // On failure `out_mac` is zeroed.
  Status Final(MutableFixedBytes<kSha256Size> out_mac);

 private:
  Sha256 inner_, outer_;
  Status status_ = Status::kOk;  // the first failure, reported by every later call
};

// HKDF-Extract. An empty salt stands for 32 zero bytes, as the RFC says.
Status HkdfExtract(Bytes salt, Bytes input_key, MutableFixedBytes<kSha256Size> out_prk);

// HKDF-Expand. kInvalidArgument when `out` is longer than kHkdfMaxOutputSize. On failure `out` is
// zeroed.
Status HkdfExpand(FixedBytes<kSha256Size> prk, Bytes info, MutableBytes out);

// A key for one purpose from a secret that serves another: HKDF without salt, `context` as info. On
// failure `out_key` is zeroed.
Status DeriveKey(FixedBytes<32> secret, Bytes context, MutableFixedBytes<32> out_key);

}  // namespace penumbra::crypto

#endif  // PENUMBRA_CRYPTO_HASH_H_
