#include "tee/software/port.h"

#include <unistd.h>

#include <cstring>

#include "crypto/hash.h"
#include "crypto/random.h"

namespace penumbra::tee {
namespace {

SoftwarePortContext* Self(void* context) { return static_cast<SoftwarePortContext*>(context); }

Status Entropy(void*, uint8_t* out, size_t size) { return crypto::RandomBytes({out, size}); }

Status DeviceKey(void* context, uint8_t out_key[32]) {
  std::memcpy(out_key, Self(context)->device_key, 32);
  return Status::kOk;
}

Status VersionGet(void* context, const uint8_t id[32], uint64_t* out_version) {
  return Self(context)->versions->Get(std::span<const uint8_t, 32>(id, 32), out_version);
}

Status VersionAdvance(void* context, const uint8_t id[32], uint64_t version) {
  return Self(context)->versions->Advance(std::span<const uint8_t, 32>(id, 32), version);
}

// Simulated: whoever has the file of the device key has this, too.
Status SealingKey(void* context, uint8_t out_key[32]) {
  constexpr uint8_t kPurpose[] = "penumbra sealing key 1";
  return crypto::DeriveKey(std::span<const uint8_t, 32>(Self(context)->device_key),
                           std::span(kPurpose).first(sizeof(kPurpose) - 1),
                           std::span<uint8_t, 32>(out_key, 32));
}

Status CounterAdvance(void* context, const uint8_t id[32], uint64_t from, uint64_t* out_value) {
  return Self(context)->versions->Move(std::span<const uint8_t, 32>(id, 32), from, out_value);
}

// No abort(3): it raises signals, prints and dumps core.
[[noreturn]] void Abort(void*) { _exit(kAbortExitCode); }

}  // namespace

trusted::Port MakeSoftwarePort(SoftwarePortContext* context, CarrierKind carrier) {
  return {
      .context = context,
      .carrier = carrier,
      .entropy = Entropy,
      .device_key = DeviceKey,
      .version_get = VersionGet,
      .version_advance = VersionAdvance,
      .sealing_key = SealingKey,
      .counter_get = VersionGet,
      .counter_advance = CounterAdvance,
      .abort = Abort,
  };
}

}  // namespace penumbra::tee
