// A seekable stream of pseudorandom bytes: the AES-256-CTR keystream (NIST SP 800-38A section 6.5).
// Pads and masks are expanded from a 32-byte seed with it.
#ifndef PENUMBRA_CRYPTO_KEYSTREAM_H_
#define PENUMBRA_CRYPTO_KEYSTREAM_H_

#include "boundary/status.h"
#include "crypto/bytes.h"

namespace penumbra::crypto {

inline constexpr size_t kKeystreamKeySize = 32;
inline constexpr size_t kKeystreamBlockSize = 16;

// One key, expanded once. Only Init() allocates. Holds the key until destruction or the next
// Init(), and erases it then. One object serves one thread at a time.
class Keystream {
 public:
  Keystream() = default;
  ~Keystream();
  Keystream(const Keystream&) = delete;
  Keystream& operator=(const Keystream&) = delete;

  // Copies `key`. May be called again to change the key, reusing the memory of the first call.
  // kOutOfMemory when the context cannot be had; the object is then as before the first Init().
  Status Init(FixedBytes<kKeystreamKeySize> key);

  // Writes AES(counter_block) || AES(counter_block + 1) || ..., cut to out.size(). The block is one
  // 128-bit big-endian number and wraps. Equal (key, counter_block) give equal bytes on every
  // backend; it is the caller's duty that streams meant to be independent do not overlap, i.e. that
  // their first blocks lie at least ceil(size / 16) apart. kWrongState before Init(); kInternal,
  // with `out` zeroed, when the backend fails.
  Status Generate(FixedBytes<kKeystreamBlockSize> counter_block, MutableBytes out);

 private:
  void* context_ = nullptr;  // owned by the backend's Init() and destructor
};

}  // namespace penumbra::crypto

#endif  // PENUMBRA_CRYPTO_KEYSTREAM_H_
