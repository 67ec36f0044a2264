// The ledger of a durable pad bank: which pads wait outside, and their seeds. docs/pad_bank.md describes every byte.
// Little endian. In the file and in the exchange region:
//   LedgerHead, u64 pad ids[pad_count] (ascending), ciphertext of the seeds (kPadSeedSize each), tag.
// AES-256-GCM, nonce zero; aad = everything before the ciphertext; the key serves this one ledger:
//   HKDF-Expand(the device's sealing key, kLedgerKeyContext || salt).
#ifndef PENUMBRA_BOUNDARY_PAD_LEDGER_H_
#define PENUMBRA_BOUNDARY_PAD_LEDGER_H_

#include <cstdint>

#include "boundary/limits.h"

namespace penumbra {

inline constexpr uint8_t kLedgerContext[24] = "penumbra pad ledger 1";  // zeros to the end
inline constexpr char kLedgerKeyContext[] = "penumbra pad ledger key 1";
// The counter's id is SHA-256(this || model id).
inline constexpr char kPadCounterContext[] = "penumbra pad counter 1";
inline constexpr uint32_t kPadSeedSize = 32;
inline constexpr uint64_t kMaxPadId = (uint64_t{1} << 40) - 1;  // HostJob::index has room for no more

struct LedgerHead {
  uint8_t context[24];        // kLedgerContext
  uint8_t model_id[32];       // SHA-256(vendor key || model name)
  uint8_t manifest_hash[32];  // SHA-256 of the bundle's manifest: version and contents of the model
  uint8_t device_id[32];      // SHA-256 of the device's public key
  uint64_t counter;           // the ledger counts while the monotonic counter has this value
  uint8_t salt[32];           // random
  uint32_t pad_count;         // at most kMaxPads
  uint32_t reserved;          // 0
};
static_assert(sizeof(LedgerHead) == 168);

constexpr uint64_t LedgerSize(uint64_t pad_count) {
  return sizeof(LedgerHead) + pad_count * (sizeof(uint64_t) + kPadSeedSize) + kAeadTagSize;
}

// Bytes of secure memory a durable bank of `capacity` pads takes: seeds, and one ledger in the making.
constexpr uint64_t DurableBankMemory(uint64_t capacity) {
  return AlignUp(capacity * kPadSeedSize, kTileAlignment) + AlignUp(LedgerSize(capacity), kTileAlignment);
}

}  // namespace penumbra

#endif  // PENUMBRA_BOUNDARY_PAD_LEDGER_H_
