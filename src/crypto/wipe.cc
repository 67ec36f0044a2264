#include "crypto/wipe.h"

#include <cstring>

namespace penumbra::crypto {

void Wipe(MutableBytes secret) {
  if (secret.empty()) return;
  std::memset(secret.data(), 0, secret.size());
  // The barrier claims to read the buffer, so the stores above are not dead.
  __asm__ __volatile__("" : : "r"(secret.data()) : "memory");
}

bool ConstantTimeEqual(Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  uint32_t difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<uint32_t>(a[i] ^ b[i]);
    // Hides the running value, or the compiler could leave the loop at the first difference.
    __asm__ __volatile__("" : "+r"(difference));
  }
  return difference == 0;
}

}  // namespace penumbra::crypto
