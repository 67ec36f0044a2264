// What a TEE must offer the trusted runtime. Exactly one implementation is linked or passed in per carrier.
// Functions are plain pointers so that the runtime has no globals and tests can inject faults.
#ifndef PENUMBRA_TRUSTED_PORT_PORT_H_
#define PENUMBRA_TRUSTED_PORT_PORT_H_

#include <cstddef>
#include <cstdint>

#include "boundary/protocol.h"
#include "boundary/status.h"

namespace penumbra::trusted {

struct Port {
  void* context;
  CarrierKind carrier;

  // Fills `out` with `size` bytes from the TEE's entropy source.
  Status (*entropy)(void* context, uint8_t* out, size_t size);

  // The device's X25519 private key, 32 bytes. The caller wipes it after use.
  Status (*device_key)(void* context, uint8_t out_key[32]);

  // Highest model version run so far for `id` = SHA-256(vendor key || model name); 0 when unknown.
  // `advance` records one durably before it returns, unless it is recorded already. kRolledBack: a larger one is.
  Status (*version_get)(void* context, const uint8_t id[32], uint64_t* out_version);
  Status (*version_advance)(void* context, const uint8_t id[32], uint64_t version);

  // A secret of this device and of this trusted runtime that survives restarts, 32 bytes. The caller wipes it after use.
  Status (*sealing_key)(void* context, uint8_t out_key[32]);

  // A counter that survives restarts and never has a value twice; 0: never moved. `advance` moves it from `from` to
  // a larger value, durably before it returns; of all calls with one `from` at most one gets kOk, the others
  // kRolledBack. Room for hardware: an RPMB write counter or a TPM NV counter moves by one, and every move wears it.
  Status (*counter_get)(void* context, const uint8_t id[32], uint64_t* out_value);
  Status (*counter_advance)(void* context, const uint8_t id[32], uint64_t from, uint64_t* out_value);

  // Broken internal invariant: never returns. Called after secrets are wiped.
  void (*abort)(void* context);
};

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_PORT_PORT_H_
