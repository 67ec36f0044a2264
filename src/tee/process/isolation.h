// Words for what an enclave process achieved, shared by the host's label and the enclave's self
// report.
#ifndef PENUMBRA_TEE_PROCESS_ISOLATION_H_
#define PENUMBRA_TEE_PROCESS_ISOLATION_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace penumbra::tee {

struct IsolationName {
  uint32_t bit;        // IsolationBits
  const char* name;    // stable, for machines
  const char* effect;  // for people
};

inline constexpr size_t kIsolationCount = 10;
extern const IsolationName kIsolationNames[kIsolationCount];

// "seccomp, landlock, ...; without: secret-memory"; "not started" for 0.
std::string IsolationText(uint32_t isolation);

}  // namespace penumbra::tee

#endif  // PENUMBRA_TEE_PROCESS_ISOLATION_H_
