// Authenticated encryption: AES-256-GCM with a 12-byte nonce and a 16-byte tag (NIST SP 800-38D).
#ifndef PENUMBRA_CRYPTO_AEAD_H_
#define PENUMBRA_CRYPTO_AEAD_H_

#include "boundary/status.h"
#include "crypto/bytes.h"

namespace penumbra::crypto {

inline constexpr size_t kAeadKeySize = 32;
inline constexpr size_t kAeadNonceSize = 12;
inline constexpr size_t kAeadTagSize = 16;
// SP 800-38D section 5.2.1.1: 2^39 - 256 bits of plaintext per nonce.
inline constexpr uint64_t kAeadMaxPlaintextSize = (uint64_t{1} << 36) - 32;

// One key, expanded once. Only Init() allocates; Seal() and Open() never do, whatever their sizes,
// so they are fit for trusted code after set-up. Holds the key until destruction or the next
// Init(), and erases it then. One object serves one thread at a time; threads that share a key hold
// one object each.
//
// Output and input may be the same memory (in place) or disjoint; anything between is
// kInvalidArgument. An empty plaintext makes this a MAC of `aad` (GMAC).
//
// Before Init() every call returns kWrongState. kInternal means the backend refused a valid
// request.
class AeadKey {
 public:
  AeadKey() = default;
  ~AeadKey();
  AeadKey(const AeadKey&) = delete;
  AeadKey& operator=(const AeadKey&) = delete;

  // Copies `key`; the caller still owns and wipes its own. May be called again to change the key,
  // which reuses the memory of the first call. kOutOfMemory when the context cannot be had; the
  // object is then as before the first Init().
  Status Init(FixedBytes<kAeadKeySize> key);

  // The caller guarantees that no nonce is used twice for Seal() under one key: a repeat reveals
  // the authentication key. `out_ciphertext` has the size of `plaintext` (else kInvalidArgument).
  // On failure `out_ciphertext` and `out_tag` are zeroed.
  Status Seal(FixedBytes<kAeadNonceSize> nonce, Bytes aad, Bytes plaintext,
              MutableBytes out_ciphertext, MutableFixedBytes<kAeadTagSize> out_tag);

  // Returns kAuthenticationFailed unless nonce, aad, ciphertext and tag are those of one Seal()
  // under this key. On any failure `out_plaintext` is zeroed, which in place also erases the
  // ciphertext. During the call it holds unverified plaintext, so it must be memory that nobody
  // untrusted reads.
  Status Open(FixedBytes<kAeadNonceSize> nonce, Bytes aad, Bytes ciphertext,
              FixedBytes<kAeadTagSize> tag, MutableBytes out_plaintext);

 private:
  void* context_ = nullptr;  // owned by the backend's Init() and destructor
};

}  // namespace penumbra::crypto

#endif  // PENUMBRA_CRYPTO_AEAD_H_
