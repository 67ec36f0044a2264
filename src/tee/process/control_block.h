// The page through which host and enclave process hand commands over. Shared memory: the enclave
// treats all of it as hostile and copies a command in exactly once.
#ifndef PENUMBRA_TEE_PROCESS_CONTROL_BLOCK_H_
#define PENUMBRA_TEE_PROCESS_CONTROL_BLOCK_H_

#include <atomic>
#include <cstdint>

#include "boundary/protocol.h"

namespace penumbra::tee {

// Descriptors the enclave process is born with; 0 and 1 are /dev/null, 2 is the host's standard
// error.
inline constexpr int kLifelineDescriptor = 3;  // socket whose other end is the host's life
inline constexpr int kControlDescriptor = 4;   // memfd of one ControlBlock
inline constexpr int kExchangeDescriptor =
    5;  // memfd of the exchange region, sealed against resizing
inline constexpr int kFirstUnusedDescriptor = 6;

// What the enclave process achieved before it took its first command.
enum IsolationBits : uint32_t {
  kIsolatedSeccomp = 1u << 0,   // system calls beyond a short list kill the process
  kIsolatedLandlock = 1u << 1,  // no file can be opened
  kIsolatedUserNamespace = 1u << 2,
  kIsolatedNetNamespace = 1u << 3,
  kIsolatedIpcNamespace = 1u << 4,
  kIsolatedMountNamespace = 1u << 5,
  kIsolatedSecretMemory = 1u << 6,  // memfd_secret(2)
  kIsolatedLockedMemory = 1u << 7,  // never swapped out
  kIsolatedUndumpable = 1u << 8,    // no core, no ptrace by the same user
  kIsolatedNoNewPrivileges = 1u << 9,
};

inline constexpr uint32_t kStartupTextSize = 240;

// Written by the enclave before `started` becomes 1.
struct StartupReport {
  Status status;
  uint32_t isolation;           // IsolationBits
  char text[kStartupTextSize];  // zero-terminated; why status is not kOk
};

// One side writes a sequence word, the other waits for it to change. A waiter that gives up
// spinning sets its `asleep` word first, so that a wake-up costs a system call only when somebody
// sleeps.
struct alignas(64) HandoffWord {
  std::atomic<uint32_t> sequence;
  std::atomic<uint32_t> asleep;
};

struct ControlBlock {
  HandoffWord request;   // written by the host, awaited by the enclave
  HandoffWord response;  // written by the enclave, awaited by the host
  HandoffWord started;   // written once by the enclave
  alignas(64) Command command;
  alignas(64) Reply reply;
  alignas(64) StartupReport startup;
};
static_assert(std::atomic<uint32_t>::is_always_lock_free);
static_assert(sizeof(std::atomic<uint32_t>) == 4);
static_assert(sizeof(ControlBlock) <= 4096);

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_PROCESS_CONTROL_BLOCK_H_
