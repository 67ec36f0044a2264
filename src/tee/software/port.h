// The trusted runtime's port on an operating system: entropy from the crypto facade, device key and
// counters given by the carrier. The sealing key and the counters are simulated: one follows from the
// file of the device key, the others are a file (versions.h), and this machine's owner has both.
#ifndef PENUMBRA_TEE_SOFTWARE_PORT_H_
#define PENUMBRA_TEE_SOFTWARE_PORT_H_

#include <cstdint>

#include "boundary/protocol.h"
#include "tee/software/versions.h"
#include "trusted/port/port.h"

namespace penumbra::tee {

// Lives in secure memory, longer than the enclave. `versions` is borrowed.
struct SoftwarePortContext {
  uint8_t device_key[32];
  Versions* versions;
};

// The exit code of a process whose trusted runtime found a broken invariant.
inline constexpr int kAbortExitCode = 70;

trusted::Port MakeSoftwarePort(SoftwarePortContext* context, CarrierKind carrier);

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_SOFTWARE_PORT_H_
