#include "tee/software/port.h"

#include <unistd.h>

#include <cstring>

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
      .abort = Abort,
  };
}

}  // namespace penumbra::tee
