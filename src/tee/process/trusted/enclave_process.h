// The life of an enclave process after main() read its arguments: memory, sandbox, then one command
// after the other until the host goes away.
#ifndef PENUMBRA_TEE_PROCESS_TRUSTED_ENCLAVE_PROCESS_H_
#define PENUMBRA_TEE_PROCESS_TRUSTED_ENCLAVE_PROCESS_H_

#include <cstdint>
#include <span>

#include "boundary/status.h"
#include "tee/process/control_block.h"
#include "tee/process/handoff.h"
#include "tee/software/port.h"
#include "tee/software/secure_memory.h"
#include "tee/software/versions.h"
#include "trusted/entry/entry.h"

namespace penumbra::tee {

struct EnclaveOptions {
  uint64_t secure_memory_size = 0;
  const char* state_directory = nullptr;  // null: counters end with the process
};

class EnclaveProcess {
 public:
  EnclaveProcess() = default;
  EnclaveProcess(const EnclaveProcess&) = delete;
  EnclaveProcess& operator=(const EnclaveProcess&) = delete;

  // Maps the control block. Until this succeeded nothing can be reported to the host. The
  // descriptor is sealed and large enough, else kInvalidArgument; kOutOfMemory.
  Status MapControl(int control_descriptor);

  // Harden() and the device key's place in secure memory, to be filled before Enter().
  // kOutOfMemory.
  Status Prepare();
  std::span<uint8_t, 32> device_key();

  // Everything up to the point where commands can be served: exchange region, version counters,
  // secure memory, runtime, sandbox. On failure *out_why names the step.
  Status Enter(int exchange_descriptor, int lifeline, const EnclaveOptions& options,
               const char** out_why);

  // Tells the host how the start went; the first failure ends the process afterwards.
  void ReportStart(Status status, const char* text);

  uint32_t isolation() const { return isolation_; }

  // Serves commands for ever. The process ends by the lifeline, by the filter or by a kill.
  // `budget` was made before Enter(): counting processors is a system call the filter does not
  // allow.
  [[noreturn]] void Serve(SpinBudget* budget);

 private:
  Status MapExchange(int descriptor);
  Status CreateRuntime(const EnclaveOptions& options);
  Status CloseIn(int lifeline);

  ControlBlock* control_ = nullptr;
  std::span<uint8_t> exchange_;
  SecureMemory context_memory_, runtime_memory_;
  SoftwarePortContext* context_ = nullptr;  // in context_memory_
  MemoryVersions memory_versions_;
  VersionFile file_versions_;
  trusted::Enclave* enclave_ = nullptr;
  uint32_t isolation_ = 0;
};

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_PROCESS_TRUSTED_ENCLAVE_PROCESS_H_
