#include "trusted/entry/entry.h"

#include <new>

#include "kernels/self_test.h"
#include "trusted/base/result.h"
#include "trusted/session/model.h"

namespace penumbra::trusted {

// Stands at the start of secure memory; the model owns the rest.
class Enclave {
 public:
  Enclave(std::span<uint8_t> memory, std::span<uint8_t> exchange, const Port& port, const KernelTable& kernels)
      : model(memory, exchange, port, kernels) {}
  Model model;
};

Status CreateEnclave(std::span<uint8_t> secure_memory, std::span<uint8_t> exchange, const Port& port,
                     Enclave** out_enclave) {
  *out_enclave = nullptr;
  const uint64_t self_size = AlignUp(sizeof(Enclave), kTileAlignment);
  const bool aligned = reinterpret_cast<uintptr_t>(secure_memory.data()) % kTileAlignment == 0 &&
                       reinterpret_cast<uintptr_t>(exchange.data()) % kTileAlignment == 0;
  PENUMBRA_REQUIRE(aligned && exchange.size() >= kLoadWindowSize, Status::kInvalidArgument);
  PENUMBRA_REQUIRE(secure_memory.size() >= self_size + kSelfTestScratchSize, Status::kSecureMemoryExceeded);
  const std::span<uint8_t> rest = secure_memory.subspan(self_size);
  const KernelTable& kernels = Kernels(DetectIsa());
  PENUMBRA_TRY(SelfTestKernels(kernels, rest.data()));
  auto* enclave = new (secure_memory.data()) Enclave(rest, exchange, port, kernels);
  const Status status = enclave->model.Init();
  if (!IsOk(status)) {
    DestroyEnclave(enclave);
    return status;
  }
  *out_enclave = enclave;
  return Status::kOk;
}

namespace {

std::span<const uint8_t> Nonce(const Command& start) {
  if ((start.flags & kStartReceipt) == 0) return {};
  return {reinterpret_cast<const uint8_t*>(start.args), sizeof(start.args)};
}

}  // namespace

void Dispatch(Enclave* enclave, const Command& command, Reply* out_reply) {
  *out_reply = Reply{};
  Model& model = enclave->model;
  HostJob* const job = &out_reply->job;
  switch (command.id) {
    case CommandId::kHello:
    case CommandId::kInfo: break;
    case CommandId::kLoad:
      out_reply->status =
          model.Load(command.args[0], command.run_count, command.args[1], command.vendor_key, job);
      break;
    case CommandId::kStart:
      out_reply->status = (command.flags & ~uint64_t{kStartReceipt}) != 0
                              ? Status::kInvalidArgument
                              : model.Start(command.run, command.program, Nonce(command), job);
      break;
    case CommandId::kStep:
      out_reply->status = model.Step(command.run, static_cast<Status>(static_cast<uint32_t>(command.args[0])),
                                     command.args[1], job);
      break;
    case CommandId::kOpenPadBank:
      out_reply->status = model.OpenPadBank(command.args[0], command.args[1], command.args[2]);
      break;
    case CommandId::kRecordPads:
      out_reply->status = model.RecordPads(command.args[0], command.args[1], &out_reply->ledger_size);
      break;
    case CommandId::kUnload: model.Unload(); break;
    default: out_reply->status = Status::kInvalidArgument; break;
  }
  if (!IsOk(out_reply->status)) *job = HostJob{};
  out_reply->receipt_size = model.TakeReceiptSize();
  out_reply->has_failure_log = model.TakeFailureLog(&out_reply->failure_log) ? 1 : 0;
  out_reply->info = model.GetInfo(command.run);
}

void DestroyEnclave(Enclave* enclave) {
  enclave->model.Unload();
  enclave->~Enclave();
}

}  // namespace penumbra::trusted
