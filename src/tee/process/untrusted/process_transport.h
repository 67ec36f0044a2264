// The trusted runtime in a process of its own, `penumbra-enclave`, shut in by the kernel. Protects
// from other users and from a curious process of the same user; not from root or the kernel, so it
// is a real TEE only inside a confidential virtual machine.
#ifndef PENUMBRA_TEE_PROCESS_UNTRUSTED_PROCESS_TRANSPORT_H_
#define PENUMBRA_TEE_PROCESS_UNTRUSTED_PROCESS_TRANSPORT_H_

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "host/transport.h"
#include "tee/process/control_block.h"
#include "tee/process/handoff.h"
#include "tee/process/untrusted/child_process.h"

namespace penumbra::tee {

struct ProcessOptions {
  std::filesystem::path enclave_binary;   // empty: FindEnclaveBinary()
  std::filesystem::path device_key_file;  // PKCS#8 PEM, X25519; readable by its owner only
  // Existing directory for version counters; without it they end with the enclave.
  std::optional<std::filesystem::path> state_directory;
  // The enclave follows its visitor from processor to processor, and nobody spins. Where the system does not allow that,
  // it is as if this were false.
  bool same_processor = true;
  uint32_t spin_ns = kDefaultSpinNs;  // without same_processor
  std::chrono::milliseconds start_timeout{30'000};
  // A command that takes longer ends the enclave with kTimeout: it was stopped or is broken.
  std::chrono::milliseconds call_timeout{600'000};
};

// The binary beside the running program, else in the installed libexec folder; empty when there is
// none.
std::filesystem::path FindEnclaveBinary();

class ProcessTransport final : public host::Transport {
 public:
  explicit ProcessTransport(ProcessOptions options);
  ~ProcessTransport() override;

  // Besides the interface: kNotFound (binary, key file), kPermission (key file others can read),
  // and whatever the enclave reports about its start; failure() has its words.
  Status Start(uint64_t exchange_size, uint64_t secure_memory_size) override;
  // The enclave's death is noticed within about 10 ms.
  Status Call(const Command& command, Reply* out_reply) override;
  // Pins the calling thread to the processor it is on, and the enclave to the same.
  std::unique_ptr<host::Visit> BeginVisit() override;
  std::span<uint8_t> exchange() override;
  std::shared_ptr<const void> exchange_owner() override;
  void Stop() override;
  CarrierKind carrier() const override { return CarrierKind::kProcess; }
  std::string label() const override;
  std::string failure() const override { return failure_; }

  uint32_t isolation() const { return isolation_; }  // IsolationBits, after Start
  int enclave_pid() const { return child_.pid(); }

 private:
  class SharedRegion;
  uint32_t SpinNs() const { return same_processor_ ? 0 : options_.spin_ns; }
  std::vector<std::string> Arguments(uint64_t secure_memory_size) const;
  Status Launch(uint64_t exchange_size, uint64_t secure_memory_size);
  Status AwaitStart();
  Status Await(HandoffWord* word, uint32_t seen, std::chrono::milliseconds timeout);
  Status Fail(Status status, std::string why);

  ProcessOptions options_;
  const bool same_processor_;
  SpinBudget budget_;
  std::shared_ptr<SharedRegion> control_region_, exchange_region_;
  ControlBlock* control_ = nullptr;  // in control_region_
  UniqueFd lifeline_;
  ChildProcess child_;
  int enclave_processor_ = -1;  // where it may run; negative: anywhere
  uint32_t sequence_ = 0;
  uint32_t isolation_ = 0;
  bool started_ = false;
  std::string failure_;
};

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_PROCESS_UNTRUSTED_PROCESS_TRANSPORT_H_
