// The carrier without walls: the trusted runtime in the host's own process. For unit tests,
// debuggers and profilers; it isolates nothing.
#ifndef PENUMBRA_TEE_DIRECT_UNTRUSTED_DIRECT_TRANSPORT_H_
#define PENUMBRA_TEE_DIRECT_UNTRUSTED_DIRECT_TRANSPORT_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "host/transport.h"
#include "tee/direct/trusted/direct_enclave.h"

namespace penumbra::tee {

struct DirectOptions {
  std::array<uint8_t, 32> device_key{};        // X25519 private key
  std::optional<std::string> state_directory;  // version counters; in memory without it
};

class DirectTransport final : public host::Transport {
 public:
  explicit DirectTransport(DirectOptions options);
  ~DirectTransport() override;

  Status Start(uint64_t exchange_size, uint64_t secure_memory_size) override;
  Status Call(const Command& command, Reply* out_reply) override;
  std::span<uint8_t> exchange() override;
  std::shared_ptr<const void> exchange_owner() override;
  void Stop() override;
  CarrierKind carrier() const override { return CarrierKind::kDirect; }
  std::string label() const override;
  std::string failure() const override { return failure_; }

 private:
  struct Region;
  DirectOptions options_;
  std::shared_ptr<Region> region_;
  std::unique_ptr<DirectEnclave> enclave_;
  std::string failure_;
};

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_DIRECT_UNTRUSTED_DIRECT_TRANSPORT_H_
