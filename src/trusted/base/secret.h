// A key or other small secret: cannot be copied, is wiped when it goes.
#ifndef PENUMBRA_TRUSTED_BASE_SECRET_H_
#define PENUMBRA_TRUSTED_BASE_SECRET_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "crypto/wipe.h"

namespace penumbra::trusted {

template <size_t kSize>
class Secret {
 public:
  Secret() = default;
  ~Secret() { Clear(); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;

  std::span<const uint8_t, kSize> bytes() const { return bytes_; }
  std::span<uint8_t, kSize> mutable_bytes() { return bytes_; }
  void Clear() { crypto::Wipe(bytes_); }

 private:
  alignas(16) uint8_t bytes_[kSize] = {};
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_BASE_SECRET_H_
