#include "trusted/session/failure_log.h"

#include <cstring>

#include "trusted/base/result.h"
#include "trusted/base/secret.h"

namespace penumbra::trusted {

Status FailureLogger::Open(const Port& port, std::span<const uint8_t, 32> vendor_key) {
  constexpr size_t kInfoSize = sizeof(kFailureLogContext) - 1;
  const std::span<const uint8_t> info{reinterpret_cast<const uint8_t*>(kFailureLogContext), kInfoSize};
  Secret<32> ephemeral;
  PENUMBRA_TRY(port.entropy(port.context, ephemeral.mutable_bytes().data(), 32));
  const Status status = sender_.Setup(ephemeral.bytes(), vendor_key, info, enc_);
  return status == Status::kInvalidArgument ? Status::kPlanRejected : status;
}

Status FailureLogger::Seal(const FailureRecord& record, FailureLog* out_log) {
  *out_log = {};
  PENUMBRA_TRY(sender_.Seal({}, {reinterpret_cast<const uint8_t*>(&record), sizeof(record)}, out_log->sealed,
                            out_log->tag));
  std::memcpy(out_log->enc, enc_, sizeof(enc_));
  return Status::kOk;
}

}  // namespace penumbra::trusted
