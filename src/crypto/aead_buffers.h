// The checks of aead.h that do not depend on the backend. Inside crypto/ only.
#ifndef PENUMBRA_CRYPTO_AEAD_BUFFERS_H_
#define PENUMBRA_CRYPTO_AEAD_BUFFERS_H_

#include "crypto/aead.h"

namespace penumbra::crypto {

// GCM reads ahead of what it writes by several blocks, so a shifted overlap would read its own
// output.
inline bool OverlapsPartly(Bytes in, Bytes out) {
  const auto a = reinterpret_cast<uintptr_t>(in.data());
  const auto b = reinterpret_cast<uintptr_t>(out.data());
  return a != b && a < b + out.size() && b < a + in.size();
}

inline Status CheckAeadBuffers(const void* context, Bytes in, Bytes out) {
  if (context == nullptr) return Status::kWrongState;
  if (in.size() != out.size() || in.size() > kAeadMaxPlaintextSize || OverlapsPartly(in, out)) {
    return Status::kInvalidArgument;
  }
  return Status::kOk;
}

}  // namespace penumbra::crypto

#endif  // PENUMBRA_CRYPTO_AEAD_BUFFERS_H_
