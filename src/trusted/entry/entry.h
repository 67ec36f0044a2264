// The only door into the trusted runtime: one command in, one reply out, no call back.
#ifndef PENUMBRA_TRUSTED_ENTRY_ENTRY_H_
#define PENUMBRA_TRUSTED_ENTRY_ENTRY_H_

#include <cstdint>
#include <span>

#include "boundary/protocol.h"
#include "boundary/status.h"
#include "trusted/port/port.h"

namespace penumbra::trusted {

// Bytes the Enclave object itself takes, to be counted with the secure memory by the carrier.
class Enclave;

// Builds the runtime at the start of `secure_memory` (64-byte aligned private memory; everything the runtime
// will ever use) over `exchange` (shared with the host, hostile, 64-byte aligned, at least
// kLoadWindowSize bytes). Both outlive the enclave. The port is copied.
// Errors: kSecureMemoryExceeded, kInvalidArgument, kSelfTestFailed, or the port's.
Status CreateEnclave(std::span<uint8_t> secure_memory, std::span<uint8_t> exchange, const Port& port,
                     Enclave** out_enclave);

// Runs one command to its next job, its end or its failure. `command` and `out_reply` are private copies:
// the carrier copies them in and out. One call at a time.
void Dispatch(Enclave* enclave, const Command& command, Reply* out_reply);

// Wipes everything. The enclave must not be used afterwards.
void DestroyEnclave(Enclave* enclave);

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_ENTRY_ENTRY_H_
