// Erasing secrets and comparing them.
// Both functions are safe to call from any thread on distinct buffers.
#ifndef PENUMBRA_CRYPTO_WIPE_H_
#define PENUMBRA_CRYPTO_WIPE_H_

#include "crypto/bytes.h"

namespace penumbra::crypto {

// Sets every byte to zero. The compiler may not drop the stores, even when the buffer dies next.
void Wipe(MutableBytes secret);

// True when both views have the same size and the same bytes. The time taken depends on the sizes
// only, never on the contents.
[[nodiscard]] bool ConstantTimeEqual(Bytes a, Bytes b);

// Erases the viewed bytes when it goes out of scope, on every path. It does not own them.
class ScopedWipe {
 public:
  explicit ScopedWipe(MutableBytes secret) : secret_(secret) {}
  ~ScopedWipe() { Wipe(secret_); }
  ScopedWipe(const ScopedWipe&) = delete;
  ScopedWipe& operator=(const ScopedWipe&) = delete;

 private:
  MutableBytes secret_;
};

}  // namespace penumbra::crypto

#endif  // PENUMBRA_CRYPTO_WIPE_H_
