#include "host/testing/scripted_transport.h"

#include <utility>

namespace penumbra::host {
namespace {

class ScriptedSegment final : public PreparedSegment {
 public:
  explicit ScriptedSegment(ScriptedDevice::Run run) : run_(std::move(run)) {}
  Status Run(const Job& job) override { return run_(job); }

 private:
  ScriptedDevice::Run run_;
};

}  // namespace

Status ScriptedTransport::Start(uint64_t exchange_size, uint64_t size) {
  if (memory_ != nullptr) return Status::kWrongState;
  memory_ = std::make_shared<std::vector<Line>>((exchange_size + 63) / 64);
  secure_memory_size = size;
  return Status::kOk;
}

Status ScriptedTransport::Call(const Command& command, Reply* out_reply) {
  *out_reply = {};
  if (memory_ == nullptr) return Status::kWrongState;
  commands.push_back(command);
  const Status status = script_(command, exchange(), out_reply);
  if (!IsOk(status)) {
    *out_reply = {};
    failure_ = "the script ended the trusted half";
    Stop();
  }
  return status;
}

std::span<uint8_t> ScriptedTransport::exchange() {
  if (memory_ == nullptr) return {};
  return {memory_->front().bytes, memory_->size() * sizeof(Line)};
}

ScriptedDevice::ScriptedDevice(Run run, Status prepare_status)
    : run_(std::move(run)), prepare_status_(prepare_status) {
  capabilities_.ops = ~uint64_t{0};
  capabilities_.max_primes = kMaxPrimes;
  capabilities_.exact_residues = true;
}

Status ScriptedDevice::Prepare(const SegmentView&, const BlobSource&, const PrepareOptions&,
                               std::unique_ptr<PreparedSegment>* out_prepared,
                               std::string* out_why) {
  out_prepared->reset();
  if (!IsOk(prepare_status_)) {
    if (out_why != nullptr) *out_why = "scripted refusal";
    return prepare_status_;
  }
  *out_prepared = std::make_unique<ScriptedSegment>(run_);
  return Status::kOk;
}

}  // namespace penumbra::host
