// The trusted side of the direct carrier: secure memory, port and runtime in the caller's process.
#ifndef PENUMBRA_TEE_DIRECT_TRUSTED_DIRECT_ENCLAVE_H_
#define PENUMBRA_TEE_DIRECT_TRUSTED_DIRECT_ENCLAVE_H_

#include <cstdint>
#include <span>

#include "boundary/protocol.h"
#include "tee/software/port.h"
#include "tee/software/secure_memory.h"
#include "tee/software/versions.h"
#include "trusted/entry/entry.h"

namespace penumbra::tee {

// One call at a time.
class DirectEnclave {
 public:
  DirectEnclave() = default;
  ~DirectEnclave();
  DirectEnclave(const DirectEnclave&) = delete;
  DirectEnclave& operator=(const DirectEnclave&) = delete;

  // `exchange` outlives the enclave. `state_directory` may be null: counters stay in memory. Errors
  // as CreateEnclave, SecureMemory::Allocate and VersionFile::Open.
  Status Create(std::span<uint8_t> exchange, uint64_t secure_memory_size,
                std::span<const uint8_t, 32> device_key, const char* state_directory);

  // Copies in, dispatches and copies out, as a carrier with walls does.
  void Call(const Command& command, Reply* out_reply);

 private:
  SecureMemory context_memory_, runtime_memory_;
  MemoryVersions memory_versions_;
  VersionFile file_versions_;
  trusted::Enclave* enclave_ = nullptr;
};

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_DIRECT_TRUSTED_DIRECT_ENCLAVE_H_
