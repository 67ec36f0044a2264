// A trusted half made of a function, and a device made of another: the pump and the session are
// tested against replies no real runtime would give.
#ifndef PENUMBRA_HOST_TESTING_SCRIPTED_TRANSPORT_H_
#define PENUMBRA_HOST_TESTING_SCRIPTED_TRANSPORT_H_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "accel/device.h"
#include "host/transport.h"

namespace penumbra::host {

class ScriptedTransport final : public Transport {
 public:
  // Gets every command and the exchange region; what it returns other than kOk ends the trusted
  // half.
  using Script = std::function<Status(const Command&, std::span<uint8_t>, Reply*)>;
  explicit ScriptedTransport(Script script) : script_(std::move(script)) {}

  Status Start(uint64_t exchange_size, uint64_t secure_memory_size) override;
  Status Call(const Command& command, Reply* out_reply) override;
  std::span<uint8_t> exchange() override;
  std::shared_ptr<const void> exchange_owner() override { return memory_; }
  void Stop() override { memory_.reset(); }
  CarrierKind carrier() const override { return CarrierKind::kDirect; }
  std::string label() const override { return "scripted"; }
  std::string failure() const override { return failure_; }

  std::vector<Command> commands;  // every command received
  uint64_t secure_memory_size = 0;

 private:
  struct alignas(64) Line {
    uint8_t bytes[64];
  };
  Script script_;
  std::shared_ptr<std::vector<Line>> memory_;
  std::string failure_;
};

// A device whose prepared segments call `run`. It claims every operator.
class ScriptedDevice final : public Device {
 public:
  using Run = std::function<Status(const Job&)>;
  explicit ScriptedDevice(Run run, Status prepare_status = Status::kOk);
  std::string_view name() const override { return "scripted"; }
  const Capabilities& capabilities() const override { return capabilities_; }
  Status Prepare(const SegmentView& segment, const BlobSource& blobs, const PrepareOptions& options,
                 std::unique_ptr<PreparedSegment>* out_prepared, std::string* out_why) override;

 private:
  Run run_;
  Status prepare_status_;
  Capabilities capabilities_;
};

}  // namespace penumbra::host

#endif  // PENUMBRA_HOST_TESTING_SCRIPTED_TRANSPORT_H_
