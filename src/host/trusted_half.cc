#include "host/trusted_half.h"

#include "host/error.h"

namespace penumbra::host {

TrustedHalf::~TrustedHalf() {
  Command unload{};
  unload.id = CommandId::kUnload;
  Reply reply{};
  // A lost trusted half has nothing left to wipe, so the answer does not matter.
  static_cast<void>(transport_->Call(unload, &reply));
  transport_->Stop();
}

void TrustedHalf::Start(uint64_t exchange_size, uint64_t secure_memory_size) {
  const Status status = transport_->Start(exchange_size, secure_memory_size);
  if (!IsOk(status)) {
    throw HostError(status, "the trusted half did not start: " + transport_->failure());
  }
  exchange_ = transport_->exchange();
  exchange_owner_ = transport_->exchange_owner();
}

TrustedHalf::Turn& TrustedHalf::Turn::operator=(Turn&& other) noexcept {
  Return();
  lease_ = std::move(other.lease_);
  visit_ = std::move(other.visit_);
  return *this;
}

void TrustedHalf::Turn::Return() {
  visit_.reset();
  lease_.Return();
}

TrustedHalf::Turn TrustedHalf::Enter() {
  FairPool::Lease lease = turn_.Take();
  return {std::move(lease), transport_->BeginVisit()};
}

Reply TrustedHalf::Call(const Command& command) {
  if (lost_) {
    throw HostError(Status::kEnclaveDied, "the session is over: the trusted half has ended");
  }
  Reply reply{};
  const Status status = transport_->Call(command, &reply);
  if (IsOk(status)) {
    pads_ready_ = reply.info.pads_ready;
    if (reply.has_failure_log != 0) failure_log_ = reply.failure_log;
    pads_in_hand_ = reply.info.pads_in_hand;
    pads_unrecorded_ = reply.info.pads_unrecorded;
    return reply;
  }
  lost_ = true;
  throw HostError(status, transport_->failure(), "carrier " + transport_->label());
}

}  // namespace penumbra::host
