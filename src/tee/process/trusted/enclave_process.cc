#include "tee/process/trusted/enclave_process.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstring>
#include <new>

#include "crypto/random.h"
#include "tee/process/trusted/sandbox.h"

namespace penumbra::tee {
namespace {

// A region that could shrink would turn the enclave's next access into SIGBUS; one whose seals
// could be added to could become read-only under it.
constexpr int kRequiredSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

Status MapSealed(int descriptor, uint64_t min_size, std::span<uint8_t>* out_bytes) {
  struct stat info;
  const int seals = fcntl(descriptor, F_GET_SEALS);
  if (seals < 0 || (seals & kRequiredSeals) != kRequiredSeals || fstat(descriptor, &info) != 0 ||
      static_cast<uint64_t>(info.st_size) < min_size) {
    return Status::kInvalidArgument;
  }
  const auto size = static_cast<size_t>(info.st_size);
  void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (address == MAP_FAILED) return Status::kOutOfMemory;
  *out_bytes = {static_cast<uint8_t*>(address), size};
  return Status::kOk;
}

// Reads every word once and no more: the host may change the source meanwhile.
template <typename Record>
Record CopyInOnce(const Record& shared) {
  static_assert(sizeof(Record) % sizeof(uint64_t) == 0);
  constexpr size_t kWords = sizeof(Record) / sizeof(uint64_t);
  const auto* source = reinterpret_cast<const volatile uint64_t*>(&shared);
  uint64_t words[kWords];
  for (size_t i = 0; i < kWords; ++i) words[i] = source[i];
  Record copy;
  std::memcpy(&copy, words, sizeof(copy));
  return copy;
}

}  // namespace

Status EnclaveProcess::MapControl(int control_descriptor) {
  std::span<uint8_t> bytes;
  const Status status = MapSealed(control_descriptor, sizeof(ControlBlock), &bytes);
  if (IsOk(status)) control_ = reinterpret_cast<ControlBlock*>(bytes.data());
  return status;
}

Status EnclaveProcess::Prepare() {
  if (const Status status = Harden(&isolation_); !IsOk(status)) return status;
  if (const Status s = context_memory_.Allocate(sizeof(SoftwarePortContext)); !IsOk(s)) return s;
  context_ = new (context_memory_.bytes().data()) SoftwarePortContext{};
  context_->versions = &memory_versions_;
  return Status::kOk;
}

std::span<uint8_t, 32> EnclaveProcess::device_key() { return context_->device_key; }

Status EnclaveProcess::Enter(int exchange_descriptor, int lifeline, const EnclaveOptions& options,
                             const char** out_why) {
  *out_why = "the exchange region is too small, not sealed or cannot be mapped";
  if (const Status status = MapExchange(exchange_descriptor); !IsOk(status)) return status;
  if (options.state_directory != nullptr) {
    *out_why = "the version counters in the state directory cannot be used";
    const Status status = file_versions_.Open(options.state_directory);
    if (!IsOk(status)) return status;
    context_->versions = &file_versions_;
  }
  *out_why = "the trusted runtime cannot be created";
  if (const Status status = CreateRuntime(options); !IsOk(status)) return status;
  *out_why = "the sandbox cannot be closed";
  return CloseIn(lifeline);
}

Status EnclaveProcess::MapExchange(int descriptor) {
  return MapSealed(descriptor, kLoadWindowSize, &exchange_);
}

// Before the sandbox closes: no byte of the host has been looked at yet, and what libraries do only
// once (reading configuration, probing the processor) stays out of the filter.
Status EnclaveProcess::CreateRuntime(const EnclaveOptions& options) {
  if (const Status s = runtime_memory_.Allocate(options.secure_memory_size); !IsOk(s)) return s;
  if (runtime_memory_.is_secret()) isolation_ |= kIsolatedSecretMemory;
  if (runtime_memory_.is_locked() && context_memory_.is_locked())
    isolation_ |= kIsolatedLockedMemory;
  uint8_t warm_up[1];
  if (const Status status = crypto::RandomBytes(warm_up); !IsOk(status)) return status;
  return trusted::CreateEnclave(runtime_memory_.bytes().first(options.secure_memory_size),
                                exchange_, MakeSoftwarePort(context_, CarrierKind::kProcess),
                                &enclave_);
}

Status EnclaveProcess::CloseIn(int lifeline) {
  if (const Status status = TieToHost(lifeline); !IsOk(status)) return status;
  UnshareNamespaces(&isolation_);
  const int versions = file_versions_.descriptor();
  if (const Status s = CloseDescriptors(lifeline, versions >= 0 ? versions : lifeline); !IsOk(s))
    return s;
  DenyFiles(&isolation_);
  return DenySystemCalls(versions, &isolation_);
}

void EnclaveProcess::ReportStart(Status status, const char* text) {
  StartupReport report{};
  report.status = status;
  report.isolation = isolation_;
  std::strncpy(report.text, text, sizeof(report.text) - 1);
  std::memcpy(&control_->startup, &report, sizeof(report));
  Post(&control_->started, 1);
}

void EnclaveProcess::Serve(SpinBudget* budget) {
  uint32_t served = 0;
  for (;;) {
    if (!SpinWhileEqual(control_->request, served, budget)) {
      SleepWhileEqual(&control_->request, served, -1);
    }
    const uint32_t sequence = control_->request.sequence.load(std::memory_order_acquire);
    if (sequence == served) continue;
    const Command command = CopyInOnce(control_->command);
    Reply reply{};
    trusted::Dispatch(enclave_, command, &reply);
    std::memcpy(&control_->reply, &reply, sizeof(reply));
    served = sequence;
    Post(&control_->response, sequence);
  }
}

}  // namespace penumbra::tee
