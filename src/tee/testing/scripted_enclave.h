// A stand-in for the trusted runtime behind trusted/entry/entry.h, so that carriers are tested
// alone. The first argument of a kHello command says what it does.
#ifndef PENUMBRA_TEE_TESTING_SCRIPTED_ENCLAVE_H_
#define PENUMBRA_TEE_TESTING_SCRIPTED_ENCLAVE_H_

#include <cstdint>

namespace penumbra::tee {

enum class Script : uint64_t {
  kNothing = 0,         // replies at once
  kInvert = 1,          // inverts args[1] bytes of the exchange region; clamped_count: their sum
  kAbort = 2,           // the port's abort
  kHang = 3,            // never replies
  kOpenFile = 4,        // tries to open a file, which a sandbox must not survive
  kFork = 5,            // likewise
  kConnect = 6,         // likewise
  kMapExecutable = 7,   // likewise
  kAdvanceVersion = 8,  // version_advance of the all-ones id to args[1]
  kGetVersion = 9,      // clamped_count: version_get of the all-ones id
  kDeviceKey = 10,      // clamped_count: first eight bytes of the device key
  kEntropy = 11,        // fills args[1] bytes of the exchange region with entropy
  kAllocate = 12,       // mallocs and frees args[1] bytes, as libcrypto may
  kSleep = 13,          // replies after args[1] nanoseconds of waiting
  kWrongReply = 14,     // reply.status = kIntegrity
};

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_TESTING_SCRIPTED_ENCLAVE_H_
