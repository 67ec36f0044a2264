// Private memory of a software TEE: out of reach of other processes, core dumps and swap as far as
// this machine allows.
#ifndef PENUMBRA_TEE_SOFTWARE_SECURE_MEMORY_H_
#define PENUMBRA_TEE_SOFTWARE_SECURE_MEMORY_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "boundary/status.h"

namespace penumbra::tee {

// Page-aligned zeroed memory, wiped and unmapped at destruction.
class SecureMemory {
 public:
  SecureMemory() = default;
  ~SecureMemory();
  SecureMemory(const SecureMemory&) = delete;
  SecureMemory& operator=(const SecureMemory&) = delete;

  // Prefers memfd_secret(2), whose pages even the kernel has no mapping of and which is locked by
  // nature; else anonymous memory, locked when RLIMIT_MEMLOCK allows. `size` > 0. kOutOfMemory.
  Status Allocate(size_t size);

  std::span<uint8_t> bytes() const { return bytes_; }
  bool is_secret() const { return secret_; }  // memfd_secret
  bool is_locked() const { return locked_; }  // cannot be swapped out

 private:
  bool AllocateSecret(size_t size);

  std::span<uint8_t> bytes_;
  bool secret_ = false;
  bool locked_ = false;
};

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_SOFTWARE_SECURE_MEMORY_H_
