#include "tee/direct/trusted/direct_enclave.h"

#include <cstring>
#include <new>

namespace penumbra::tee {

DirectEnclave::~DirectEnclave() {
  if (enclave_ != nullptr) trusted::DestroyEnclave(enclave_);
}

Status DirectEnclave::Create(std::span<uint8_t> exchange, uint64_t secure_memory_size,
                             std::span<const uint8_t, 32> device_key, const char* state_directory) {
  if (enclave_ != nullptr) return Status::kWrongState;
  Versions* versions = &memory_versions_;
  if (state_directory != nullptr) {
    if (const Status status = file_versions_.Open(state_directory); !IsOk(status)) return status;
    versions = &file_versions_;
  }
  if (const Status s = context_memory_.Allocate(sizeof(SoftwarePortContext)); !IsOk(s)) return s;
  if (const Status s = runtime_memory_.Allocate(secure_memory_size); !IsOk(s)) return s;
  auto* context = new (context_memory_.bytes().data()) SoftwarePortContext{};
  std::memcpy(context->device_key, device_key.data(), device_key.size());
  context->versions = versions;
  return trusted::CreateEnclave(runtime_memory_.bytes().first(secure_memory_size), exchange,
                                MakeSoftwarePort(context, CarrierKind::kDirect), &enclave_);
}

void DirectEnclave::Call(const Command& command, Reply* out_reply) {
  const Command private_command = command;
  Reply reply{};
  trusted::Dispatch(enclave_, private_command, &reply);
  *out_reply = reply;
}

}  // namespace penumbra::tee
