// Closes the enclave process in, step by step. Every function tells what it achieved; the caller
// reports it. Order: Harden, then files and memory, TieToHost, UnshareNamespaces, CloseDescriptors,
// DenyFiles, DenySystemCalls.
#ifndef PENUMBRA_TEE_PROCESS_TRUSTED_SANDBOX_H_
#define PENUMBRA_TEE_PROCESS_TRUSTED_SANDBOX_H_

#include <cstdint>

#include "boundary/status.h"

namespace penumbra::tee {

// No core dumps, no ptrace by other processes of this user, no privileges by exec. kInternal when
// the kernel refuses any of them.
Status Harden(uint32_t* isolation);

// Makes the kernel end this process (SIGIO) when the other end of `lifeline` closes, whatever this
// process is doing. PR_SET_PDEATHSIG would follow the host's *thread* that started the enclave.
// kEnclaveDied when the host is gone already; kInternal.
Status TieToHost(int lifeline);

// Own user, network, IPC and mount namespaces; what the kernel does not permit is left out.
void UnshareNamespaces(uint32_t* isolation);

// Closes every descriptor except two (-1: none).
Status CloseDescriptors(int keep, int keep_too);

// Landlock: from now on no file can be opened, made or removed. Left out where the kernel has none.
void DenyFiles(uint32_t* isolation);

// seccomp: allows what the hand-off, the allocator, the random generator and the version counters
// on `versions_descriptor` (-1: none) need; anything else kills the process. kInternal when the
// filter cannot be installed.
Status DenySystemCalls(int versions_descriptor, uint32_t* isolation);

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_PROCESS_TRUSTED_SANDBOX_H_
