// What the trusted half tells the vendor, and nobody else, about a reply it refused: one record, sealed by HPKE
// (RFC 9180, base mode; suite of crypto/hpke.h) to the key in the plan, info = kFailureLogContext, aad empty. Every failure
// of integrity leaves exactly these bytes, whatever failed. docs/integrity.md says what they are worth.
#ifndef PENUMBRA_BOUNDARY_FAILURE_LOG_H_
#define PENUMBRA_BOUNDARY_FAILURE_LOG_H_

#include <cstdint>

#include "boundary/limits.h"

namespace penumbra {

inline constexpr char kFailureLogContext[] = "penumbra failure log 1";
inline constexpr uint32_t kFailureRecordVersion = 1;

struct FailureRecord {
  uint32_t version;           // kFailureRecordVersion
  uint32_t layer;             // of the plan: the n-th public linear layer, or the n-th float segment
  uint32_t prime;             // plane of residues
  uint32_t row;               // of the reply
  uint32_t program;           // ProgramId
  uint32_t word;              // of the instruction in the program
  uint64_t start;             // programs started since the model was loaded, this one included
  uint64_t model_version;
  uint8_t manifest_hash[32];  // SHA-256 of the bundle's manifest, the whole COSE_Sign1 message
};
static_assert(sizeof(FailureRecord) == 72);

struct FailureLog {
  uint8_t enc[32];  // the encapsulated key
  uint8_t sealed[sizeof(FailureRecord)];
  uint8_t tag[kAeadTagSize];
};
static_assert(sizeof(FailureLog) == 120);

}  // namespace penumbra

#endif  // PENUMBRA_BOUNDARY_FAILURE_LOG_H_
